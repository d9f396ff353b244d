//! The command line of every program of bots, tested with the included bots.

mod config;
mod doctor;
mod emulate;
mod events;
mod log;
mod operator;
#[cfg(unix)]
#[path = "../support/pooler.rs"]
mod pooler;
mod portal;
#[cfg(unix)]
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "each suite takes what it needs")]
mod postgres;
#[cfg(unix)]
mod store_move;
#[cfg(unix)]
mod store_status;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program, without the settings of this environment.
fn bots() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bots"));
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("IMBOT_") {
            command.env_remove(name);
        }
    }
    command
}

fn decode(body: &[u8]) -> Output {
    let mut child = bots()
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn decode_shows_an_event_as_json_without_its_tokens() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/events");
    let form = std::fs::read(fixtures.join("v1-message-add-group-mention.form")).unwrap();
    let shown = text(&decode(&form).stdout);
    assert!(
        shown.contains("\"event\": \"ONIMBOTMESSAGEADD\"")
            && shown.contains("how to set up the left menu")
    );
    assert!(
        !shown.contains("831c76b092f9f135d9b6b36c3a720757"),
        "the application token is shown"
    );
    let page = decode(&std::fs::read(fixtures.join("v2-fetch-command-add.json")).unwrap());
    assert!(text(&page.stdout).contains("\"next_offset\": 1006"));
}

#[test]
fn decode_names_the_wrong_key() {
    let wrong = decode(b"event=ONIMBOTMESSAGEADD&data[BOT][7][BOT_ID]=7&data[PARAMS][DIALOG_ID]=1&data[PARAMS][MESSAGE_ID]=x");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        text(&wrong.stderr).contains("`data[PARAMS][MESSAGE_ID]`: expected a number, found `x`")
    );
    assert_eq!(wrong.stdout, b"");
}

#[test]
fn help_lists_every_command_and_setting() {
    let help = text(&bots().arg("--help").output().unwrap().stdout);
    for word in [
        "run",
        "emulate",
        "decode",
        "doctor",
        "events",
        "store",
        "dead",
        "conversation",
        "config",
        "Without a command",
    ] {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
    let help = text(&bots().args(["run", "--help"]).output().unwrap().stdout);
    for word in [
        "--emulator",
        "IMBOT_CLIENT_ID",
        "IMBOT_CLIENT_SECRET",
        "IMBOT_PUBLIC_URL",
        "127.0.0.1:8072",
        "IMBOT_STORE_KEY",
        "IMBOT_ATTEMPTS",
    ] {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
}

#[test]
fn run_without_a_portal_fails_with_the_missing_setting() {
    let failed = bots()
        .args(["run", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        text(&failed.stderr).contains("set IMBOT_PORTAL"),
        "{}",
        text(&failed.stderr)
    );
}

#[test]
fn run_on_an_emulated_portal_prints_the_address_of_a_chat_with_all_bots() {
    let addresses = [
        "--emulator-listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.1:0",
    ];
    let mut child = bots()
        .args(["run", "--emulator"])
        .args(addresses)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address = lines
        .find_map(|line| line.trim().strip_prefix("http://").map(str::to_owned))
        .unwrap();
    let mut portal = TcpStream::connect(&address).unwrap();
    write!(
        portal,
        "GET /chat/state?as=1 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut state = String::new();
    portal.read_to_string(&mut state).unwrap();
    for bot in [
        "\"code\":\"echo\"",
        "\"code\":\"menu\"",
        "\"code\":\"poll\"",
    ] {
        assert!(state.contains(bot), "{bot} is missing");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_mistake_in_the_front_desks_file_stops_the_program_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("desk.toml");
    std::fs::write(&file, "greeting = 'Hi'\naway = 'Away'\ntopic = []\n").unwrap();
    let output = bots().env("FRONTDESK_FILE", &file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("desk.toml") && log.contains("line 3"), "{log}");
    let output = bots()
        .env("FRONTDESK_FILE", "nowhere.toml")
        .output()
        .unwrap();
    assert!(text(&output.stderr).contains("nowhere.toml, named by FRONTDESK_FILE"));
}
