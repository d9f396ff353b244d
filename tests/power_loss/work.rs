//! The recorded process: it opens the store and uses it with several workers at once. It reports
//! the start and the end of each step in a file next to the store.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use imbot::store::{Key, Sqlite, Upkeep};
use serde::{Deserialize, Serialize};

use crate::disk::REPORTS;
use crate::operations::execute;
use crate::random::Random;
use crate::steps::Step;
use crate::world::World;

/// A report of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Begins(usize, Step),
    /// Contains the numbers of new events.
    Ends(usize, Vec<u64>),
}

/// Opens the store in a folder.
pub(crate) fn open(folder: &Path, settings: &str) -> Result<Sqlite, String> {
    let store = folder.join("store.db");
    let key = Key::of(&store, folder.join("store.key")).map_err(|error| error.to_string())?;
    Sqlite::open_with(&store, &key, settings).map_err(|error| error.to_string())
}

/// Runs this number of steps of each worker on the store in a folder, and closes it.
pub(crate) fn run(folder: &Path, world: &Path, seed: u64, steps: u64, settings: &str) {
    let world: World = serde_json::from_slice(&fs::read(world).unwrap()).unwrap();
    let mut options = OpenOptions::new();
    let reports = options.append(true).create(true).open(folder.join(REPORTS));
    let reports = Arc::new(reports.unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Arc::new(open(folder, settings).unwrap());
    runtime.block_on(async {
        let tasks = world.into_iter().enumerate().map(|(number, mut worker)| {
            let (store, reports) = (Arc::clone(&store), Arc::clone(&reports));
            let mut random = Random::new(seed ^ number as u64);
            tokio::spawn(async move {
                for _ in 0..steps {
                    let step = worker.choose(&mut random, number == 0);
                    report(&reports, &Report::Begins(number, step.clone()));
                    let ids = execute(&*store, number, &worker, &step).await;
                    report(&reports, &Report::Ends(number, ids.clone()));
                    worker.apply(&step, Some(&ids));
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        store.close().await.unwrap();
    });
}

fn report(mut reports: &File, report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap();
    line.push(b'\n');
    reports.write_all(&line).unwrap();
}
