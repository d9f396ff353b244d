//! `store`: shows the status of the store, makes a backup, changes the key, moves the store, and
//! assigns partitions to processes.

#[cfg(feature = "postgres")]
mod assign;
#[cfg(feature = "postgres")]
mod moving;
mod rekey;
mod status;

use std::path::PathBuf;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;

use super::Done;
use crate::config::StoreConfig;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show how much is stored, and how long the oldest waiting item has waited; for PostgreSQL
    /// also the processes and their partitions
    Status {
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Copy a store in a file to a new file, also while the bots run; the key is not copied
    Backup {
        /// The new file
        to: PathBuf,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Seal everything with a new key; with a store in a file, the bots must not run
    ///
    /// The key file gets the new key; the old file is kept next to it with `.old` at its end. A key
    /// from a setting cannot be changed there: pass the new one as --new-key. For PostgreSQL:
    /// everything is sealed with the first key of --store-key, while the bots run. All processes
    /// must seal with it already.
    Rekey {
        /// The new key, 32 bytes in base64. Default: a random one, for the key file
        #[arg(long, env = "IMBOT_NEW_STORE_KEY", hide_env_values = true)]
        new_key: Option<SecretString>,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Move everything from a file to PostgreSQL or back; the bots must not run
    ///
    /// The old store stays as it is. Both stores are compared at the end. If the command is
    /// interrupted, run it again: it continues. Until it has ended, no process starts on the new
    /// store.
    #[cfg(feature = "postgres")]
    Move(moving::Move),
    /// Assign a portal to a process, with all portals of its partition (PostgreSQL only)
    ///
    /// It stays there as long as a process of this name lives, also if others have less work.
    /// `store status` shows the names.
    #[cfg(feature = "postgres")]
    Assign {
        /// The portal, by its id or its host, or the number of a partition
        #[arg(value_name = "PORTAL|PARTITION")]
        what: String,
        /// The name of the process
        process: String,
        #[command(flatten)]
        place: StoreConfig,
    },
    /// Undo `store assign`: the partition goes where all processes have a fair share
    #[cfg(feature = "postgres")]
    Unassign {
        /// The portal, by its id or its host, or the number of a partition
        #[arg(value_name = "PORTAL|PARTITION")]
        what: String,
        #[command(flatten)]
        place: StoreConfig,
    },
}

impl Command {
    pub(super) async fn run(self) -> Done {
        match self {
            Self::Status { json, place } => status::show(&place, json).await,
            Self::Backup { to, place } => backup(&to, &place).await,
            Self::Rekey { new_key, place } => rekey::rekey(place, new_key).await,
            #[cfg(feature = "postgres")]
            Self::Move(own) => own.run().await,
            #[cfg(feature = "postgres")]
            Self::Assign {
                what,
                process,
                place,
            } => assign::assign(&place, &what, Some(&process)).await,
            #[cfg(feature = "postgres")]
            Self::Unassign { what, place } => assign::assign(&place, &what, None).await,
        }
    }
}

async fn backup(to: &std::path::Path, place: &StoreConfig) -> Done {
    let bar = bar("pages");
    let store = place.attend_file()?;
    let progress = bar.clone();
    store
        .backup(to, move |done, all| advance(&progress, done, all))
        .await?;
    bar.finish_and_clear();
    out!(
        "The store is copied to {}. Keep its key as well: the copy cannot be opened without it.",
        to.display()
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
