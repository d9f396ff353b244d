//! A soak test: `cargo test --release --test soak -- --events 1000000 --seed 7`.
//!
//! An engine on a SQLite store runs through forty days in a few seconds or minutes. Handlers fail,
//! panic and hang; the portal refuses calls and loses answers; events repeat; reminders become due;
//! programs end in the middle of their work. Nothing may be lost, done twice or out of order. The
//! file and the memory may not grow, and all data with an age limit must be gone after it. The
//! control is a run without sweeps, whose file must grow.

#![expect(clippy::print_stdout, reason = "the numbers go to standard output")]

mod bots;
mod ledger;
mod operator;
mod portal;
mod process;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/random.rs"]
mod random;
mod soak;

use std::fs;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use imbot::store::Limits;
use rusqlite::Connection;
use tokio::time::Instant;

use soak::Soak;

/// The payload of a bot's intended panic, which is not printed.
const BUG: &str = "a bug of the bot";

/// Default number of events.
const EVENTS: u64 = 20_000;

/// Number of days.
const DAYS: u64 = 40;

/// Maximum growth of the file after the first fifth of the days, when all data with an age limit
/// has reached its size.
const FILE_FACTOR: f64 = 1.5;

/// Maximum growth of the memory after the first fifth of the days.
const MEMORY_FACTOR: f64 = 1.3;

/// Tables that must be empty when all age limits have passed.
const TEMPORARY_TABLES: &[&str] = &[
    "event", "body", "attempt", "call", "taken", "message", "seen", "dead", "aside", "reminder",
    "news",
];

fn main() -> ExitCode {
    if !program::is_meant("soak") {
        return ExitCode::SUCCESS;
    }
    let events = program::number("--events").unwrap_or(EVENTS);
    let seed = program::seed();
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&BUG) {
            usual(info);
        }
    }));
    println!("soak: {events} events in {DAYS} days, seed {seed}");
    let wrong = [run(events, seed), run_without_sweeps(events / 4, seed)].concat();
    program::verdict("soak", &wrong)
}

/// Runs the test. Returns what is wrong.
fn run(events: u64, seed: u64) -> Vec<String> {
    let (folder, start) = (program::folder(), Instant::now());
    let file = folder.path().join("store.db");
    let mut soak = Soak::new(file.clone(), seed, None);
    soak.pass(DAYS / 5, events / DAYS);
    let early = (size(&file), memory());
    soak.pass(DAYS - DAYS / 5, events / DAYS);
    let late = (size(&file), memory());
    let status = soak.finish();
    let mut wrong = soak.problems();
    println!(
        "soak: {} turns in {:.0?}; at the end {status:?}",
        soak.ledger.turns(),
        start.elapsed()
    );
    for (what, early, late, factor) in [
        ("file", early.0, late.0, FILE_FACTOR),
        ("memory", early.1, late.1, MEMORY_FACTOR),
    ] {
        println!(
            "soak: {what}: {early} bytes after a fifth, {late} at the end, {factor} times as much allowed"
        );
        if late as f64 > early as f64 * factor {
            wrong.push(format!("the {what} grows"));
        }
    }
    soak.pass(9, 0);
    wrong.extend(
        TEMPORARY_TABLES
            .iter()
            .filter_map(|table| rows_left(&file, table)),
    );
    wrong
}

/// Runs ten days without sweeps, in which the file must grow. Returns what is wrong.
fn run_without_sweeps(events: u64, seed: u64) -> Vec<String> {
    let folder = program::folder();
    let file = folder.path().join("store.db");
    let mut limits = Limits::default();
    let ages = [
        &mut limits.dead,
        &mut limits.messages,
        &mut limits.occurrences,
    ];
    ages.into_iter()
        .for_each(|age| *age = Duration::from_secs(1 << 32));
    let mut soak = Soak::new(file.clone(), seed, Some(limits));
    soak.pass(2, events / 10);
    let early = size(&file);
    soak.pass(8, events / 10);
    let late = size(&file);
    println!("soak: without sweeps: {early} bytes after a fifth, {late} at the end");
    let grows = late as f64 > early as f64 * FILE_FACTOR;
    if grows {
        Vec::new()
    } else {
        vec!["the file does not grow without sweeps".to_owned()]
    }
}

/// Returns a message if a table has rows.
fn rows_left(file: &Path, table: &str) -> Option<String> {
    let database = Connection::open(file).unwrap();
    let count = |row: &rusqlite::Row<'_>| row.get::<_, u64>(0);
    let rows = database.query_row(&format!("SELECT count(*) FROM {table}"), [], count);
    let rows = rows.unwrap();
    (rows > 0).then(|| format!("{rows} rows are left in `{table}`"))
}

/// Returns the size of a closed store, in bytes.
fn size(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

/// Returns the memory of this process (`VmRSS`), in bytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}
