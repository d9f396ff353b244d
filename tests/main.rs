//! The end-to-end tests: one program, so that it links once.

mod bots;
mod browser;
mod e2e;
mod engine;
mod event;
mod examples;
mod house;
mod message;
mod serve;
mod store;
#[allow(dead_code, reason = "each suite takes what it needs")]
mod support;
mod testing;
