//! How events arrive: the only part on the road that names poem.
//!
//! [`endpoint`] is a poem endpoint with these addresses, to be served by [`run`] or nested in an application of your own:
//!
//! | address | what |
//! |---|---|
//! | `/` | events: form POSTs, or GETs with a query string; 200 with an empty body once an event is taken in |
//! | `/connectors/…` | the settings page of a connector, by its id; opening it on the portal joins the connector to the line |
//! | `/install` | the installation page of an application with an interface; it tells the portal that it is finished |
//! | `/health` | JSON for probes: portals, waiting events, waiting calls |

mod acceptor;
mod connector;
mod endpoint;
mod install;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use poem::Server;
use tokio::net::TcpListener;

use crate::engine::Engine;

pub use acceptor::{Acceptor, CONNECTIONS_MAX, IDLE_TIMEOUT, REQUEST_TIMEOUT};
pub use endpoint::{EventEndpoint, endpoint};
pub use poem::IntoEndpoint;

/// How long a stop waits for what was begun. Default of `--stop-timeout`.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// How much of that is for requests that are still arriving: what is refused is lost, but half a request, as a probe leaves
/// behind, does not hold up a stop for ever.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(3);

/// How long connections without a request have to hear that the server ends.
const HANG_UP: Duration = Duration::from_millis(100);

/// Serves the engine's addresses on a socket until `stop` is ready, then ends what was begun, at most for `limit`.
///
/// # Errors
/// The socket fails, or the store cannot be read.
pub async fn run(
    app: EventEndpoint,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<()> {
    let engine = Arc::clone(app.engine());
    engine.start().await.map_err(io::Error::other)?;
    let acceptor = Acceptor::new(listener)?;
    let door = acceptor.door();
    let arrival = ARRIVAL_TIMEOUT.min(limit);
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let ended = async { drop(ended.await) };
    let server = Server::new_with_acceptor(acceptor);
    let mut server = pin!(server.run_with_graceful_shutdown(app, ended, Some(HANG_UP)));
    let served = tokio::select! {
        served = &mut server => served,
        // Events are taken in until the begun turns have ended, and only then the socket is closed or handed over.
        () = async { stop.await; engine.stop(limit - arrival).await; door.close(arrival).await; } => {
            drop(end);
            server.await
        }
    };
    close(&engine).await;
    served
}

/// Runs the engine without a socket until `stop` is ready, then ends what was begun, at most for `limit`: for bots whose
/// events are polled.
///
/// # Errors
/// The store cannot be read.
pub async fn poll(
    engine: Arc<Engine>,
    stop: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<()> {
    engine.start().await.map_err(io::Error::other)?;
    stop.await;
    engine.stop(limit).await;
    close(&engine).await;
    Ok(())
}

async fn close(engine: &Engine) {
    if let Err(error) = engine.store().close().await {
        tracing::error!(%error, "the store is not closed well");
    }
}

/// Returns a future that is ready when the process is asked to end: SIGINT or SIGTERM, elsewhere Ctrl-C.
///
/// On Unix the signals are handled from this call on, not from the first poll, so that one that
/// arrives while the program starts does not kill it.
///
/// # Panics
/// When it is called outside a Tokio runtime.
#[cfg(unix)]
pub fn asked_to_stop() -> impl Future<Output = ()> {
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

/// Returns a future that is ready when the process is asked to end by Ctrl-C.
#[cfg(not(unix))]
pub async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}
