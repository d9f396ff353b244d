//! Attacks with connections: each is opened, misused, and watched until the program closes it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Maximum time for the program to close a connection. Its own bounds are 20 seconds.
const CLOSE_PATIENCE: Duration = Duration::from_secs(120);
/// Size of the receive buffer, in bytes, of clients that do not read.
const SMALL: u32 = 2_048;

/// A kind of misuse.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Silent,
    HalfHead,
    HalfBody,
    EndlessHeaders,
    Http2,
    NeverReads,
    ReadsSlowly,
}

/// A number of connections that are misused in one way, from one address.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    name: &'static str,
    kind: Kind,
    connections: usize,
}

/// What the attackers got.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) count: usize,
    pub(crate) answers: BTreeMap<String, usize>,
}

impl Outcome {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            count: 0,
            answers: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, answer: impl Into<String>) {
        self.count += 1;
        *self.answers.entry(answer.into()).or_default() += 1;
    }

    pub(crate) fn still_open(&self) -> usize {
        self.answers.get(OPEN).copied().unwrap_or_default()
    }
}

const OPEN: &str = "open";

impl Attack {
    pub(crate) fn new(name: &'static str, kind: Kind, connections: usize) -> Self {
        Self {
            name,
            kind,
            connections,
        }
    }

    async fn run(self, target: SocketAddr) -> Outcome {
        let from = next_address();
        let mut tasks = JoinSet::new();
        for count in 0..self.connections {
            tasks.spawn(attack(self.kind, from, target));
            if count % 50 == 49 {
                sleep(Duration::from_millis(5)).await; // the system's queue is short
            }
        }
        let mut outcome = Outcome::new(self.name);
        while let Some(answer) = tasks.join_next().await {
            outcome.add(answer.expect("no panic"));
        }
        outcome
    }
}

/// Runs attacks at the same time.
pub(crate) async fn all(attacks: &[Attack], target: SocketAddr) -> Vec<Outcome> {
    let running = attacks.iter().map(|attack| attack.clone().run(target));
    futures_util::future::join_all(running).await
}

/// Returns an address for the next attacker: another one of this machine, if the system has them.
pub(crate) fn next_address() -> Ipv4Addr {
    static LAST: AtomicU8 = AtomicU8::new(1);
    if cfg!(target_os = "linux") {
        Ipv4Addr::new(127, 0, 0, 1 + LAST.fetch_add(1, Ordering::Relaxed))
    } else {
        Ipv4Addr::LOCALHOST
    }
}

async fn attack(kind: Kind, from: Ipv4Addr, target: SocketAddr) -> String {
    let Ok(stream) = connect(kind, from, target).await else {
        return "not connected".to_owned();
    };
    let (read, write) = split(stream);
    // A client that does not read learns from its writes that the connection is closed: what had
    // arrived before stays readable.
    let ended = async {
        tokio::select! {
            status = until_closed(kind, read) => status,
            () = misuse(kind, write) => String::new(),
        }
    };
    let ended = timeout(CLOSE_PATIENCE, ended).await;
    match ended {
        Err(_) => OPEN.to_owned(),
        Ok(status) if status.is_empty() => "closed".to_owned(),
        Ok(status) => format!("{status} closed"),
    }
}

async fn connect(kind: Kind, from: Ipv4Addr, target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if matches!(kind, Kind::NeverReads | Kind::ReadsSlowly) {
        socket.set_recv_buffer_size(SMALL)?;
    }
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(target).await
}

/// Reads until the connection is closed. Returns the first status, if there is one.
async fn until_closed(kind: Kind, mut read: ReadHalf<TcpStream>) -> String {
    if matches!(kind, Kind::NeverReads) {
        std::future::pending::<()>().await;
    }
    let is_slow = matches!(kind, Kind::ReadsSlowly);
    let mut start = Vec::new();
    let mut part = vec![0; if is_slow { 1 } else { 4_096 }];
    while let Ok(length @ 1..) = read.read(&mut part).await {
        if start.len() < 12 {
            start.extend_from_slice(&part[..length]);
        }
        if is_slow {
            sleep(Duration::from_secs(1)).await;
        }
    }
    let start = String::from_utf8_lossy(&start);
    let status = start.strip_prefix("HTTP/1.1 ").unwrap_or_default();
    status.chars().take(3).collect()
}

/// Writes what the kind of attack writes. Ends only when a client that does not read can write no
/// more, since the connection is closed.
async fn misuse(kind: Kind, mut write: WriteHalf<TcpStream>) {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    let _ = match kind {
        // Without a byte, a connection that the system has not passed on looks like an open one.
        Kind::Silent => write.write_all(b"P").await,
        Kind::HalfHead => {
            write
                .write_all(b"POST / HTTP/1.1\r\nHost: bots\r\nX-Ha")
                .await
        }
        Kind::HalfBody => {
            let head =
                format!("POST / HTTP/1.1\r\nHost: bots\r\n{FORM}Content-Length: 2000000\r\n\r\n");
            let _ = write.write_all(head.as_bytes()).await;
            write.write_all(&vec![b'x'; 1_000_000]).await
        }
        Kind::EndlessHeaders => endless_headers(&mut write).await,
        Kind::Http2 => http2(&mut write).await,
        Kind::NeverReads | Kind::ReadsSlowly => {
            let get = b"GET /widget/widget.js HTTP/1.1\r\nHost: bots\r\n\r\n".repeat(20);
            while write.write_all(&get).await.is_ok() {}
            return;
        }
    };
    std::future::pending::<()>().await; // a dropped half would close the connection
}

async fn endless_headers(write: &mut WriteHalf<TcpStream>) -> std::io::Result<()> {
    write.write_all(b"GET / HTTP/1.1\r\nHost: bots\r\n").await?;
    for number in 0..10_000 {
        let header = format!("X-{number}: {}\r\n", "x".repeat(500));
        write.write_all(header.as_bytes()).await?;
    }
    Ok(())
}

/// Opens HTTP/2 by prior knowledge, and pings so that something is always written.
async fn http2(write: &mut WriteHalf<TcpStream>) -> std::io::Result<()> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\x0012345678";
    write.write_all(PREFACE).await?;
    loop {
        write.write_all(PING).await?;
        sleep(Duration::from_secs(5)).await;
    }
}
