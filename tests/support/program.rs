//! Shared by tests that are programs of their own: command line, folder, and closing line.

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// Returns the number after an option, such as `--seed 7`.
pub(crate) fn number(name: &str) -> Option<u64> {
    let mut args = env::args().skip_while(|arg| arg != name).skip(1);
    args.next()?.parse().ok()
}

/// Returns the given seed, or a random one.
pub(crate) fn seed() -> u64 {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    number("--seed").unwrap_or_else(|| u64::from(clock.unwrap_or_default().subsec_nanos()))
}

/// Whether `cargo test WORD` selects this test; each of our own options has a number after it.
pub(crate) fn is_meant(name: &str) -> bool {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut words = args
        .iter()
        .filter(|arg| !arg.starts_with("--") && arg.parse::<u64>().is_err());
    words.next().is_none_or(|word| name.contains(word.as_str()))
}

/// Returns a folder with fast flushes, for tests that are not about the disk.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    }
    .expect("a folder")
}

/// Prints the closing line with the counts, and returns the exit code.
#[expect(
    clippy::print_stdout,
    reason = "what a test found goes to standard output"
)]
pub(crate) fn verdict(name: &str, wrong: &[String]) -> ExitCode {
    for wrong in wrong {
        println!("{name}: {wrong}");
    }
    let failed = usize::from(!wrong.is_empty());
    println!("{name}: {} passed, {failed} failed", 1 - failed);
    ExitCode::from(failed as u8)
}
