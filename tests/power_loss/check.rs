//! Opens what a power failure left, and compares it with what was told before.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use imbot::store::{Appended, Inbox, Sqlite, Upkeep};
use rusqlite::Connection;
use tokio::runtime::Builder;

use crate::disk::Image;
use crate::generators::delivery;
use crate::look::look;
use crate::steps::Step;
use crate::work::{Word, open};
use crate::world::{Body, Hand, World};

/// What is wrong with an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("it does not open: {0}")]
    Unopenable(String),
    #[error("something is lost or there twice:\n{0}")]
    Lost(String),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// What the hands have told so far: the steps that ended are in the world, those that were begun may have happened.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) world: World,
    pub(crate) begun: Vec<Option<Step>>,
}

impl Told {
    pub(crate) fn new(world: World) -> Told {
        let begun = vec![None; world.len()];
        Told { world, begun }
    }

    pub(crate) fn hear(&mut self, word: &[u8]) {
        match serde_json::from_slice(word).expect("hands tell whole lines") {
            Word::Begins(hand, step) => self.begun[hand] = Some(step),
            Word::Ends(hand, ids) => {
                let step = self.begun[hand].take().expect("it was begun");
                self.world[hand].apply(&step, Some(&ids));
            }
        }
    }

    /// The world that a store holds, if it is one of those that are allowed.
    fn world(&self, found: &World) -> Result<World, Trouble> {
        let hands = self.world.iter().zip(&self.begun).zip(found);
        hands
            .map(|((told, begun), found)| fitting(told, begun.as_ref(), found))
            .collect()
    }
}

fn fitting(told: &Hand, begun: Option<&Step>, found: &Hand) -> Result<Hand, Trouble> {
    let (mut before, mut after) = (told.clone(), told.clone());
    if before.fits(found) {
        return Ok(before);
    }
    if let Some(step) = begun {
        after.apply(step, None);
        if after.fits(found) {
            return Ok(after);
        }
    }
    Err(Trouble::Lost(format!(
        "told {told:?}\nbegun {begun:?}\nfound {found:?}"
    )))
}

/// Puts the files of an image into a folder.
pub(crate) fn lay_out(folder: &Path, image: &Image) {
    fs::create_dir_all(folder).unwrap();
    for (name, data) in image {
        let path = folder.join(name);
        fs::write(&path, data).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, private).unwrap();
    }
}

/// Whether an image holds what was told; gives the world that it holds.
pub(crate) fn check(folder: &Path, image: &Image, told: &Told) -> Result<World, Trouble> {
    lay_out(folder, image);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let store = open(folder, "").map_err(Trouble::Unopenable)?;
        let runtime = Builder::new_current_thread().build().unwrap();
        let world = runtime.block_on(compare(&store, told))?;
        drop(store);
        is_sound(&folder.join("store.db"))?;
        Ok(world)
    }));
    fs::remove_dir_all(folder).unwrap();
    checked.unwrap_or_else(|_| Err(Trouble::Damaged("looking at it panicked".into())))
}

async fn compare(store: &Sqlite, told: &Told) -> Result<World, Trouble> {
    let failed = |error: imbot::store::StoreError| Trouble::Damaged(error.to_string());
    let found = look(store, &told.world).await.map_err(failed)?;
    let world = told.world(&found)?;
    // What was told to be written down is known, should it come again.
    for (number, hand) in told.world.iter().enumerate() {
        let Some((chats, body)) = &hand.heard else {
            continue;
        };
        let again = delivery(number, hand.hours, chats, *body);
        let appended = store.append(again).await.map_err(failed)?;
        if appended != Appended::Now(vec![None; chats.len()]) {
            return Err(Trouble::Lost(format!("a repeat is {appended:?}")));
        }
    }
    // It works on, and gives no number twice.
    let first = Body {
        number: 1,
        length: 100,
    };
    let new = delivery(0, 0, &[0], first);
    let last = told.world.iter().map(Hand::last_event).max();
    match store.append(new).await.map_err(failed)? {
        Appended::Now(ids) if ids[0].map(|id| id.0) > last => {}
        appended => {
            return Err(Trouble::Lost(format!(
                "after event {last:?} comes {appended:?}"
            )));
        }
    }
    store.close().await.map_err(failed)?;
    Ok(world)
}

/// What the contract does not show: the file itself, and rows that nobody needs any more.
fn is_sound(file: &Path) -> Result<(), Trouble> {
    let damaged = |error: rusqlite::Error| Trouble::Damaged(error.to_string());
    let database = Connection::open(file).map_err(damaged)?;
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0));
    for (sql, right) in [
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
        let answer = ask(sql).map_err(damaged)?;
        if answer != right {
            return Err(Trouble::Damaged(format!("{sql}: {answer}")));
        }
    }
    Ok(())
}
