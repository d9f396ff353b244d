//! Accepts connections, with what poem's own listener lacks.
//!
//! The number of connections is bounded, a failed accept is followed by a pause (without it the
//! loop spins), and small packets are sent at once. With TLS, handshakes run concurrently, so that
//! a silent connection delays no other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::greet::{Greeter, Stream};

/// Maximum number of open connections; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection in the form poem expects.
type Accepted = (Connection, LocalAddr, RemoteAddr, Scheme);

/// The portal's listener.
pub(crate) struct Listener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    greeter: Option<Arc<Greeter>>,
    /// Connections after their handshake; there are never more than permits.
    greeted: (mpsc::Sender<Accepted>, mpsc::Receiver<Accepted>),
}

impl Listener {
    /// Creates a listener; without a greeter all connections are plain HTTP.
    pub(crate) fn new(listener: TcpListener, greeter: Option<Greeter>) -> Self {
        Listener {
            listener,
            permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            greeter: greeter.map(Arc::new),
            greeted: mpsc::channel(CONNECTIONS_MAX),
        }
    }
}

impl Acceptor for Listener {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener
            .local_addr()
            .map(|address| LocalAddr(address.into()))
            .into_iter()
            .collect()
    }

    async fn accept(&mut self) -> io::Result<Accepted> {
        loop {
            let (stream, permit) = tokio::select! {
                Some(accepted) = self.greeted.1.recv() => return Ok(accepted),
                taken = accept_one(&self.listener, &self.permits) => taken?,
            };
            let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
            let accepted = move |(stream, scheme)| {
                let connection = Connection {
                    stream,
                    _permit: permit,
                };
                (
                    connection,
                    LocalAddr(local.into()),
                    RemoteAddr(remote.into()),
                    scheme,
                )
            };
            let Some(greeter) = &self.greeter else {
                return Ok(accepted((Stream::Plain(stream), Scheme::HTTP)));
            };
            let (greeter, greeted) = (Arc::clone(greeter), self.greeted.0.clone());
            tokio::spawn(async move {
                match greeter.greet(stream).await {
                    Ok(opened) => {
                        let _ = greeted.send(accepted(opened)).await;
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection failed before HTTP")
                    }
                }
            });
        }
    }
}

/// Accepts the next connection, with its permit.
async fn accept_one(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permits = Arc::clone(permits);
    let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
    match listener.accept().await {
        Ok((stream, _)) => {
            stream.set_nodelay(true)?;
            Ok((stream, permit))
        }
        Err(error) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            Err(error)
        }
    }
}

/// A connection that holds its permit until it is closed.
pub(crate) struct Connection {
    stream: Stream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
