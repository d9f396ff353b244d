//! Runs all ready-made bots in one process.
fn main() {}
