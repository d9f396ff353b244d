//! Listens, and serves until the process is asked to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::Done;
use crate::config::Config;
use crate::engine::Engine;
use crate::serve::{self, Acceptor, EventEndpoint};

/// Serves until the process is asked to stop.
pub(super) async fn serve_until_asked(
    app: EventEndpoint,
    config: &Config,
    listener: TcpListener,
) -> Done {
    serve::raise_files_max();
    let stop = serve::stop_signal();
    let app = app.trusted_proxies(config.trusted_proxy.iter().copied());
    let mut acceptor = Acceptor::new(listener)?;
    if let Some(connections) = config.connections_per_address {
        acceptor = acceptor.connections_per_address(connections as usize);
    }
    Ok(serve::run_with(app, acceptor, stop, config.stop_timeout()).await?)
}

/// Serves the operator's address, if there is one, while something else runs.
pub(super) async fn with_admin(
    engine: Arc<Engine>,
    config: &Config,
    run: impl Future<Output = Done>,
) -> Done {
    let Some(address) = config.admin else {
        return run.await;
    };
    let listener = bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "the operator's address is served");
    tokio::select! {
        done = run => done,
        failed = serve::admin(engine, listener) => Ok(failed?),
    }
}

/// Takes over the socket that a service manager passes (`LISTEN_FDS`), else listens on `address`.
pub(super) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    if let Some(socket) = ListenFd::from_env().take_tcp_listener(0)? {
        socket.set_nonblocking(true)?;
        return TcpListener::from_std(socket);
    }
    bind(address).await
}

async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}
