//! The process under the recorder: opens the store, works it with several hands at once, and leaves word of each step,
//! before it begins and after it ended, in a file beside the store.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use imbot::store::{Key, Sqlite, Upkeep};
use serde::{Deserialize, Serialize};

use crate::disk::WORD;
use crate::operations::carry_out;
use crate::random::Random;
use crate::steps::Step;
use crate::world::World;

/// What a hand tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    Begins(usize, Step),
    /// With the numbers of new events.
    Ends(usize, Vec<u64>),
}

/// The store's file in a folder, and its key.
pub(crate) fn open(folder: &Path, settings: &str) -> Result<Sqlite, String> {
    let store = folder.join("store.db");
    let key = Key::of(&store, folder.join("store.key")).map_err(|error| error.to_string())?;
    Sqlite::open_with(&store, &key, settings).map_err(|error| error.to_string())
}

/// Works the store in a folder for so many steps of each hand, and closes it.
pub(crate) fn run(folder: &Path, world: &Path, seed: u64, steps: u64, settings: &str) {
    let world: World = serde_json::from_slice(&fs::read(world).unwrap()).unwrap();
    let mut options = OpenOptions::new();
    let word = options.append(true).create(true).open(folder.join(WORD));
    let word = Arc::new(word.unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Arc::new(open(folder, settings).unwrap());
    runtime.block_on(async {
        let hands = world.into_iter().enumerate().map(|(number, mut hand)| {
            let (store, word) = (Arc::clone(&store), Arc::clone(&word));
            let mut random = Random::new(seed ^ number as u64);
            tokio::spawn(async move {
                for _ in 0..steps {
                    let step = hand.choose(&mut random, number == 0);
                    tell(&word, &Word::Begins(number, step.clone()));
                    let told = carry_out(&*store, number, &hand, &step).await;
                    tell(&word, &Word::Ends(number, told.clone()));
                    hand.apply(&step, Some(&told));
                }
            })
        });
        for hand in hands.collect::<Vec<_>>() {
            hand.await.unwrap();
        }
        store.close().await.unwrap();
    });
}

fn tell(mut word: &File, what: &Word) {
    let mut line = serde_json::to_vec(what).unwrap();
    line.push(b'\n');
    word.write_all(&line).unwrap();
}
