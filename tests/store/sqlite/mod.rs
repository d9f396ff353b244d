//! What only the store on a disk promises.

mod attending;
mod crash;
mod operator;
mod refusals;
mod secrets;
mod spool;
mod upgrade;
mod upkeep;
mod version_before;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imbot::store::{Key, Sqlite};
use tempfile::TempDir;

/// A folder with a store, and the key of the store.
pub(super) struct Home {
    folder: TempDir,
    pub(super) path: PathBuf,
    pub(super) key: Key,
}

impl Home {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        Self {
            folder,
            path,
            key: Key::random(),
        }
    }

    pub(super) fn open(&self) -> Sqlite {
        Sqlite::open(&self.path, &self.key).unwrap()
    }

    /// Returns the error of opening the store.
    fn refusal(&self) -> String {
        Sqlite::open(&self.path, &self.key).unwrap_err().to_string()
    }

    /// Returns a copy of the files as they are now, as a killed process would leave them.
    ///
    /// Another process copies them: closing a database's file in this one would drop SQLite's
    /// locks.
    fn copy(&self) -> Self {
        let Self { folder, path, key } = Self::new();
        let from = format!("{}/.", self.folder.path().display());
        run("cp", &["-r", &from, folder.path().to_str().unwrap()]);
        drop(key);
        let key = Key::from_base64(secrecy::ExposeSecret::expose_secret(&self.key.to_base64()));
        Self {
            folder,
            path,
            key: key.unwrap(),
        }
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// Returns true if a file of the folder contains these bytes.
fn contains(folder: &Path, bytes: &[u8]) -> bool {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap());
    files
        .into_iter()
        .any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}
