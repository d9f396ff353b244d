//! `register` and `unregister`: update the bots of this program on its portals, or remove them.

use std::error::Error;
use std::sync::Arc;

use clap::Args;

use super::Done;
use crate::app::App;
use crate::config::{Config, StorePlace};
use crate::engine::{Engine, Mode, Step};
use crate::portal::{self, Portal};
use crate::store::{Memory, Store};

#[derive(Args)]
pub(super) struct Register {
    /// Only print what would be changed
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
pub(super) struct Unregister {
    /// Remove the bots, and with them their private chats
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    config: Config,
}

/// Updates the portals to match this program, as `run` does at its start.
pub(super) async fn register(app: App, register: Register) -> Done {
    let mode = if register.dry_run {
        Mode::DryRun
    } else {
        Mode::Apply
    };
    let engine = idle_engine(app, &register.config).await?;
    each(&engine, mode, async |portal| {
        engine.register(portal, mode).await
    })
    .await
}

/// Removes the bots from the portals.
pub(super) async fn unregister(app: App, unregister: Unregister) -> Done {
    let mode = if unregister.yes {
        Mode::Apply
    } else {
        Mode::DryRun
    };
    let engine = idle_engine(app, &unregister.config).await?;
    each(&engine, mode, async |portal| {
        engine.unregister(portal, mode).await
    })
    .await?;
    if !unregister.yes {
        out!("Nothing is removed yet: add --yes.");
    }
    Ok(())
}

/// Returns an engine that knows the portals and is not started. Another process may be running on
/// the same store.
pub(super) async fn idle_engine(app: App, config: &Config) -> Result<Arc<Engine>, Box<dyn Error>> {
    let is_there = match config.store.place() {
        StorePlace::Memory => false,
        StorePlace::File(file) => file.exists(),
        StorePlace::Postgres(_) => true,
    };
    let store: Arc<dyn Store> = if is_there {
        config.store.attend()?
    } else {
        Arc::new(Memory::new()) // portals of inbound webhooks need no store
    };
    let engine = app.shared_store(store).engine(config)?;
    engine.load_portals().await?;
    Ok(engine)
}

/// Prints the steps on each portal.
async fn each(
    engine: &Engine,
    mode: Mode,
    steps: impl AsyncFn(&Portal) -> Result<Vec<Step>, portal::Error>,
) -> Done {
    let portals = engine.portals();
    if portals.is_empty() {
        return Err(
            "no portal is known: install the application on one, or set IMBOT_PORTAL".into(),
        );
    }
    let mut refused = 0;
    for id in portals {
        let Some(portal) = engine.portal(&id) else {
            continue;
        };
        out!("{id}");
        match steps(&portal).await {
            Ok(steps) if steps.is_empty() => out!("  nothing to do"),
            Ok(steps) => {
                let label = if mode == Mode::Apply { "done" } else { "would" };
                for step in steps {
                    out!("  {label}: {step}");
                }
            }
            Err(error) => {
                refused += 1;
                out!("  refused: {error}");
            }
        }
    }
    match refused {
        0 => Ok(()),
        refused => Err(format!("{refused} of the portals refused").into()),
    }
}
