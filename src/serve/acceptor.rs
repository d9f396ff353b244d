//! Accepts connections, with the limits that poem 3.1.12 does not have.
//!
//! poem gives hyper no timer, so half a request stays open for ever; it has no limit on
//! connections; its accept loop spins when file descriptors run out; it does not set
//! `TCP_NODELAY`. A reverse proxy in front is still needed for TLS.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::Addr;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Maximum number of open connections; more of them wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Maximum time from a request's first byte (for a connection's first request, from the connection)
/// to its last.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum time that a connection may be silent between requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Pause after a failure to accept, such as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with limits on connections and time.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    address: LocalAddr,
    free: Arc<Semaphore>,
    request_timeout: Duration,
    shutdown: Shutdown,
}

/// Stops an acceptor.
#[derive(Clone, Debug, Default)]
pub(super) struct Shutdown {
    started: CancellationToken,
    /// The requests under way. A new connection counts as one until its first answer.
    requests: TaskTracker,
}

impl Shutdown {
    /// Stops accepting connections, and waits until every request under way is answered, at most
    /// for `limit`.
    ///
    /// A connection without a request so far is waited for as well: its request may be on the way,
    /// and closing it would lose an event. Connections that the system has not handed over yet stay
    /// in the socket's queue, for the next process.
    pub(super) async fn run(&self, limit: Duration) {
        self.started.cancel();
        self.requests.close();
        // Requests that are still incomplete then are dropped.
        let _ = timeout(limit, self.requests.wait()).await;
    }
}

impl Acceptor {
    /// Returns an acceptor of this socket's connections.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let address = LocalAddr(Addr::SocketAddr(listener.local_addr()?));
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Ok(Self {
            listener,
            address,
            free,
            request_timeout: REQUEST_TIMEOUT,
            shutdown: Shutdown::default(),
        })
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Sets the maximum number of open connections. Default: [`CONNECTIONS_MAX`].
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.free = Arc::new(Semaphore::new(connections));
        self
    }

    /// Sets the maximum time in which a request must arrive. Default: [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = limit;
        self
    }
}

impl poem::listener::Acceptor for Acceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.address.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        loop {
            let accepted = self
                .shutdown
                .started
                .run_until_cancelled(self.listener.accept());
            let Some(accepted) = accepted.await else {
                return std::future::pending().await; // until the server ends
            };
            match accepted {
                Ok((stream, remote)) => {
                    // It fails on a closed connection, where the first read fails as well.
                    let _ = stream.set_nodelay(true);
                    let requests = self.shutdown.requests.clone();
                    let connection =
                        Connection::new(stream, self.request_timeout, requests, permit);
                    let remote = RemoteAddr(Addr::SocketAddr(remote));
                    return Ok((connection, self.address.clone(), remote, Scheme::HTTP));
                }
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted; trying again");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection that is closed when a request does not arrive in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    deadline: Instant,
    /// Fires at the deadline or before it. Resetting it costs more than reading the clock, so it is
    /// reset only when it has fired too early, not at each request.
    timer: Pin<Box<Sleep>>,
    /// The request under way, if any. Between requests the deadline is that of silence.
    request: Option<TaskTrackerToken>,
    requests: TaskTracker,
    request_timeout: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(
        stream: TcpStream,
        request_timeout: Duration,
        requests: TaskTracker,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let deadline = Instant::now() + request_timeout;
        Self {
            stream,
            deadline,
            timer: Box::pin(sleep_until(deadline)),
            request: Some(requests.token()),
            requests,
            request_timeout,
            _permit: permit,
        }
    }

    /// Ends the request: a byte of its answer is written, and silence begins.
    fn end_request(&mut self) {
        self.request = None;
        self.deadline = Instant::now() + IDLE_TIMEOUT;
    }

    /// Returns true if the deadline has passed; if not, the task is woken when it has.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= self.deadline {
                return true;
            }
            // A request that begins later has no earlier deadline than this.
            let next = self.deadline.min(now + self.request_timeout);
            self.timer.as_mut().reset(next);
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before && self.request.is_none() => {
                self.request = Some(self.requests.token());
                self.deadline = Instant::now() + self.request_timeout;
                Poll::Ready(Ok(()))
            }
            // The deadline applies while bytes arrive as well, so single bytes do not keep a
            // connection open.
            Poll::Ready(_)
                if self.request.is_some() && self.timer.is_elapsed() && self.is_late(cx) =>
            {
                Poll::Ready(Err(ErrorKind::TimedOut.into()))
            }
            Poll::Pending if self.is_late(cx) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            poll => poll,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.end_request();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.end_request();
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
