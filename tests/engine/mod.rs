//! The engine, with a store and a recorder: order, isolation, repeats, turns, bounds.

mod arrivals;
mod clock;
mod connectors;
mod durable;
mod failures;
mod hooks;
mod lines;
mod order;
mod reminders;
mod stage;
mod states;
mod trust;
mod turns;
mod urgency;
