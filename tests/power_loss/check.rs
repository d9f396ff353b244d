//! Opens the image that a power failure left, and compares it with the reported steps.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use imbot::store::{Appended, Inbox, Sqlite, Upkeep};
use rusqlite::Connection;
use tokio::runtime::Builder;

use crate::disk::Image;
use crate::generators::delivery;
use crate::inspect::read_world;
use crate::steps::Step;
use crate::work::{Report, open};
use crate::world::{Body, Worker, World};

/// A problem of an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the store does not open: {0}")]
    Unopenable(String),
    #[error("data is lost or stored twice:\n{0}")]
    Lost(String),
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// The steps that the workers have reported so far.
#[derive(Clone)]
pub(crate) struct Reported {
    /// The content after the steps that have ended.
    pub(crate) world: World,
    /// The step of each worker that has begun and not ended. It may be stored or not.
    pub(crate) begun: Vec<Option<Step>>,
}

impl Reported {
    pub(crate) fn new(world: World) -> Self {
        let begun = vec![None; world.len()];
        Self { world, begun }
    }

    pub(crate) fn add(&mut self, report: &[u8]) {
        match serde_json::from_slice(report).expect("workers write whole lines") {
            Report::Begins(worker, step) => self.begun[worker] = Some(step),
            Report::Ends(worker, ids) => {
                let step = self.begun[worker].take().expect("the step has begun");
                self.world[worker].apply(&step, Some(&ids));
            }
        }
    }

    /// Returns the expected content that matches the found one.
    fn matching(&self, found: &World) -> Result<World, Problem> {
        let workers = self.world.iter().zip(&self.begun).zip(found);
        workers
            .map(|((reported, begun), found)| matching(reported, begun.as_ref(), found))
            .collect()
    }
}

/// Returns what one worker expects, without or with the step that has begun.
fn matching(reported: &Worker, begun: Option<&Step>, found: &Worker) -> Result<Worker, Problem> {
    let (mut before, mut after) = (reported.clone(), reported.clone());
    if before.matches(found) {
        return Ok(before);
    }
    if let Some(step) = begun {
        after.apply(step, None);
        if after.matches(found) {
            return Ok(after);
        }
    }
    Err(Problem::Lost(format!(
        "reported {reported:?}\nbegun {begun:?}\nfound {found:?}"
    )))
}

/// Writes the files of an image into a folder.
pub(crate) fn write_image(folder: &Path, image: &Image) {
    fs::create_dir_all(folder).unwrap();
    for (name, data) in image {
        let path = folder.join(name);
        fs::write(&path, data).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, private).unwrap();
    }
}

/// Checks that an image contains the reported steps. Returns its content.
pub(crate) fn check(folder: &Path, image: &Image, reported: &Reported) -> Result<World, Problem> {
    write_image(folder, image);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let store = open(folder, "").map_err(Problem::Unopenable)?;
        let runtime = Builder::new_current_thread().build().unwrap();
        let world = runtime.block_on(compare(&store, reported))?;
        drop(store);
        check_file(&folder.join("store.db"))?;
        Ok(world)
    }));
    fs::remove_dir_all(folder).unwrap();
    checked.unwrap_or_else(|_| Err(Problem::Damaged("reading it panicked".into())))
}

async fn compare(store: &Sqlite, reported: &Reported) -> Result<World, Problem> {
    let failed = |error: imbot::store::StoreError| Problem::Damaged(error.to_string());
    let found = read_world(store, &reported.world).await.map_err(failed)?;
    let world = reported.matching(&found)?;
    // A repeat of a reported delivery is recognised.
    for (number, worker) in reported.world.iter().enumerate() {
        let Some((chats, body)) = &worker.last_delivery else {
            continue;
        };
        let again = delivery(number, worker.hours, chats, *body);
        let appended = store.append(again).await.map_err(failed)?;
        if appended != Appended::Now(vec![None; chats.len()]) {
            return Err(Problem::Lost(format!("a repeat is {appended:?}")));
        }
    }
    // The store accepts a new event, and uses no number twice.
    let first = Body {
        number: 1,
        length: 100,
    };
    let new = delivery(0, 0, &[0], first);
    let last = reported.world.iter().map(Worker::last_event).max();
    match store.append(new).await.map_err(failed)? {
        Appended::Now(ids) if ids[0].map(|id| id.0) > last => {}
        appended => {
            return Err(Problem::Lost(format!(
                "event {last:?} is followed by {appended:?}"
            )));
        }
    }
    store.close().await.map_err(failed)?;
    Ok(world)
}

/// Checks what the contract does not show: the file itself, and rows without a use.
fn check_file(file: &Path) -> Result<(), Problem> {
    let damaged = |error: rusqlite::Error| Problem::Damaged(error.to_string());
    let database = Connection::open(file).map_err(damaged)?;
    let query = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0));
    for (sql, expected) in [
        ("PRAGMA integrity_check", "ok"),
        (
            "SELECT format('%d', auto_vacuum) FROM pragma_auto_vacuum",
            "2",
        ),
        (
            "SELECT format('%d', count(*)) FROM attempt WHERE event NOT IN (SELECT id FROM event)",
            "0",
        ),
        (
            "SELECT format('%d', count(*)) FROM taken WHERE call NOT IN (SELECT id FROM call)",
            "0",
        ),
        (
            "SELECT format('%d', count(*)) FROM body WHERE uses <>
             (SELECT count(*) FROM event WHERE body = body.id) +
             (SELECT count(*) FROM dead WHERE body = body.id)",
            "0",
        ),
    ] {
        let answer = query(sql).map_err(damaged)?;
        if answer != expected {
            return Err(Problem::Damaged(format!("{sql}: {answer}")));
        }
    }
    Ok(())
}
