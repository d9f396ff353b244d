//! Tests power failures: `cargo test --release --test power_loss -- --images 10000 --seed 7`.
//!
//! A process uses a store while a recorder, loaded before the C library, records every change to
//! its files. The record is then cut at random positions, as a power failure would. Every resulting
//! disk image must open and contain all steps that the process had reported as done. One image of
//! each session is used by the next session and cut again, so cuts also fall into recoveries. The
//! first session of a chain creates the store. A run without flushes is the control: it must lose
//! data.

#![expect(clippy::print_stdout, reason = "the numbers go to standard output")]

mod check;
mod cuts;
mod disk;
mod effects;
mod file;
mod generators;
mod inspect;
mod operations;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/random.rs"]
mod random;
mod record;
mod session;
mod steps;
mod work;
mod world;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use disk::Image;
use random::Random;
use session::{Counts, Session, Stage};
use tokio::time::Instant;
use world::{WORKERS, Worker};

/// Default number of images.
const IMAGES: u64 = 200;

/// Number of images of a session.
const IMAGES_PER_SESSION: u64 = 40;

/// Number of sessions in a chain, each on an image of the one before.
const SESSIONS_PER_CHAIN: u64 = 8;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [command, folder, world, seed, steps, settings] = &args[..]
        && command == "work"
    {
        let (seed, steps) = (seed.parse().unwrap(), steps.parse().unwrap());
        work::run(Path::new(folder), Path::new(world), seed, steps, settings);
        return ExitCode::SUCCESS;
    }
    if !program::is_meant("power_loss") {
        return ExitCode::SUCCESS;
    }
    let images = program::number("--images").unwrap_or(IMAGES);
    program::verdict("power_loss", &run(program::seed(), images))
}

/// Runs all sessions. Returns what is wrong.
fn run(seed: u64, images: u64) -> Vec<String> {
    println!("power_loss: {images} images, seed {seed}");
    let folder = program::folder();
    let stage = Stage {
        recorder: record::build(folder.path()),
        folder: folder.path().canonicalize().unwrap(),
    };
    let (start, mut random) = (Instant::now(), Random::new(seed));
    let mut counts = Counts::default();
    while counts.images < images / 5 {
        let mut session = Session::new(IMAGES_PER_SESSION, empty());
        session.opens_only = true;
        session.run(&stage, &mut random, &mut counts);
    }
    while counts.images < images {
        chain(&stage, &mut random, images, &mut counts);
    }
    println!("power_loss: {counts}, in {:.0?}", start.elapsed());
    let mut control = Counts::default();
    while control.images < (images / 10).max(IMAGES_PER_SESSION) {
        let mut session = Session::new(IMAGES_PER_SESSION, empty());
        session.settings = "PRAGMA synchronous = NORMAL".to_owned();
        session.run(&stage, &mut random, &mut control);
    }
    println!("power_loss, synchronous = NORMAL: {control}");
    let mut wrong = Vec::new();
    if !counts.is_clean() || (control.damaged, control.unopenable) != (0, 0) {
        wrong.push("a power failure lost or damaged data".to_owned());
    }
    if control.lost == 0 {
        wrong.push("nothing was lost without flushes, so this test cannot find a loss".to_owned());
    }
    wrong
}

/// Runs sessions one after another, starting with an empty folder.
fn chain(stage: &Stage, random: &mut Random, images: u64, counts: &mut Counts) {
    let mut last = empty();
    for _ in 0..SESSIONS_PER_CHAIN {
        let wanted = IMAGES_PER_SESSION.min(images - counts.images);
        if wanted == 0 {
            return;
        }
        let mut session = Session::new(wanted, last);
        // The log is moved into the database as often as in a busy store.
        let pages = [20, 100, 500, 16_000][random.place(4)];
        session.settings = format!("PRAGMA wal_autocheckpoint = {pages}");
        let Some(next) = session.run(stage, random, counts) else {
            return;
        };
        last = next;
    }
}

fn empty() -> (Image, Vec<Worker>) {
    (Image::new(), vec![Worker::default(); WORKERS])
}
