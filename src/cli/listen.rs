//! Listens, and serves until the process is asked to stop.

use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use super::Done;
use crate::config::Config;
use crate::serve::{self, EventEndpoint};

/// Serves until the process is asked to stop.
pub(super) async fn serve_until_asked(
    app: EventEndpoint,
    config: &Config,
    listener: TcpListener,
) -> Done {
    let stop = serve::stop_signal();
    let app = app.trusted_proxies(config.trusted_proxy.iter().copied());
    Ok(serve::run(app, listener, stop, config.stop_timeout()).await?)
}

/// Takes over the socket that a service manager passes (`LISTEN_FDS`), else listens on `address`.
pub(super) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    if let Some(socket) = ListenFd::from_env().take_tcp_listener(0)? {
        socket.set_nonblocking(true)?;
        return TcpListener::from_std(socket);
    }
    TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}
