//! Several processes on one store: each portal is the work of one of them, whatever happens to the
//! others.

mod arrivals;
mod node;
mod ownership;
