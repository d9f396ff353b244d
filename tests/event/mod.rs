//! Decoding: every known body, and bodies that are damaged on purpose.

mod catalogue;
mod fixtures;
mod payload;
mod project;
mod properties;
