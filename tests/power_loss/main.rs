//! Power failures: `cargo test --release --test power_loss -- --images 10000 --seed 7`.
//!
//! A process works a store while a recorder, loaded before the C library, writes down whatever it does to its files. The
//! record is then cut at random places, as the power failing there would, and every image must open and hold what the
//! process had told to be done. One image of each session is worked on and cut again, so that cuts fall into recoveries,
//! too; the first session of a chain makes the store. A run without flushes is the control: it must lose something.

#![expect(clippy::print_stdout, reason = "the numbers go to standard output")]

mod check;
mod cuts;
mod disk;
mod effects;
mod file;
mod generators;
mod look;
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
use world::{HANDS, Hand};

/// How many images a run without arguments has.
const IMAGES: u64 = 200;

/// How many images a session gives, and how many sessions follow one another, each on an image of the one before.
const IMAGES_PER_SESSION: u64 = 40;
const SESSIONS_PER_CHAIN: u64 = 8;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [work, folder, world, seed, steps, settings] = &args[..]
        && work == "work"
    {
        let (seed, steps) = (seed.parse().unwrap(), steps.parse().unwrap());
        work::run(Path::new(folder), Path::new(world), seed, steps, settings);
        return ExitCode::SUCCESS;
    }
    if !program::is_meant("power") {
        return ExitCode::SUCCESS;
    }
    let images = program::number("--images").unwrap_or(IMAGES);
    program::verdict("power", &run(program::seed(), images))
}

/// What is wrong.
fn run(seed: u64, images: u64) -> Vec<String> {
    println!("power: {images} images, seed {seed}");
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
    println!("power: {counts}, in {:.0?}", start.elapsed());
    let mut control = Counts::default();
    while control.images < (images / 10).max(IMAGES_PER_SESSION) {
        let mut session = Session::new(IMAGES_PER_SESSION, empty());
        session.settings = "PRAGMA synchronous = NORMAL".to_owned();
        session.run(&stage, &mut random, &mut control);
    }
    println!("power, synchronous = NORMAL: {control}");
    let mut wrong = Vec::new();
    if !counts.is_clean() || (control.damaged, control.unopenable) != (0, 0) {
        wrong.push("a power failure may lose or damage something".to_owned());
    }
    if control.lost == 0 {
        wrong.push("nothing is lost without flushes, so this test finds nothing".to_owned());
    }
    wrong
}

/// Sessions that follow one another, from an empty folder on.
fn chain(stage: &Stage, random: &mut Random, images: u64, counts: &mut Counts) {
    let mut left = empty();
    for _ in 0..SESSIONS_PER_CHAIN {
        let wanted = IMAGES_PER_SESSION.min(images - counts.images);
        if wanted == 0 {
            return;
        }
        let mut session = Session::new(wanted, left);
        // Moving the log into the database is as frequent as in a store that has much to do.
        let pages = [20, 100, 500, 16_000][random.place(4)];
        session.settings = format!("PRAGMA wal_autocheckpoint = {pages}");
        let Some(next) = session.run(stage, random, counts) else {
            return;
        };
        left = next;
    }
}

fn empty() -> (Image, Vec<Hand>) {
    (Image::new(), vec![Hand::default(); HANDS])
}
