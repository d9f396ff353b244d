//! Tests that a file that cannot be used is not changed, and that the error helps the operator.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use imbot::store::{Inbox, Key, OpenError, Sqlite, Upkeep};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Home, run};
use imbot::store::contract::sample::append;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn new_files_and_folders_are_readable_by_their_owner_only() {
    let outside = TempDir::new().unwrap();
    let folder = outside.path().join("a/b");
    let path = folder.join("store.db");
    let key = Key::of(&path, folder.join("store.key")).unwrap();
    let store = Sqlite::open(&path, &key).unwrap();
    append(&store, 1, "27").await;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "store.db",
            "store.db-shm",
            "store.db-wal",
            "store.db.lock",
            "store.key"
        ]
    );
}

#[tokio::test]
async fn a_second_process_cannot_open_the_store_until_the_first_has_ended() {
    let home = Home::new();
    let store = home.open();
    let refusal = home.refusal();
    assert!(
        refusal.contains("another process runs on the store"),
        "{refusal}"
    );
    assert!(refusal.contains("store.db"), "it names the file: {refusal}");
    let error = Sqlite::rekey(&home.path, &home.key, &Key::random(), |_, _| ()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(Sqlite::is_held(&home.path));
    drop(store);
    assert!(!Sqlite::is_held(&home.path));
    home.open();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_not_changed() {
    let home = Home::new();
    drop(home.open());
    Connection::open(&home.path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(&home.path).unwrap();
    for refusal in [
        Sqlite::open(&home.path, &home.key).unwrap_err(),
        Sqlite::attend(&home.path, &home.key).unwrap_err(),
    ] {
        assert!(
            matches!(refusal, OpenError::Newer { found: 99, .. }),
            "{refusal}"
        );
        assert!(
            refusal.to_string().contains("run that version"),
            "{refusal}"
        );
    }
    assert!(
        fs::read(&home.path).unwrap() == before,
        "nothing was changed"
    );
}

#[test]
fn a_foreign_file_is_refused_and_not_changed() {
    let home = Home::new();
    let text = "my diary, ".repeat(1000);
    fs::write(&home.path, &text).unwrap();
    fs::set_permissions(&home.path, Permissions::from_mode(0o600)).unwrap();
    let refusal = home.refusal();
    assert!(refusal.contains("is not a store of imbot"), "{refusal}");
    assert!(fs::read_to_string(&home.path).unwrap() == text);

    let home = Home::new();
    let other = Connection::open(&home.path).unwrap();
    other.execute_batch("CREATE TABLE diary (text)").unwrap();
    drop(other);
    fs::set_permissions(&home.path, Permissions::from_mode(0o600)).unwrap();
    let before = fs::read(&home.path).unwrap();
    let refusal = home.refusal();
    assert!(refusal.contains("is not a store of imbot"), "{refusal}");
    assert!(
        fs::read(&home.path).unwrap() == before,
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_damaged_file_is_reported_as_damaged() {
    let home = Home::new();
    let store = home.open();
    for occurrence in 0..50 {
        append(&store, occurrence, "27").await;
    }
    store.close().await.unwrap();
    drop(store);
    let mut bytes = fs::read(&home.path).unwrap();
    bytes[100..].fill(0xa5);
    fs::write(&home.path, bytes).unwrap();
    let refusal = home.refusal();
    assert!(
        refusal.contains("is damaged") && refusal.contains("restore a backup"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_damaged_page_found_later_is_an_error() {
    let home = Home::new();
    let store = home.open();
    let mut ids = Vec::new();
    for occurrence in 0..50 {
        ids.push(append(&store, occurrence, "27").await);
    }
    store.close().await.unwrap();
    drop(store);
    let mut bytes = fs::read(&home.path).unwrap();
    let root: u32 = Connection::open(&home.path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'body'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let page = 4096 * (root as usize - 1);
    bytes[page..page + 4096].fill(0xa5);
    fs::write(&home.path, bytes).unwrap();
    let store = home.open();
    let error = store.event(ids[0]).await.unwrap_err().to_string();
    assert!(
        error.contains("the file is damaged") && error.contains("store.db"),
        "{error}"
    );
}

#[test]
fn a_file_that_every_user_may_read_is_refused() {
    let home = Home::new();
    drop(home.open());
    fs::set_permissions(&home.path, Permissions::from_mode(0o644)).unwrap();
    let refusal = home.refusal();
    assert!(
        refusal.contains("every user may read") && refusal.contains("chmod 600"),
        "{refusal}"
    );
}

#[test]
fn an_operators_command_does_not_create_a_missing_store() {
    let home = Home::new();
    let error = Sqlite::attend(&home.path, &home.key).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(!home.path.exists(), "no file is created");
}

/// A small file system for a test.
pub(super) struct Mount(pub(super) TempDir);

impl Mount {
    /// Mounts a file system. Returns `None` if this user may not mount one.
    pub(super) fn new(options: &str) -> Option<Self> {
        let mount = Self(TempDir::new().unwrap());
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(mount.0.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(mount),
            _ => {
                writeln!(
                    std::io::stderr(),
                    "skipped: mounting a file system is not permitted here"
                )
                .ok();
                std::mem::forget(mount);
                None
            }
        }
    }

    /// Mounts the file system again with other options.
    pub(super) fn remount(&self, options: &str) {
        run(
            "mount",
            &[
                "-o",
                &format!("remount,{options}"),
                self.0.path().to_str().unwrap(),
            ],
        );
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["--lazy", self.0.path().to_str().unwrap()]);
    }
}

#[tokio::test]
async fn a_read_only_folder_is_reported_as_read_only() {
    let Some(mount) = Mount::new("size=8m") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    drop(Sqlite::open(&path, &key).unwrap());
    mount.remount("ro");
    let refusal = Sqlite::open(&path, &key).unwrap_err();
    assert!(matches!(refusal, OpenError::ReadOnly { .. }), "{refusal}");
}

#[tokio::test]
async fn a_full_disk_is_reported_as_full() {
    let Some(mount) = Mount::new("size=64k") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    fs::write(mount.0.path().join("filler"), vec![0; 52 * 1024]).unwrap();
    let refusal = Sqlite::open(&path, &key).unwrap_err();
    assert!(matches!(refusal, OpenError::Full { .. }), "{refusal}");
    fs::remove_file(mount.0.path().join("filler")).unwrap();
    mount.remount("size=8m");
    let store = Sqlite::open(&path, &key).unwrap();
    append(&store, 1, "27").await;
}

#[test]
fn a_key_whose_store_is_missing_or_empty_is_logged_as_an_error() {
    let home = Home::new();
    let key = home.path.with_extension("key");
    let (log, _recording) = crate::support::log::Log::record();
    let said = || log.text().contains("THE STORE IS MISSING OR EMPTY");
    Key::of(&home.path, &key).unwrap();
    assert!(!said(), "a first start: {}", log.text());
    drop(Sqlite::open(&home.path, &Key::read(&key).unwrap()).unwrap());
    Key::of(&home.path, &key).unwrap();
    assert!(!said(), "the store is there: {}", log.text());
    std::fs::remove_file(&home.path).unwrap();
    Key::of(&home.path, &key).unwrap();
    assert!(said(), "{}", log.text());
}
