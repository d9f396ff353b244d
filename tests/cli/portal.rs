//! A portal that is reached by its inbound webhook, from the command line: registered, talked to, and left.

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

/// The program with that portal in its environment, in an empty folder.
fn at(portal: &Emulator, folder: &TempDir) -> Command {
    let mut command = bots();
    command
        .current_dir(folder.path())
        .env("IMBOT_PORTAL", portal.webhook_url())
        .env("IMBOT_ALLOW_HOST", portal.address().to_string())
        .env("IMBOT_POLL_QUICK", "0.05");
    command
}

/// What a command prints, which must succeed.
async fn prints(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(!err.contains("/rest/1/"), "the webhook is shown: {err}");
    out
}

#[tokio::test]
async fn one_address_is_enough_to_converse_on_a_portal() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let mut child = at(&portal, &folder)
        .arg("run")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let told = tokio::task::spawn_blocking(|| {
        let mut lines = BufReader::new(out).lines().map(Result::unwrap);
        let told = lines.find(|line| line.contains("Talk to echo at"));
        (told, lines) // while they are held, the program may go on telling
    });
    let (told, _lines) = told.await.unwrap();
    let told = told.expect("the address of a chat");
    let bot = portal.bot("echo").unwrap().to_string();
    assert!(
        told.contains(&format!("/online/?IM_DIALOG={bot}")),
        "{told}"
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
async fn bots_are_registered_as_planned_and_removed_only_when_meant() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let command = |args: &[&str]| {
        let mut command = at(&portal, &folder);
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
async fn a_portal_that_refuses_is_told_and_the_program_ends() {
    let (portal, folder) = (portal().await, TempDir::new().unwrap());
    let wrong = portal.webhook_url().replace("/rest/1/", "/rest/1/wrong");
    let mut command = at(&portal, &folder);
    command.env("IMBOT_PORTAL", &wrong).arg("run");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("create a new inbound webhook"), "{told}");
    assert!(!told.contains("/rest/1/wrong"), "{told}");
}
