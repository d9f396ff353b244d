//! The end-to-end tests: one program, so that it links once.

mod event;
