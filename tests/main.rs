//! The end-to-end tests: one program, so that it links once.

mod engine;
mod event;
mod house;
mod road;
mod serve;
mod store;
