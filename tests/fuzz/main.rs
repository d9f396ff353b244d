//! Reads damaged bodies: `cargo test --release --test fuzz -- --seconds 60 --seed 7`.
//!
//! The fixtures of `tests/fixtures/events` are changed at random and given to everything that reads
//! a body from outside. No reader may panic, and readers that must agree may not disagree. A body
//! that fails is written to `target/fuzz`, and to be run again with
//! `cargo test --test fuzz -- --file PATH`.
//!
//! Without options it runs for [`BODIES`] bodies, so that a run does not depend on the machine.
//! `tests/fuzz/libfuzzer` gives the same readers to libFuzzer, which finds more and needs a nightly
//! compiler.

#![expect(clippy::print_stdout, reason = "the numbers go to standard output")]

mod mutate;
#[path = "../support/program.rs"]
#[expect(dead_code, reason = "it needs no folder")]
mod program;
#[path = "../support/random.rs"]
#[expect(dead_code, reason = "not all of its functions are needed")]
mod random;
mod readers;

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use random::Random;
use tokio::time::Instant;

/// Default number of bodies.
const BODIES: u64 = 10_000;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut args = env::args().skip_while(|arg| arg != "--file").skip(1);
    if let Some(path) = args.next() {
        readers::read(&fs::read(path).expect("the file is readable"));
        return ExitCode::SUCCESS;
    }
    if !program::is_meant("fuzz") {
        return ExitCode::SUCCESS;
    }
    let seed = program::seed();
    let seconds = program::number("--seconds").map(Duration::from_secs);
    let mut random = Random::new(seed);
    let seeds = fixtures(&root.join("fixtures/events"));
    let start = Instant::now();
    let (mut bodies, mut bytes) = (0_u64, 0);
    let mut wrong = Vec::new();
    let goes_on = |bodies| match seconds {
        Some(limit) => start.elapsed() < limit,
        None => bodies < BODIES,
    };
    while goes_on(bodies) && wrong.is_empty() {
        let body = mutate::mutate(&mut random, &seeds);
        if catch_unwind(AssertUnwindSafe(|| readers::read(&body))).is_err() {
            let path = save(root, &body);
            wrong.push(format!(
                "a body fails: cargo test --test fuzz -- --file {}",
                path.display()
            ));
        }
        bodies += 1;
        bytes += body.len();
    }
    println!(
        "fuzz: {bodies} bodies, {} MB, in {} s, seed {seed}",
        bytes / 1_000_000,
        start.elapsed().as_secs()
    );
    program::verdict("fuzz", &wrong)
}

/// Returns the bodies that are changed.
fn fixtures(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("a fixture").path())
        .filter(|path| !path.to_string_lossy().ends_with(".expect.json"))
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "form" || it == "json")
        })
        .collect();
    paths.sort(); // so that a seed repeats a run on any file system
    let read = |path| fs::read(path).expect("a fixture");
    paths.into_iter().map(read).collect()
}

/// Writes a body that fails to a file, and returns its path.
fn save(root: &Path, body: &[u8]) -> PathBuf {
    let folder = root.join("../target/fuzz");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("body");
    fs::write(&path, body).expect("written");
    path.canonicalize().unwrap_or(path)
}
