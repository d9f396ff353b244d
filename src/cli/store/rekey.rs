//! `store rekey`: changes the key of the store.

use std::error::Error;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::{Done, advance, bar};
use crate::config::{StoreConfig, StoreConfigError};
use crate::store::{Key, Sqlite};

/// Seals everything with a new key.
pub(super) async fn rekey(place: StoreConfig, new_key: Option<SecretString>) -> Done {
    #[cfg(feature = "postgres")]
    if let crate::config::StorePlace::Postgres(_) = place.place() {
        return of_database(&place, new_key.is_some()).await;
    }
    tokio::task::spawn_blocking(move || of_file(&place, new_key).map_err(|error| error.to_string()))
        .await?
        .map_err(Into::into)
}

/// Seals everything with the first key, while processes run.
#[cfg(feature = "postgres")]
async fn of_database(place: &StoreConfig, has_new_key: bool) -> Done {
    if has_new_key {
        return Err(
            "the processes on PostgreSQL change their keys one after the other: add the new key to --store-key of all of them, put it first in all of them, and run this command with the same keys, without --new-key".into(),
        );
    }
    let store = place.attend_postgres()?;
    let bar = bar("bodies");
    store.rekey(|done, all| advance(&bar, done, all)).await?;
    bar.finish_and_clear();
    out!(
        "Everything is sealed with the first key. The other keys can be removed from --store-key of all processes; keep them for older backups."
    );
    Ok(())
}

/// Seals everything with a new key. The new key is on the disk before anything is sealed with it,
/// and the old key file is replaced after everything is.
fn of_file(place: &StoreConfig, new: Option<SecretString>) -> Result<(), Box<dyn Error>> {
    let Some(file) = place.file() else {
        let place = place.place();
        return Err(StoreConfigError::NotAFile { place }.into());
    };
    let old = place.key()?;
    let bar = bar("bodies");
    let progress = |done, all| advance(&bar, done, all);
    if let Some(new) = new {
        Sqlite::rekey(
            &file,
            &old,
            &Key::from_base64(new.expose_secret())?,
            progress,
        )?;
        bar.finish_and_clear();
        out!("Everything is sealed with the new key. Start the bots with it.");
        return Ok(());
    }
    if place.key.is_some() {
        return Err(
            "the key comes from a setting, which cannot be changed here: pass the new one as IMBOT_NEW_STORE_KEY".into(),
        );
    }
    let key_file = place.key_file();
    let with_suffix = |suffix: &str| {
        let mut name = key_file.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (new_file, old_file) = (with_suffix(".new"), with_suffix(".old"));
    let new = Key::make(&new_file)?;
    Sqlite::rekey(&file, &old, &new, progress).inspect_err(|_| {
        let _ = std::fs::remove_file(&new_file); // nothing is sealed with it
    })?;
    bar.finish_and_clear();
    std::fs::rename(&key_file, &old_file)?;
    std::fs::rename(&new_file, &key_file)?;
    out!(
        "Everything is sealed with the new key in {}; the old one is in {}, for older backups.",
        key_file.display(),
        old_file.display()
    );
    Ok(())
}
