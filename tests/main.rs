//! The end-to-end tests: one program, so that it links once.

mod bots;
mod event;
#[allow(dead_code, reason = "each suite takes what it needs")]
mod support;
