//! A connection with deadlines in every state, and bounds on what it may begin with.
//!
//! | state | deadline |
//! |---|---|
//! | a request arrives, or is worked on | [`REQUEST_TIMEOUT`] after its first byte |
//! | nothing happens between requests, or in an answer | [`IDLE_TIMEOUT`] after the last byte of an answer |
//! | an answer waits for the client to read | [`WRITE_TIMEOUT`], see there |

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::head::Head;
use super::places::Place;

/// Maximum time from a request's first byte (for a connection's first request, from the connection)
/// to its last.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum time that a connection may be silent between requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Maximum time for which an answer may wait for a client that does not read.
///
/// For each [`WRITE_RATE_MIN`] bytes that the client reads, a second of waiting is given back. So a
/// client that reads nothing is cut off after this time, a client that reads slower than this rate
/// later, and an answer of a stream, where the client reads all there is, waits for nothing.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Minimum rate at which a client must read an answer that waits for it, in bytes per second.
pub const WRITE_RATE_MIN: u32 = 1_024;

/// Maximum number of bytes of an answer that the system keeps for a client before they are sent, on
/// Linux. Otherwise a client that does not read would get answers for megabytes, at no cost to it.
pub const UNSENT_BYTES_MAX: u32 = 64 * 1024;

/// What hyper writes before a body that the client holds back (`Expect: 100-continue`). It is no
/// answer: the request goes on.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) request: Duration,
    pub(super) write: Duration,
}

/// A connection that is closed when a request does not arrive, or an answer is not read, in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// The end of the request under way, or of silence.
    deadline: Instant,
    /// Fires at the earliest deadline or before it. Resetting it costs more than reading the clock,
    /// so it is reset only when it has fired too early or a write waits, not at each request.
    timer: Pin<Box<Sleep>>,
    /// The request under way, if any. Between requests the deadline is that of silence.
    request: Option<TaskTrackerToken>,
    head: Head,
    writes: Writes,
    requests: TaskTracker,
    timeouts: Timeouts,
    _place: Place,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        timeouts: Timeouts,
        requests: TaskTracker,
        place: Place,
    ) -> Self {
        let deadline = Instant::now() + timeouts.request;
        Self {
            stream,
            deadline,
            timer: Box::pin(sleep_until(deadline)),
            request: Some(requests.token()),
            head: Head::default(),
            writes: Writes::new(timeouts.write),
            requests,
            timeouts,
            _place: place,
        }
    }

    fn begin_request(&mut self) {
        self.request = Some(self.requests.token());
        self.head = Head::default();
        self.deadline = Instant::now() + self.timeouts.request;
    }

    /// Ends the request: a byte of its answer is written, and silence begins.
    fn end_request(&mut self) {
        self.request = None;
        self.deadline = Instant::now() + IDLE_TIMEOUT;
    }

    /// Returns true if a deadline has passed; if not, the task is woken when it has.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let deadline = self.earliest_deadline();
            if now >= deadline {
                return true;
            }
            // A request that begins later has no earlier deadline than this.
            let next = deadline.min(now + self.timeouts.request);
            self.timer.as_mut().reset(next);
        }
        false
    }

    fn earliest_deadline(&self) -> Instant {
        let write = self.writes.deadline();
        write.map_or(self.deadline, |write| write.min(self.deadline))
    }

    /// Refuses a head that is not one of HTTP/1, or is too long.
    fn check_head(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.head.push(bytes).map_err(|bad| {
            // Nothing else is being written, so a socket takes this at once, or the client has
            // not read earlier answers and does not get it.
            let _ = self.stream.try_write(bad.answer());
            io::Error::from(ErrorKind::InvalidData)
        })
    }

    /// Applies the deadlines to a write that begins with `part`. One that waits extends none.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        part: &[u8],
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if part != CONTINUE {
                    self.end_request();
                }
                self.writes.progress(bytes);
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => self.while_pending(cx),
        }
    }

    /// Returns an error if a write has waited too long.
    fn while_pending<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let deadline = self.writes.wait();
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        if self.is_late(cx) {
            Poll::Ready(Err(self.cut()))
        } else {
            Poll::Pending
        }
    }

    /// Returns the error that closes the connection. What the client has not read is dropped, or
    /// the system would keep it, and offer it for minutes.
    fn cut(&self) -> io::Error {
        if self.writes.deadline().is_some() {
            let _ = self.stream.set_zero_linger(); // it fails on a closed connection
        }
        ErrorKind::TimedOut.into()
    }
}

/// The time that the client of a connection lets answers wait.
#[derive(Debug)]
struct Writes {
    max: Duration,
    /// The part of the maximum that is left.
    left: Duration,
    /// Since when a write waits, if one does.
    waiting: Option<Instant>,
}

impl Writes {
    fn new(max: Duration) -> Self {
        Self {
            max,
            left: max,
            waiting: None,
        }
    }

    /// Returns the end of the wait, if a write waits.
    fn deadline(&self) -> Option<Instant> {
        self.waiting.map(|since| since + self.left)
    }

    /// Begins to wait, or goes on. Returns the end of the wait.
    fn wait(&mut self) -> Instant {
        *self.waiting.get_or_insert_with(Instant::now) + self.left
    }

    /// Ends the wait: the client has read some bytes.
    fn progress(&mut self, bytes: usize) {
        if let Some(since) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < self.max {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let earned = Duration::from_secs(1) * bytes / WRITE_RATE_MIN;
            self.left = (self.left + earned).min(self.max);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let is_new = self.request.is_none();
        match read {
            Poll::Ready(Ok(())) if is_new && buffer.filled().len() > before => {
                self.begin_request();
            }
            // The deadline applies while bytes arrive as well, so single bytes do not keep a
            // connection open.
            Poll::Ready(_) if !is_new && self.timer.is_elapsed() && self.is_late(cx) => {
                return Poll::Ready(Err(self.cut()));
            }
            Poll::Pending if self.is_late(cx) => {
                return Poll::Ready(Err(self.cut()));
            }
            _ => {}
        }
        self.check_head(&buffer.filled()[before..])?;
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(cx, bytes, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        let part = parts.iter().find(|part| !part.is_empty());
        self.after_write(cx, part.map_or(&[], |part| part), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.while_pending(cx),
            flushed @ Poll::Ready(_) => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.while_pending(cx),
            shut @ Poll::Ready(_) => shut,
        }
    }
}
