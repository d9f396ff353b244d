//! A long life: `cargo test --release --test soak -- --events 1000000 --seed 7`.
//!
//! An engine on a store in a file lives through forty days in a few seconds or minutes: handlers that fail, panic and
//! hang, a portal that refuses and loses answers, repeats, reminders, and programs that end in the middle of everything.
//! Nothing may be lost, done twice or out of order; file and memory may not grow; and what has an age limit is gone when
//! that is over. Without sweeping the file must grow, or else this test could not fail.

#![expect(clippy::print_stdout, reason = "the numbers go to standard output")]

mod bots;
mod ledger;
mod operator;
mod portal;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/random.rs"]
mod random;
mod soak;
mod visit;

use std::fs;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use imbot::store::Limits;
use rusqlite::Connection;
use tokio::time::Instant;

use soak::Soak;

/// How the bug of a bot panics, which nobody needs to read.
const BUG: &str = "a bug of the bot";

/// How many events a run without arguments has, and in how many days.
const EVENTS: u64 = 20_000;
const DAYS: u64 = 40;

/// After the first fifth of the days everything with an age limit has its size. By what factor that may grow.
const FILE_FACTOR: f64 = 1.5;
const MEMORY_FACTOR: f64 = 1.3;

/// What no later program may find, once every age limit is over.
const PASSING: &[&str] = &[
    "event", "body", "attempt", "call", "taken", "message", "seen", "dead", "aside", "reminder",
    "news",
];

fn main() -> ExitCode {
    if !program::is_meant("life") {
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
    println!("life: {events} events in {DAYS} days, seed {seed}");
    let wrong = [swept(events, seed), unswept(events / 4, seed)].concat();
    program::verdict("life", &wrong)
}

/// The life itself: what is wrong with it.
fn swept(events: u64, seed: u64) -> Vec<String> {
    let (folder, start) = (program::folder(), Instant::now());
    let file = folder.path().join("store.db");
    let mut life = Soak::new(file.clone(), seed, None);
    life.pass(DAYS / 5, events / DAYS);
    let early = (size(&file), memory());
    life.pass(DAYS - DAYS / 5, events / DAYS);
    let late = (size(&file), memory());
    let status = life.finish();
    let mut wrong = life.complaints();
    println!(
        "life: {} turns in {:.0?}; at the end {status:?}",
        life.ledger.turns(),
        start.elapsed()
    );
    for (what, early, late, factor) in [
        ("file", early.0, late.0, FILE_FACTOR),
        ("memory", early.1, late.1, MEMORY_FACTOR),
    ] {
        println!(
            "life: {what}, {early} bytes after a fifth, {late} at the end, {factor} times that allowed"
        );
        if late as f64 > early as f64 * factor {
            wrong.push(format!("the {what} grows"));
        }
    }
    life.pass(9, 0);
    wrong.extend(PASSING.iter().filter_map(|table| left(&file, table)));
    wrong
}

/// Ten days without sweeping: the file must grow.
fn unswept(events: u64, seed: u64) -> Vec<String> {
    let folder = program::folder();
    let file = folder.path().join("store.db");
    let mut never = Limits::default();
    let ages = [&mut never.dead, &mut never.messages, &mut never.occurrences];
    ages.into_iter()
        .for_each(|age| *age = Duration::from_secs(1 << 32));
    let mut life = Soak::new(file.clone(), seed, Some(never));
    life.pass(2, events / 10);
    let early = size(&file);
    life.pass(8, events / 10);
    let late = size(&file);
    println!("life: without sweeping {early} bytes after a fifth, {late} at the end");
    let grows = late as f64 > early as f64 * FILE_FACTOR;
    if grows {
        Vec::new()
    } else {
        vec!["without sweeping the file does not grow".to_owned()]
    }
}

fn left(file: &Path, table: &str) -> Option<String> {
    let database = Connection::open(file).unwrap();
    let count = |row: &rusqlite::Row<'_>| row.get::<_, u64>(0);
    let rows = database.query_row(&format!("SELECT count(*) FROM {table}"), [], count);
    let rows = rows.unwrap();
    (rows > 0).then(|| format!("{rows} rows are left in `{table}`"))
}

/// The store in a closed file, its log moved.
fn size(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

/// How much memory this process has (`VmRSS`).
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}
