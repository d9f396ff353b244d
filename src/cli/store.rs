//! `store`: shows the status of the store, makes a backup, changes the key.

use std::error::Error;
use std::path::PathBuf;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Done;
use crate::config::{StoreConfig, StoreConfigError};
use crate::store::{Clock, Key, Sqlite, Status, Time};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show how much is stored, and how long the oldest waiting item has waited
    Status {
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Copy the store to a new file, also while the bots run; the key is not copied
    Backup {
        /// The new file
        to: PathBuf,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Seal everything with a new key; the bots must not run
    ///
    /// The key file gets the new key; the old file is kept next to it with `.old` at its end. A key
    /// from a setting cannot be changed there: pass the new one as --new-key.
    Rekey {
        /// The new key, 32 bytes in base64. Default: a random one, for the key file
        #[arg(long, env = "IMBOT_NEW_STORE_KEY", hide_env_values = true)]
        new_key: Option<SecretString>,
        #[command(flatten)]
        place: StoreConfig,
    },
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Self::Status { json, place } => status(&place, json).await,
            Self::Backup { to, place } => {
                let bar = bar("pages");
                let store = place.attend_file()?;
                let progress = bar.clone();
                store
                    .backup(&to, move |done, all| advance(&progress, done, all))
                    .await?;
                bar.finish_and_clear();
                out!(
                    "The store is copied to {}. Keep its key as well: the copy cannot be opened without it.",
                    to.display()
                );
                Ok(())
            }
            Self::Rekey { new_key, place } => tokio::task::spawn_blocking(move || {
                rekey(&place, new_key).map_err(|error| error.to_string())
            })
            .await?
            .map_err(Into::into),
        }
    }
}

async fn status(place: &StoreConfig, as_json: bool) -> Done {
    let store = place.attend()?;
    let status = store.status().await?;
    if as_json {
        out!("{}", serde_json::to_string_pretty(&json!(status))?);
        return Ok(());
    }
    let now = Clock::default().now();
    let since = |oldest: Option<Time>| {
        oldest.map_or(String::new(), |oldest| {
            format!(
                ", the oldest since {oldest} ({} s)",
                now.since(oldest).as_secs()
            )
        })
    };
    let last = status.last_event.map_or(String::new(), |last| {
        format!("; the last arrived at {last}")
    });
    let Status {
        portals,
        events,
        calls,
        reminders,
        conversations,
        quarantined,
        dead,
        spooled,
        bytes,
        ..
    } = status;
    out!(
        "\
portals        {portals}
events         {events} waiting{}{last}
calls          {calls} waiting{}
reminders      {reminders} not due yet
conversations  {conversations}, and {quarantined} quarantined states
dead letters   {dead}
spooled        {spooled} deliveries
on the disk    {bytes} bytes",
        since(status.oldest_event),
        since(status.oldest_call),
    );
    Ok(())
}

/// Seals everything with a new key. The new key is on the disk before anything is sealed with it,
/// and the old key file is replaced after everything is.
fn rekey(place: &StoreConfig, new: Option<SecretString>) -> Result<(), Box<dyn Error>> {
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

/// Returns a progress bar; without a terminal it prints nothing.
fn bar(of: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} {msg}");
    ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(of)
}

fn advance(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}
