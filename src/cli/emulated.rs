//! `run --emulator`: the bots on an emulated portal in the same process.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::Done;
use super::listen::{listen, serve_until_asked, with_admin};
use crate::app::{App, PortalNeeds};
use crate::config::Config;
use crate::emulator::{Emulator, NewApp, NewLine, Options};
use crate::engine::Engine;
use crate::serve;

/// Starts an emulated portal, installs the bots on it and prints where to talk to them.
pub(super) async fn bots(app: App, config: Config) -> Done {
    let mut app = app.with_emulated_only();
    let needs = app.portal_needs();
    let nests = app.take_nests();
    let listener = listen_anywhere(config.listen).await?;
    let portal = start_emulator(config.emulator_listen).await?;
    let handler = format!("http://{}/", listener.local_addr()?);
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let paths = needs.paths.iter();
    let pages: Vec<String> = paths
        .map(|path| format!("{handler}{}/", path.trim_matches('/')))
        .collect();
    let config = config.on(&portal, &credentials, handler);
    let engine = app.engine(&config)?;
    let greeting = async {
        install(&portal, &credentials.client_id, &engine).await?;
        join_line(&portal, &needs).await?;
        greet(&portal, &pages).await
    };
    let app = nests(serve::endpoint(Arc::clone(&engine)));
    let serving = serve_until_asked(app, &config, listener);
    let served = tokio::select! {
        served = with_admin(Arc::clone(&engine), &config, serving) => served,
        greeted = greeting => greeted,
    };
    portal.stop().await;
    served
}

/// Listens on `address`, or on another port if that one is in use.
async fn listen_anywhere(address: SocketAddr) -> std::io::Result<TcpListener> {
    match listen(address).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            listen(SocketAddr::new(address.ip(), 0)).await
        }
        listener => listener,
    }
}

/// Installs the bots on the emulated portal, and waits until they are registered.
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

/// Creates an open channel and joins the connectors to it. Its bot is the first one that serves
/// open channels, and its operator is the portal's administrator.
async fn join_line(portal: &Emulator, needs: &PortalNeeds) -> Done {
    const ADMIN: u64 = 1;
    if needs.connectors.is_empty() {
        return Ok(());
    }
    let line = NewLine::new("Support").queue(&[ADMIN]);
    let bot = needs.line_bot.as_deref().and_then(|code| portal.bot(code));
    let line = portal.add_line(match bot {
        Some(bot) => line.bot(bot),
        None => line,
    });
    for connector in &needs.connectors {
        portal.open_settings(ADMIN, connector, line).await?;
    }
    Ok(())
}

/// Prints the addresses of the web chat and of the program's own pages.
async fn greet(portal: &Emulator, pages: &[String]) -> Done {
    out!(
        "\n  No portal is configured, so an emulated one is running. Talk to the bots here:\n\n      {}\n",
        portal.url()
    );
    if !pages.is_empty() {
        out!(
            "  Pages of this program:\n\n      {}\n",
            pages.join("\n      ")
        );
    }
    out!("  Press Ctrl-C to stop.\n");
    std::future::pending().await
}

/// Starts the emulator at `listen`, or on another port if that one is in use.
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
