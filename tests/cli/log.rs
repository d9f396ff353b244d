//! A log that cannot be written disturbs nothing; and one that is written is safe to read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tokio::time::Instant;

use super::{bots, text};

/// Maximum time of anything a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The included bots on an emulated portal.
struct Program {
    child: Child,
    listen: SocketAddr,
}

impl Program {
    fn start(stdout: Stdio, stderr: Stdio, change: impl FnOnce(&mut Command)) -> Self {
        let (listen, emulator) = (free(), free());
        let mut command = bots();
        command
            .args(["run", "--emulator", "--listen", &listen.to_string()])
            .args(["--emulator-listen", &emulator.to_string()])
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        change(&mut command);
        let child = command.spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(listen).is_err() {
            assert!(Instant::now() < end, "the program does not listen");
            sleep(Duration::from_millis(10));
        }
        Self { child, listen }
    }

    /// Posts a body, and returns the status. 0 means that the connection was closed.
    fn post(&self, body: &str) -> u16 {
        let answer = send(
            self.listen,
            "POST /",
            "application/x-www-form-urlencoded",
            body,
        );
        let status = answer.split(' ').nth(1).unwrap_or_default();
        status.parse().unwrap_or(0)
    }

    /// Asserts that every invalid event, each of which is logged, gets its answer.
    fn answers(mut self) {
        for _ in 0..100 {
            assert_eq!(self.post("event=X"), 403);
            assert_eq!(self.post("nothing=1"), 400);
        }
        assert!(self.child.try_wait().unwrap().is_none(), "it runs");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request, and returns the whole answer; nothing if the connection was closed.
fn send(to: SocketAddr, line: &str, content_type: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // a reset is an empty answer
    text(&answer).to_owned()
}

fn free() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

/// Logs a line for everything.
fn verbose(command: &mut Command) {
    command.env("RUST_LOG", "trace");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_full_disk_changes_nothing_else() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    Program::start(full().into(), full().into(), verbose).answers();
}

#[test]
fn a_log_into_a_closed_pipe_changes_nothing_else() {
    let pipe = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    Program::start(pipe().into(), pipe().into(), verbose).answers();
}

#[test]
fn a_log_into_a_pipe_that_nobody_reads_changes_nothing_else() {
    let (_reader, writer) = std::io::pipe().unwrap();
    Program::start(Stdio::null(), writer.into(), verbose).answers();
}

#[cfg(target_os = "linux")]
#[test]
fn a_line_that_is_longer_than_the_rest_of_a_pipe_does_not_wait_for_its_reader() {
    const PIPE_BYTES: usize = 65_536;
    const PAGE_BYTES: usize = 4_096;
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; PIPE_BYTES - PAGE_BYTES]).unwrap();
    let path = "long/".repeat(2 * PAGE_BYTES); // the error names it
    let mut command = bots();
    let command = command.args(["--config", &path, "config"]);
    let mut child = command.stderr(writer).spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < end => sleep(Duration::from_millis(10)),
            None => {
                let _ = child.kill();
                panic!("the program waits for the reader of its log");
            }
        }
    };
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_body_writes_neither_lines_nor_terminal_commands_into_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = File::create(&path).unwrap();
    let program = Program::start(Stdio::null(), log.into(), |_| ());
    let deep = "[a]".repeat(40);
    let hostile = format!("event=X&x%0A2026-11-29T01:25:34Z ERROR FORGED%07%1b[31m{deep}=1");
    assert_eq!(program.post(&hostile), 400);
    let install = "event=ONAPPINSTALL&data[VERSION]=1&auth[member_id]=%0AFORGED%1b[31m\
                   &auth[application_token]=x&auth[refresh_token]=x";
    assert_ne!(program.post(install), 200);
    for _ in 0..1_000 {
        program.post("event=X");
    }
    drop(program);
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("FORGED"), "{log}");
    for line in log.lines() {
        assert!(
            !line.trim_start().starts_with("2026-11-29T01:25:34Z ERROR"),
            "{line}"
        );
        assert!(!line.starts_with("FORGED"), "{line}");
    }
    assert!(
        !log.contains(|it: char| it.is_control() && it != '\n'),
        "{log:?}"
    );
    let refusals = log.matches("an event was refused").count();
    assert!(
        refusals < 100,
        "{refusals} lines of a thousand refused events"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_size_limit_of_files_does_not_end_the_program_and_its_health_says_that_events_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (listen, emulator) = (free(), free());
    let child = Command::new("sh")
        .args(["-c", "ulimit -f 800; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_bots"))
        .args(["run", "--emulator", "--listen", &listen.to_string()])
        .args(["--emulator-listen", &emulator.to_string()])
        .args(["--store", "store.db"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut program = Program {
        child: child.unwrap(),
        listen,
    };
    let end = Instant::now() + PATIENCE;
    let is_echo_there = || {
        TcpStream::connect(emulator).is_ok()
            && send(emulator, "GET /chat/state?as=1", "", "").contains("\"echo\"")
    };
    while !is_echo_there() {
        assert!(Instant::now() < end, "the bots are not registered");
        sleep(Duration::from_millis(10));
    }
    let message = |bot: u64| {
        let words = "x".repeat(5_000);
        format!("{{\"as\":1,\"dialog\":\"{bot}\",\"text\":\"{words}\"}}")
    };
    loop {
        for bot in 101..106 {
            send(
                emulator,
                "POST /chat/send",
                "application/json",
                &message(bot),
            );
        }
        let status = program.child.try_wait().unwrap();
        assert_eq!(status, None, "the program goes on");
        if send(listen, "GET /health", "", "").ends_with("failing") {
            break;
        }
        assert!(Instant::now() < end, "no event is lost, or none is noticed");
    }
}
