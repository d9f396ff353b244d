//! `run`: runs the bots on their portals, or on one that is emulated in the same process.

use std::sync::Arc;

use clap::{Args, Command, FromArgMatches};

use super::Done;
#[cfg(feature = "emulator")]
use super::emulated;
use super::listen::{listen, serve_until_asked, with_admin};
use crate::app::App;
use crate::config::{Config, File, STORE};
use crate::engine::Engine;
use crate::serve;

#[derive(Args)]
pub(super) struct Run {
    /// Run a portal emulator in the same process and install the bots on it; needs no account,
    /// token or network
    #[cfg(feature = "emulator")]
    #[arg(long)]
    emulator: bool,

    #[command(flatten)]
    config: Config,
}

/// Returns what `run` does without flags.
fn without_flags(file: &File) -> Result<Run, clap::Error> {
    let command = file.apply_to(Run::augment_args(Command::new("imbot")));
    Run::from_arg_matches(&command.get_matches_from(["imbot"]))
}

/// Returns the settings that the bots run with, as the file and the environment give them.
///
/// # Errors
/// A setting is invalid.
pub(super) fn settings(file: &File) -> Result<Config, clap::Error> {
    let mut config = without_flags(file)?.config;
    config.store.place.get_or_insert_with(|| STORE.into());
    Ok(config)
}

/// Starts an engine, and sets up the portals that it knows.
///
/// # Errors
/// The engine cannot be started, or no portal can be set up.
pub(super) async fn start(engine: &Arc<Engine>) -> Done {
    engine.start().await?;
    let known = engine.portals().len();
    let mut refused = engine.reconcile().await;
    if refused.len() == known
        && let Some((portal, error)) = refused.pop()
    {
        return Err(format!("the bots cannot be set up on {portal}: {error}").into());
    }
    Ok(())
}

/// Runs the bots if no command is given: on the configured portals, else on an emulated one.
pub(super) async fn without_command(app: App, file: &File) -> Done {
    let run = without_flags(file)?;
    #[cfg(feature = "emulator")]
    let run = Run {
        emulator: run.config.client_id.is_none() && run.config.portal.is_empty(),
        ..run
    };
    bots(app, run, file).await
}

/// Runs the bots.
pub(super) async fn bots(app: App, run: Run, file: &File) -> Done {
    if let Some(path) = file.path() {
        tracing::info!(file = %path.display(), "settings are read from a file");
    }
    #[cfg(feature = "emulator")]
    if run.emulator {
        return emulated::bots(app, run.config).await;
    }
    on_portals(app, run.config).await
}

/// Runs the bots on the configured portals.
async fn on_portals(mut app: App, mut config: Config) -> Done {
    config.store.place.get_or_insert_with(|| STORE.into());
    if config.client_id.is_none() && config.public_url.is_none() {
        return polling(app.engine(&config)?, &config).await;
    }
    let listener = listen(config.listen).await?;
    let path = path_of(config.public_url.as_deref());
    let names = app.bot_names().join(", ");
    let nests = app.take_nests();
    let engine = app.engine(&config)?;
    tracing::info!(bots = names, listen = %listener.local_addr()?, "the bots are running");
    engine.start().await?;
    engine.reconcile_in_background();
    let app = nests(serve::endpoint(Arc::clone(&engine)).below(&path));
    with_admin(engine, &config, serve_until_asked(app, &config, listener)).await
}

/// Runs bots on portals that are reached by inbound webhooks. Their events are polled, so the
/// program does not listen.
async fn polling(engine: Arc<Engine>, config: &Config) -> Done {
    start(&engine).await?;
    for chat in engine.polled() {
        out!("  Talk to {} at {}", chat.bot, chat.address);
    }
    let polled = Arc::clone(&engine);
    let polling =
        async { Ok(serve::poll(polled, serve::stop_signal(), config.stop_timeout()).await?) };
    with_admin(engine, config, polling).await
}

/// Returns the path of an address. It is part of a request's path if the reverse proxy keeps it.
fn path_of(url: Option<&str>) -> String {
    let rest = url
        .and_then(|url| url.split_once("://"))
        .map_or("", |(_, rest)| rest);
    rest.find('/')
        .map_or("", |start| &rest[start..])
        .trim_end_matches('/')
        .to_owned()
}
