//! The readers of `tests/fuzz`, under libFuzzer.

#![no_main]

#[path = "../../readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|body: &[u8]| readers::read(body));
