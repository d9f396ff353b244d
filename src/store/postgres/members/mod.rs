//! The members: the processes that work on one store, and which of them owns what.

mod assignment;
mod instant;
mod lease;

pub(super) use instant::Instant;
