//! Takes connections in: what poem's own listener leaves out.
//!
//! A bound on how many there are, a pause when the system has none left to give (without it the loop spins), and no
//! waiting for small packets to become large ones.

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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections open at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;

/// The pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The portal's door.
pub(crate) struct Door {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Door {
            listener,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }
}

impl Acceptor for Door {
    type Io = Guest;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener
            .local_addr()
            .map(|address| LocalAddr(address.into()))
            .into_iter()
            .collect()
    }

    async fn accept(&mut self) -> io::Result<(Guest, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        match self.listener.accept().await {
            Ok((stream, remote)) => {
                stream.set_nodelay(true)?;
                let local = LocalAddr(stream.local_addr()?.into());
                Ok((
                    Guest {
                        stream,
                        _permit: permit,
                    },
                    local,
                    RemoteAddr(remote.into()),
                    Scheme::HTTP,
                ))
            }
            Err(error) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                Err(error)
            }
        }
    }
}

/// A connection that holds its place until it is closed.
pub(crate) struct Guest {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guest {
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
