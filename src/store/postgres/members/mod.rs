//! The processes that work on the store, and what each owns.

mod instant;

pub(in crate::store::postgres) use instant::Instant;
