//! `store move`: moves everything from a file to PostgreSQL or back.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::{Done, advance, bar};
use crate::config::{StoreConfig, StorePlace};
use crate::store::{MoveError, MovePlace, MoveStep, OpenError, move_store};

#[derive(Args)]
pub(in crate::cli) struct Move {
    /// The new store: a file that does not exist yet, or the address of a database with an empty
    /// schema
    #[arg(
        long,
        env = "IMBOT_TO_STORE",
        value_name = "PLACE",
        hide_env_values = true
    )]
    to: PathBuf,
    /// The key of the new store, 32 bytes in base64. Default: the key in the key file
    #[arg(
        long,
        env = "IMBOT_TO_STORE_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    to_key: Option<SecretString>,
    /// The file with the key of the new store, created for a file. Default: the new file's name
    /// with `.key` appended; for PostgreSQL: imbot.key
    #[arg(long, env = "IMBOT_TO_STORE_KEY_FILE", value_name = "FILE")]
    to_key_file: Option<PathBuf>,
    #[command(flatten)]
    from: StoreConfig,
}

impl Move {
    pub(super) async fn run(self) -> Done {
        let to = StoreConfig {
            place: Some(self.to.into()),
            key: self.to_key,
            key_file: self.to_key_file,
            ..StoreConfig::default()
        };
        let (from_name, to_name) = (self.from.place(), to.place());
        let (source, target) = (source(&self.from)?, place(&to)?);
        let bar = bar("rows copied");
        let progress = bar.clone();
        let moving = tokio::task::spawn_blocking(move || {
            move_store(&source, &target, |step, done, all| {
                if let MoveStep::Compare = step {
                    progress.set_message("rows compared");
                }
                advance(&progress, done, all);
            })
        });
        let moved = moving.await??;
        bar.finish_and_clear();
        for (kind, rows) in moved {
            out!("{kind:18}  {rows}");
        }
        out!(
            "Everything is moved to {to_name}, and compared. Start the bots with this store. {from_name} is as it was: no bots may run on it any more, because each portal may have one store only."
        );
        Ok(())
    }
}

/// Returns the store to be moved. Creates no key.
fn source(config: &StoreConfig) -> Result<MovePlace, Box<dyn std::error::Error>> {
    match config.place() {
        StorePlace::File(path) if !path.exists() => Err(OpenError::Missing { path }.into()),
        _ => place(config),
    }
}

fn place(config: &StoreConfig) -> Result<MovePlace, Box<dyn std::error::Error>> {
    match config.place() {
        StorePlace::File(path) => Ok(MovePlace::File {
            path,
            key: config.key()?,
        }),
        StorePlace::Postgres(url) => Ok(MovePlace::Postgres {
            url,
            keys: config.keys()?,
        }),
        StorePlace::Memory => Err(MoveError::SameKind.into()),
    }
}
