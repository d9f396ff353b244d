//! A file that cannot be used is refused in words that help, and is not touched.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use imbot::store::{Inbox, Key, OpenError, Sqlite, Upkeep};
use rusqlite::Connection;
use tempfile::TempDir;

use super::super::append;
use super::{Home, run};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_and_folder_are_made_for_their_owner_only() {
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
async fn a_second_process_is_kept_out_until_the_first_has_ended() {
    let home = Home::new();
    let store = home.open();
    let refusal = home.refusal();
    assert!(
        refusal.contains("another process runs on the store"),
        "{refusal}"
    );
    assert!(refusal.contains("store.db"), "it says where: {refusal}");
    let error = Sqlite::rekey(&home.path, &home.key, &Key::random(), |_, _| ()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(Sqlite::is_held(&home.path));
    drop(store);
    assert!(!Sqlite::is_held(&home.path));
    home.open();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
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
fn a_foreign_file_is_left_alone() {
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
async fn a_damaged_file_is_named_as_that() {
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
async fn damage_met_later_is_an_error_and_not_an_answer() {
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
fn a_file_that_everybody_may_read_is_refused() {
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
fn there_is_nothing_to_attend_where_no_store_is() {
    let home = Home::new();
    let error = Sqlite::attend(&home.path, &home.key).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(!home.path.exists(), "and none is made");
}

/// A small file system of its own, if this user may mount one.
pub(super) struct Mount(pub(super) TempDir);

impl Mount {
    pub(super) fn new(options: &str) -> Option<Mount> {
        let mount = Mount(TempDir::new().unwrap());
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(mount.0.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(mount),
            _ => {
                eprintln!("skipped: mounting a file system is not permitted here");
                std::mem::forget(mount);
                None
            }
        }
    }

    pub(super) fn again(&self, options: &str) {
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
async fn a_read_only_folder_is_named_as_that() {
    let Some(mount) = Mount::new("size=8m") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    drop(Sqlite::open(&path, &key).unwrap());
    mount.again("ro");
    let refusal = Sqlite::open(&path, &key).unwrap_err();
    assert!(matches!(refusal, OpenError::ReadOnly { .. }), "{refusal}");
}

#[tokio::test]
async fn a_full_disk_is_named_as_that() {
    let Some(mount) = Mount::new("size=64k") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    fs::write(mount.0.path().join("filler"), vec![0; 52 * 1024]).unwrap();
    let refusal = Sqlite::open(&path, &key).unwrap_err();
    assert!(matches!(refusal, OpenError::Full { .. }), "{refusal}");
    fs::remove_file(mount.0.path().join("filler")).unwrap();
    mount.again("size=8m");
    let store = Sqlite::open(&path, &key).unwrap();
    append(&store, 1, "27").await;
}
