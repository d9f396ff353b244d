//! Receives events over HTTP.
//!
//! [`endpoint`] returns a poem endpoint with these addresses, to be served by [`run`] or nested in
//! an application of your own:
//!
//! | address | purpose |
//! |---|---|
//! | `/` | events, as form POSTs or GETs with a query; 200 once an event is stored |
//! | `/` | the page of an application with an interface, opened by a portal |
//! | `/connectors/…` | the settings page of a connector, which connects it to a line |
//! | `/install` | the installation page of an application with an interface |
//! | `/health` | the state in a word for probes: 200 `ok`, or 503 `stopping` or `failing` |
//!
//! The figures are at the operator's address ([`admin`]).

mod acceptor;
mod admin;
mod body;
mod connection;
mod connector;
mod endpoint;
mod head;
mod install;
mod page;
mod places;
mod reply;
mod source;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use poem::Server;
use tokio::net::TcpListener;

use crate::engine::Engine;

pub use acceptor::Acceptor;
pub use admin::admin;
pub use body::{BODIES_BYTES_MAX, BODY_BYTES_FREE, BODY_PATIENCE};
pub use connection::{
    Connection, IDLE_TIMEOUT, REQUEST_TIMEOUT, UNSENT_BYTES_MAX, WRITE_RATE_MIN, WRITE_TIMEOUT,
};
pub use endpoint::{EventEndpoint, endpoint};
pub use head::HEAD_BYTES_MAX;
pub use places::CONNECTIONS_MAX;
#[cfg(feature = "cli")]
pub(crate) use places::raise_files_max;
pub use poem::IntoEndpoint;
pub use source::{Network, NetworkError, Source};

/// Maximum time that a stop waits for started turns and requests. Default of `--stop-timeout`.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// The part of that time for requests that are still arriving. A refused event is lost, so they are
/// waited for; but half a request, such as a probe leaves behind, must not delay a stop for long.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Time in which idle connections are closed.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// Serves the engine's addresses on a socket until `stop` is ready, then finishes started turns and
/// requests, at most for `limit`. It ends as well when the engine cannot work any more.
///
/// # Errors
/// The socket fails, the store cannot be read, or a part of the engine has failed
/// ([`Engine::failed`]): end the program then.
pub async fn run(
    app: EventEndpoint,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<()> {
    run_with(app, Acceptor::new(listener)?, stop, limit).await
}

/// The same as [`run`], with limits of your own on connections. The trusted proxies are those of
/// the endpoint.
///
/// # Errors
/// The socket fails, or the store cannot be read.
pub async fn run_with(
    app: EventEndpoint,
    acceptor: Acceptor,
    stop: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<()> {
    let engine = Arc::clone(app.engine());
    engine.start().await.map_err(io::Error::other)?;
    let acceptor = acceptor.behind(app.proxies().clone());
    let shutdown = acceptor.shutdown();
    let arrival = ARRIVAL_TIMEOUT.min(limit);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let ended = async {
        let _ = ended.await;
    };
    let server = Server::new_with_acceptor(acceptor);
    let mut server = pin!(server.run_with_graceful_shutdown(app, ended, Some(CLOSE_TIMEOUT)));
    let served = tokio::select! {
        served = &mut server => served,
        // Events are accepted until the started turns are finished; only then is the socket closed.
        failed = async {
            let failed = until_stopped_or_failed(&engine, stop).await;
            engine.stop(limit - arrival).await;
            shutdown.run(arrival).await;
            failed
        } => {
            drop(end);
            server.await.and(failed)
        }
    };
    close(&engine).await;
    served
}

/// Waits for `stop`. Returns the engine's failure if that comes first.
async fn until_stopped_or_failed(
    engine: &Engine,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    tokio::select! {
        failed = engine.failed() => Err(io::Error::other(failed)),
        () = stop => Ok(()),
    }
}

/// Runs the engine without a socket, for bots that poll, until `stop` is ready; then finishes
/// started turns, at most for `limit`.
///
/// It registers nothing: call [`Engine::reconcile`] first. A bot that is not registered on a portal
/// is not polled for.
///
/// # Errors
/// The store cannot be read, or a part of the engine has failed ([`Engine::failed`]): end the
/// program then.
pub async fn poll(
    engine: Arc<Engine>,
    stop: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<()> {
    engine.start().await.map_err(io::Error::other)?;
    let stopped = until_stopped_or_failed(&engine, stop).await;
    engine.stop(limit).await;
    close(&engine).await;
    stopped
}

async fn close(engine: &Engine) {
    if let Err(error) = engine.store().close().await {
        tracing::error!(%error, "the store could not be closed cleanly");
    }
}

/// Returns a future that is ready when the process receives SIGINT or SIGTERM, or Ctrl-C on other
/// systems.
///
/// On Unix the signals are handled from this call on, not from the first poll, so a signal that
/// arrives while the program starts does not kill it.
///
/// # Panics
/// It is called outside a Tokio runtime.
#[cfg(unix)]
pub fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [interrupt, terminate] = signals.map(|signal| async move {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                Err(error) => {
                    tracing::warn!(%error, "a signal cannot be handled");
                    std::future::pending().await
                }
            }
        });
        tokio::select! { () = interrupt => {}, () = terminate => {} }
    }
}

/// Returns a future that is ready when the process receives Ctrl-C.
#[cfg(not(unix))]
pub async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
