//! The server: invalid requests, slow requests, and too many connections.

mod refusals;
mod server;
mod slow;
