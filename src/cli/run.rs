//! `run`: the bots on their portals, or on one that is emulated in the same process.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::Done;
use crate::app::{App, EmulatedSetup};
use crate::config::{Config, File, STORE};
use crate::emulator::{Emulator, NewApp, NewLine, Options};
use crate::engine::Engine;
use crate::serve::{self, EventEndpoint};

#[derive(Args)]
pub(super) struct Run {
    /// Run a portal emulator in the same process and install the bots on it: no account, token or network
    #[arg(long)]
    emulator: bool,

    #[command(flatten)]
    config: Config,
}

/// Without a command: on the portal that the environment or the file names, else on an emulated one.
pub(super) async fn somewhere(app: App, file: &File) -> Done {
    let command = file.under(Run::augment_args(Command::new("imbot")));
    let mut run = Run::from_arg_matches(&command.get_matches_from(["imbot"]))?;
    run.emulator = run.config.client_id.is_none() && run.config.portal.is_empty();
    bots(app, run, file).await
}

pub(super) async fn bots(mut app: App, run: Run, file: &File) -> Done {
    let Run {
        emulator,
        mut config,
    } = run;
    if emulator {
        app = app.emulated_only_parts();
    }
    let trial = app.emulated_setup();
    let nests = app.take_nests();
    if let Some(path) = file.path() {
        tracing::info!(file = %path.display(), "settings are read from a file");
    }
    if !emulator {
        config.store.file.get_or_insert_with(|| STORE.into());
    }
    if !emulator && config.client_id.is_none() && config.public_url.is_none() {
        return polling(app.engine(&config)?, &config).await;
    }
    let listener = listen(config.listen, emulator).await?;
    if !emulator {
        let path = path_of(config.public_url.as_deref());
        let names = app.names().join(", ");
        let engine = app.engine(&config)?;
        tracing::info!(bots = names, listen = %listener.local_addr()?, "the bots are running");
        engine.start().await?;
        let reconciled = Arc::clone(&engine);
        tokio::spawn(async move { reconciled.reconcile().await }); // what is refused is logged
        let app = nests(serve::endpoint(engine).below(&path));
        return serve_until_asked(app, &config, listener).await;
    }
    let portal = start_emulator(config.emulator_listen).await?;
    let handler = format!("http://{}/", listener.local_addr()?);
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let own = trial.paths.iter();
    let own: Vec<String> = own
        .map(|path| format!("{handler}{}/", path.trim_matches('/')))
        .collect();
    let config = config.on(&portal, &credentials, handler);
    let engine = app.engine(&config)?;
    let greeting = async {
        install(&portal, &credentials.client_id, &engine).await?;
        join_line(&portal, &trial).await?;
        greet(&portal, &own).await
    };
    let served = tokio::select! {
        served = serve_until_asked(nests(serve::endpoint(Arc::clone(&engine))), &config, listener) => served,
        greeted = greeting => greeted,
    };
    portal.stop().await;
    served
}

/// Runs bots on portals that are reached by inbound webhooks: their events are polled, so there is nothing to listen on.
async fn polling(engine: Arc<Engine>, config: &Config) -> Done {
    engine.start().await?;
    let known = engine.portals().len();
    let mut refused = engine.reconcile().await;
    if refused.len() == known
        && let Some((portal, error)) = refused.pop()
    {
        return Err(format!("the bots cannot be set up on {portal}: {error}").into());
    }
    for talk in engine.polled() {
        out!("  Talk to {} at {}", talk.bot, talk.address);
    }
    Ok(serve::poll(engine, serve::asked_to_stop(), config.stop_timeout()).await?)
}

async fn serve_until_asked(app: EventEndpoint, config: &Config, listener: TcpListener) -> Done {
    let stop = serve::asked_to_stop();
    Ok(serve::run(app, listener, stop, config.stop_timeout()).await?)
}

/// Installs the bots on the emulated portal, and waits until the first click will find them.
async fn install(portal: &Emulator, client_id: &str, engine: &Engine) -> Done {
    const SET_UP_TIMEOUT: Duration = Duration::from_secs(10);
    portal.install(client_id).await?;
    if tokio::time::timeout(SET_UP_TIMEOUT, engine.until_set_up(1))
        .await
        .is_err()
    {
        tracing::warn!("the bots are not set up on the emulated portal yet");
    }
    Ok(())
}

/// Makes a line for who tries connectors, and joins them to it: with the first bot that serves open channels, and the portal's
/// administrator as its operator.
async fn join_line(portal: &Emulator, trial: &EmulatedSetup) -> Done {
    const ADMIN: u64 = 1;
    if trial.connectors.is_empty() {
        return Ok(());
    }
    let line = NewLine::new("Support").queue(&[ADMIN]);
    let bot = trial.line_bot.as_deref().and_then(|code| portal.bot(code));
    let line = portal.add_line(match bot {
        Some(bot) => line.bot(bot),
        None => line,
    });
    for connector in &trial.connectors {
        portal.open_settings(ADMIN, connector, line).await?;
    }
    Ok(())
}

/// Says where to talk.
async fn greet(portal: &Emulator, own: &[String]) -> Done {
    out!(
        "\n  No portal is configured, so this one is emulated. Talk to the bots here:\n\n      {}\n",
        portal.url()
    );
    if !own.is_empty() {
        out!(
            "  This program's own pages:\n\n      {}\n",
            own.join("\n      ")
        );
    }
    out!("  Ctrl-C ends it.\n");
    std::future::pending().await
}

/// Takes over the socket that a service manager hands down (`LISTEN_FDS`), else listens; for a trial any other port will
/// do as well.
async fn listen(address: SocketAddr, is_trial: bool) -> std::io::Result<TcpListener> {
    if let Some(socket) = ListenFd::from_env().take_tcp_listener(0)? {
        socket.set_nonblocking(true)?;
        return TcpListener::from_std(socket);
    }
    match TcpListener::bind(address).await {
        Err(error) if is_trial && error.kind() == ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await
        }
        Err(error) => Err(std::io::Error::new(
            error.kind(),
            format!("cannot listen on {address}: {error}"),
        )),
        listener => listener,
    }
}

async fn start_emulator(listen: SocketAddr) -> std::io::Result<Emulator> {
    let start = |listen| {
        Emulator::start(Options {
            listen,
            ..Options::default()
        })
    };
    match start(listen).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            start(SocketAddr::new(listen.ip(), 0)).await
        }
        started => started,
    }
}

/// The path of an address, for a reverse proxy that passes it on.
fn path_of(url: Option<&str>) -> String {
    let rest = url
        .and_then(|url| url.split_once("://"))
        .map_or("", |(_, rest)| rest);
    rest.find('/')
        .map_or("", |start| &rest[start..])
        .trim_end_matches('/')
        .to_owned()
}
