//! Accepts connections, and closes what poem 3.1.12 leaves open.
//!
//! poem gives hyper no timer, so half a request stays open for ever; it has no bound on connections; its accept loop spins
//! when descriptors run out; it does not set `TCP_NODELAY`. Put a reverse proxy in front for TLS all the same.

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

/// The most connections at once; more wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a request may take to arrive, from its first byte (of a connection: from its beginning).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may be silent between requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long accepting pauses after it failed, such as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with bounds on connections and time.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    address: LocalAddr,
    free: Arc<Semaphore>,
    request_timeout: Duration,
    door: Listener,
}

/// What a stop needs to know of an acceptor.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    closed: CancellationToken,
    /// Those that wait for their first request, or for the answer to one.
    requests: TaskTracker,
}

impl Listener {
    /// Accepts no more connections, and waits until every request that is under way has its answer, at most for `limit`.
    ///
    /// A connection that was accepted a moment ago belongs to those: its request may still be on the way, and closing it
    /// would lose an event. What the system has not handed over yet stays in the socket's queue, for the next process.
    pub(super) async fn close(&self, limit: Duration) {
        self.closed.cancel();
        self.requests.close();
        drop(timeout(limit, self.requests.wait()).await); // half a request is not worth a slow stop
    }
}

impl Acceptor {
    /// Accepts from this socket.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn new(listener: TcpListener) -> io::Result<Acceptor> {
        let address = LocalAddr(Addr::SocketAddr(listener.local_addr()?));
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Ok(Acceptor {
            listener,
            address,
            free,
            request_timeout: REQUEST_TIMEOUT,
            door: Listener::default(),
        })
    }

    pub(super) fn door(&self) -> Listener {
        self.door.clone()
    }

    /// Accepts so many connections at once. Default: [`CONNECTIONS_MAX`].
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Acceptor {
        self.free = Arc::new(Semaphore::new(connections));
        self
    }

    /// Gives a request so long to arrive. Default: [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn request_timeout(mut self, limit: Duration) -> Acceptor {
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
            let accepted = self.door.closed.run_until_cancelled(self.listener.accept());
            let Some(accepted) = accepted.await else {
                return std::future::pending().await; // until the server ends
            };
            match accepted {
                Ok((stream, remote)) => {
                    stream.set_nodelay(true).ok(); // a closed connection shows at the first read
                    let requests = self.door.requests.clone();
                    let connection =
                        Connection::new(stream, self.request_timeout, requests, permit);
                    let remote = RemoteAddr(Addr::SocketAddr(remote));
                    return Ok((connection, self.address.clone(), remote, Scheme::HTTP));
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection is accepted for a moment");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection that ends when a request does not arrive in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    deadline: Instant,
    /// Rings at the deadline or before it. Moving it costs more than reading the clock, so it stays where it is while requests
    /// come and go, and is moved when it rings too early.
    alarm: Pin<Box<Sleep>>,
    /// The request that is under way, if one is; between requests the deadline is that of silence.
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
    ) -> Connection {
        let deadline = Instant::now() + request_timeout;
        Connection {
            stream,
            deadline,
            alarm: Box::pin(sleep_until(deadline)),
            request: Some(requests.token()),
            requests,
            request_timeout,
            _permit: permit,
        }
    }

    /// A byte was written: the request has arrived, and silence begins.
    fn answered(&mut self) {
        self.request = None;
        self.deadline = Instant::now() + IDLE_TIMEOUT;
    }

    /// Whether the deadline is over; if not, the task is woken when it is.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= self.deadline {
                return true;
            }
            // No request that begins later has its deadline before this.
            let next = self.deadline.min(now + self.request_timeout);
            self.alarm.as_mut().reset(next);
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
            // One byte now and then does not keep a connection: the deadline counts while bytes come, too.
            Poll::Ready(_)
                if self.request.is_some() && self.alarm.is_elapsed() && self.is_late(cx) =>
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
        self.answered();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answered();
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
