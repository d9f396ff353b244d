//! Accepts connections, with the limits that poem 3.1.12 does not have.
//!
//! poem gives hyper no timer, so half a request stays open for ever; it has no limit on
//! connections; its accept loop spins when file descriptors run out; it does not set
//! `TCP_NODELAY`; it serves HTTP/2, whose streams no limit here would count. A reverse proxy in
//! front is still needed for TLS.

use std::io;
use std::time::Duration;

use poem::Addr;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, REQUEST_TIMEOUT, Timeouts, WRITE_TIMEOUT};
use super::places::Places;
use super::source::{Network, Source, TrustedProxies};

/// Pause after a failure to accept, such as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with limits on connections and time.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    address: LocalAddr,
    places: Places,
    proxies: TrustedProxies,
    timeouts: Timeouts,
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
        Ok(Self {
            listener,
            address,
            places: Places::default(),
            proxies: TrustedProxies::default(),
            timeouts: Timeouts {
                request: REQUEST_TIMEOUT,
                write: WRITE_TIMEOUT,
            },
            shutdown: Shutdown::default(),
        })
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Sets the maximum number of open connections, half of them for one address. Default:
    /// [`CONNECTIONS_MAX`](super::CONNECTIONS_MAX), or fewer if the system's limit of open files is
    /// lower.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.places = Places::new(connections);
        self
    }

    /// Sets the maximum number of open connections of one address, or of one /64 network of IPv6.
    /// Default: half of all.
    ///
    /// More are closed at once. Peers that are trusted proxies have no such limit.
    #[must_use]
    pub fn connections_per_address(mut self, connections: usize) -> Self {
        self.places = self.places.per_address(connections);
        self
    }

    /// Sets the proxies whose connections no address is charged with. Default: no proxy.
    #[must_use]
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = TrustedProxies::new(networks);
        self
    }

    pub(super) fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Sets the maximum time in which a request must arrive. Default: [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.request = limit;
        self
    }

    /// Sets the maximum time for which an answer may wait for a client that does not read. Default:
    /// [`WRITE_TIMEOUT`].
    #[must_use]
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.write = limit;
        self
    }
}

impl poem::listener::Acceptor for Acceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.address.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let free = self.places.free().await?;
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
                    let remote = Addr::SocketAddr(remote);
                    let peer = Source::peer(&remote);
                    let address = if self.proxies.contain(peer.address()) {
                        None
                    } else {
                        Some(peer.bucket())
                    };
                    let Some(share) = self.places.share(address) else {
                        continue; // closes the connection
                    };
                    // It fails on a closed connection, where the first read fails as well.
                    let _ = stream.set_nodelay(true);
                    let _ = limit_unsent(&stream);
                    let requests = self.shutdown.requests.clone();
                    let place = (free, share);
                    let connection = Connection::new(stream, self.timeouts, requests, place);
                    let address = self.address.clone();
                    return Ok((connection, address, RemoteAddr(remote), Scheme::HTTP));
                }
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted; trying again");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Bounds the bytes that the system keeps for a client before they are sent. Elsewhere than on
/// Linux the system's own bound applies, such as four megabytes.
fn limit_unsent(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return socket2::SockRef::from(stream).set_tcp_notsent_lowat(super::UNSENT_BYTES_MAX);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        Ok(())
    }
}
