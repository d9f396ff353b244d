//! CPU per event: the whole road against a bare poem endpoint, a hook against a bot, and few
//! known conversations against many.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::event::Template;
use super::{median, row};

/// An event name that makes the same body a hook's event.
const HOOKS: &str = "ONSOMETHINGNEWADD";
const PROCESSES: usize = 5;
const ROUNDS: usize = 7;
const EVENTS: u64 = 10_000;
/// One, because a portal posts one event after another; with more, bare poem shares its wake-ups.
const CONNECTIONS: usize = 1;
/// Id of the first message of the load; messages with lower ids made the conversations known.
const FIRST_ID: u64 = 10_000_000;

/// A server in a process of its own.
struct Server {
    child: Child,
    event: Template,
    connections: Vec<TcpStream>,
    conversations: u64,
    sent: u64,
}

impl Server {
    fn start(kind: &str, conversations: u64, event: &Template) -> Server {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", kind, &conversations.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port: u16 = line.trim().parse().unwrap();
        let connect = |_| {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        Server {
            child,
            event: event.clone(),
            connections: (0..CONNECTIONS).map(connect).collect(),
            conversations,
            sent: 0,
        }
    }

    /// Returns the nanoseconds of CPU its one thread has used so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).unwrap();
        stat.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Runs one round and returns the microseconds of CPU per event.
    fn round(&mut self) -> f64 {
        let before = self.cpu();
        for _ in 0..EVENTS / CONNECTIONS as u64 {
            for connection in 0..CONNECTIONS {
                let request = self.request();
                self.connections[connection]
                    .write_all(request.as_bytes())
                    .unwrap();
            }
            for connection in &mut self.connections {
                answer(connection);
            }
        }
        (self.cpu() - before) / EVENTS as f64 / 1_000.0
    }

    /// Returns the next message; the stride visits all known conversations.
    fn request(&mut self) -> String {
        self.sent += 1;
        let dialog = self.sent.wrapping_mul(7_919) % self.conversations.max(1_000) + 1;
        let body = self.event.body(&dialog.to_string(), FIRST_ID + self.sent);
        format!(
            "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn answer(connection: &mut TcpStream) {
    let mut buffer = [0; 1_024];
    let length = connection.read(&mut buffer).unwrap();
    assert!(
        buffer[..length].starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&buffer[..length])
    );
}

/// Measures both alternately.
fn rounds(first: &mut Server, second: &mut Server) -> Vec<(f64, f64)> {
    first.round();
    second.round();
    (0..ROUNDS)
        .map(|_| (first.round(), second.round()))
        .collect()
}

/// Returns the medians of both, and of their ratio.
fn medians(rounds: &[(f64, f64)]) -> (f64, f64, f64) {
    let one = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
    (
        one(|round| round.0),
        one(|round| round.1),
        one(|(first, second)| first / second),
    )
}

pub(crate) fn run() {
    let (short, long) = (Template::short(), Template::long());
    to_bare(
        &short,
        "CPU per event on one connection, whole road to bare poem",
        "at most 1.6",
    );
    to_bare(
        &long,
        "the same for the longest event in the documentation",
        "none",
    );
    let mut few = Server::start("road", 1_000, &short);
    let mut hooks = Server::start("hook", 0, &short.clone().named(HOOKS));
    let (hook, bot, ratio) = medians(&rounds(&mut hooks, &mut few));
    let measured = format!("{hook:.1} µs, bot {bot:.1} µs for the same bytes");
    row(
        "CPU per event on one connection, hook to bot",
        &measured,
        ratio,
        "at most 1.2",
    );
    drop(hooks);
    let mut many = Server::start("road", 1_000_000, &short);
    let (million, thousand, ratio) = medians(&rounds(&mut many, &mut few));
    let measured = format!("{million:.1} µs at a million, {thousand:.1} µs at a thousand");
    row(
        "CPU per event, a million to a thousand known conversations",
        &measured,
        ratio,
        "at most 1.3",
    );
}

/// Compares the whole road with a bare poem endpoint that reads the same bodies. The processes are
/// restarted every few rounds, because their memory layout makes a difference.
fn to_bare(event: &Template, what: &str, bound: &str) {
    let all: Vec<(f64, f64)> = (0..PROCESSES)
        .flat_map(|_| {
            let mut road = Server::start("road", 1_000, event);
            let mut bare = Server::start("bare", 0, event);
            rounds(&mut road, &mut bare)
        })
        .collect();
    let (ours, poem, ratio) = medians(&all);
    let bytes = event.body("27", FIRST_ID).len();
    let measured = format!("{ours:.1} µs, bare poem {poem:.1} µs for {bytes} bytes");
    row(what, &measured, ratio, bound);
}
