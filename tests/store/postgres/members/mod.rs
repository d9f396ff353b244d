//! Several processes on one store: each portal is the work of one of them, whatever happens to the
//! others.

mod arrivals;
pub(super) mod node;
mod ownership;
