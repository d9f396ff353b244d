//! Decides when a call is made: at once, after waiting in the portal's queue, or as part of a
//! batch.
//!
//! - `acquire.rs` makes a call wait for the rate limit, and runs the queue.
//! - `bucket.rs` keeps the portal's rate limit.
//! - `queue.rs` holds the calls that wait for it, in a fair order.
//! - `batching.rs` turns waiting calls into one `batch`.
//! - `breaker.rs` stops calls that the portal would refuse for a while.

pub(super) mod acquire;
pub(super) mod batching;
pub(super) mod breaker;
pub(super) mod bucket;
pub(super) mod queue;
