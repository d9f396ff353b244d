//! `run`, `register` and `unregister` on a portal that is reached by its inbound webhook.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use imbot::emulator::{Emulator, Options};
use tempfile::TempDir;

use super::{bots, text};

const ANN: u64 = 1;

async fn portal() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// Returns the program with this portal in its environment, in an empty folder.
fn program(portal: &Emulator, folder: &TempDir) -> Command {
    let mut command = bots();
    command
        .current_dir(folder.path())
        .env("IMBOT_PORTAL", portal.webhook_url())
        .env("IMBOT_ALLOW_HOST", portal.address().to_string())
        .env("IMBOT_POLL_QUICK", "0.05");
    command
}

/// Returns the output of a command, which must succeed.
async fn prints(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(!err.contains("/rest/1/"), "the webhook is shown: {err}");
    out
}

#[tokio::test]
async fn a_webhook_address_is_enough_to_talk_to_a_bot() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let mut child = program(&portal, &folder)
        .arg("run")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(|| {
        let mut lines = BufReader::new(out).lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains("Talk to echo at"));
        (line, lines) // held, so that the program can print further lines
    });
    let (line, _lines) = reading.await.unwrap();
    let line = line.expect("the address of a chat");
    let bot = portal.bot("echo").unwrap().to_string();
    assert!(
        line.contains(&format!("/online/?IM_DIALOG={bot}")),
        "{line}"
    );
    portal.send(ANN, &bot, "anybody there?").unwrap();
    let is_answered = || {
        let last = portal.history(ANN, &bot).pop().unwrap();
        last["author"] != ANN && last["text"] == "anybody there?"
    };
    let answered = async {
        while !is_answered() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered)
        .await
        .expect("an answer");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn bots_are_registered_as_the_dry_run_shows_and_removed_only_with_yes() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let command = |args: &[&str]| {
        let mut command = program(&portal, &folder);
        command.args(args);
        command
    };
    let plan = prints(command(&["register", "--dry-run"])).await;
    assert!(plan.contains("would: register the bot echo"), "{plan}");
    assert!(plan.contains("would: add /help to the bot echo"), "{plan}");
    assert_eq!(portal.bot("echo"), None);

    let done = prints(command(&["register"])).await;
    assert_eq!(done, plan.replace("would:", "done:"));
    assert!(portal.bot("echo").is_some());
    let again = prints(command(&["register", "--dry-run"])).await;
    assert!(
        !again.contains("register the bot") && !again.contains("add /"),
        "{again}"
    );

    let shown = prints(command(&["unregister"])).await;
    assert!(
        shown.contains("would: remove the bot echo") && shown.contains("--yes"),
        "{shown}"
    );
    assert!(portal.bot("echo").is_some());
    prints(command(&["unregister", "--yes"])).await;
    assert_eq!(portal.bot("echo"), None);
}

#[tokio::test]
async fn a_refused_webhook_stops_the_program_with_advice() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let wrong = portal.webhook_url().replace("/rest/1/", "/rest/1/wrong");
    let mut command = program(&portal, &folder);
    command.env("IMBOT_PORTAL", &wrong).arg("run");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("create a new inbound webhook"), "{log}");
    assert!(!log.contains("/rest/1/wrong"), "{log}");
}
