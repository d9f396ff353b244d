//! At the door: bad input, slow input, and more of both than there is room for.

mod door;
mod refusals;
mod slow;
