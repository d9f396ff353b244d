//! The server: invalid requests, slow requests, and too many connections.

mod bounds;
mod health;
mod refusals;
mod server;
mod slow;
