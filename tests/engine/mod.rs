//! From event to answer: order, isolation, repeats, turns, bounds.

mod hooks;
mod order;
mod stage;
mod trust;
mod turns;
