//! A turn is a transaction: all of it is committed, or nothing.

use std::time::Duration;

use imbot::engine::TURN_TIMEOUT;
use imbot::prelude::*;
use imbot::store::Call;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::stage::{Stage, command, message};

#[derive(Default, Serialize, Deserialize)]
struct Count {
    seen: u32,
    last: Option<MessageRef>,
}

/// Does what the message says.
struct Worker;

impl Bot<Count> for Worker {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("order", "Order something").params("<what> <quantity>")]
    }

    async fn message(&self, cx: &mut Context<Count>, message: Message) -> Result {
        cx.state.seen += 1;
        let said = cx.say(format!("#{}", cx.state.seen));
        match message.text.as_str() {
            "fail" => Err("the database is away")?,
            "panic" => panic!("a bug"),
            "sleep" => tokio::time::sleep(TURN_TIMEOUT * 2).await,
            "tell" => return Err(tell("No such deal")),
            "long" => drop(cx.say("x".repeat(20_001))),
            "flood" => (0..1_001).for_each(|_| drop(cx.say("again"))),
            "forget" => cx.state = Count::default(),
            "change" => drop(
                said.edit("changed")
                    .keyboard(Button::link("Docs", "https://example.com")),
            ),
            "delete" => said.delete(),
            "keep" => cx.state.last = Some(said.reference()),
            "later" => drop(
                cx.message(cx.state.last.unwrap())
                    .edit("changed later")
                    .without_keyboard(),
            ),
            _ => {}
        }
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Count>, command: Command) -> Result {
        let (what, quantity): (String, u32) = command.args()?;
        cx.say(format!("{quantity} × {what}"));
        Ok(())
    }
}

async fn talk(texts: &[&str]) -> Stage {
    let stage = Stage::with(App::new().bot(Worker)).await;
    for (id, text) in texts.iter().enumerate() {
        stage
            .post(message("worker", "27", id as u64 + 1, text))
            .await;
    }
    stage.until_idle().await;
    stage
}

const SORRY: &str = "Sorry, that did not work. The error has been noted.";

#[tokio::test(start_paused = true)]
async fn a_failed_turn_changes_nothing_and_the_bot_apologises() {
    for wrong in ["fail", "panic", "sleep", "long", "flood"] {
        let stage = talk(&["a", wrong, "b"]).await;
        // An error that may pass is retried, and the third failure is announced.
        let may_pass = ["fail", "panic", "sleep"].contains(&wrong);
        let wait =
            may_pass.then_some("This takes longer than usual. Please wait, I will try again.");
        let expected: Vec<&str> = ["#1"]
            .into_iter()
            .chain(wait)
            .chain([SORRY, "#2"])
            .collect();
        assert_eq!(stage.sent.texts("27"), expected, "{wrong}");
    }
}

#[tokio::test]
async fn an_error_with_a_text_for_the_person_is_sent_as_the_answer() {
    let stage = talk(&["a", "tell", "b"]).await;
    assert_eq!(stage.sent.texts("27"), ["#1", "No such deal", "#2"]);
}

#[tokio::test]
async fn each_dialog_has_its_own_state_and_the_default_is_not_stored() {
    let stage = talk(&["a", "b"]).await;
    stage.post(message("worker", "28", 50, "a")).await;
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("28"), ["#1"]);
    assert_eq!(stage.store.conversations(), 2);
    stage.post(message("worker", "27", 51, "forget")).await;
    stage.until_idle().await;
    assert_eq!(stage.store.conversations(), 1);
}

#[tokio::test]
async fn a_message_can_be_changed_in_the_turn_that_says_it() {
    let stage = talk(&["change", "delete"]).await;
    let [Call::Say { params, .. }] = &stage.sent.all()[..] else {
        panic!()
    };
    assert_eq!(params["MESSAGE"], "changed");
    assert_eq!(
        params["KEYBOARD"]["BUTTONS"][0],
        json!({ "TEXT": "Docs", "LINK": "https://example.com" })
    );
}

#[tokio::test]
async fn a_sent_message_can_be_changed_in_a_later_turn() {
    let stage = talk(&["keep"]).await;
    stage.post(message("worker", "27", 2, "later")).await;
    stage.until_idle().await;
    let all = stage.sent.all();
    let Call::Edit { message, params } = &all[2] else {
        panic!("{all:?}")
    };
    assert_eq!(message.0, 1_000, "the id that the portal gave it");
    assert_eq!(
        json!(params),
        json!({ "MESSAGE": "changed later", "KEYBOARD": "N" })
    );
}

#[tokio::test]
async fn a_message_that_is_not_sent_yet_is_changed_in_the_outbox() {
    let stage = talk(&["keep", "later"]).await;
    let said = stage.sent.all();
    assert_eq!(stage.sent.texts("27"), ["changed later", "#2"]);
    assert_eq!(said.len(), 2, "no edit was sent: {said:?}");
}

#[tokio::test]
async fn wrong_arguments_are_answered_with_the_usage() {
    let stage = Stage::with(App::new().bot(Worker)).await;
    stage
        .post(command("worker", "27", 1, "order pizza 2", "TEXTAREA"))
        .await;
    stage
        .post(command(
            "worker",
            "27",
            2,
            "order pizza [b]two[/b]",
            "TEXTAREA",
        ))
        .await;
    stage.until_idle().await;
    let usage = "“[\u{2060}b]two[\u{2060}/b]” is not a whole number, zero or more.\nUsage: [code]\u{2060}/order <what> <quantity>[/code]";
    let said = stage.sent.texts("27");
    assert_eq!(said[0], "2 × pizza");
    assert_eq!(
        said[1].replace("[code]\u{2060}", "[code]"),
        usage.replace("[code]\u{2060}", "[code]")
    );
    let Call::Say { answers, .. } = &stage.sent.all()[0] else {
        panic!()
    };
    assert_eq!(
        answers.map(|(command, message)| (command.0, message.0)),
        Some((99, 1)),
        "sent as the command's answer"
    );
}

#[tokio::test]
async fn one_delivery_for_several_bots_starts_a_turn_of_each() {
    struct Other;
    impl Bot for Other {
        async fn message(&self, cx: &mut Context, message: Message) -> Result {
            cx.say(format!("other: {}", message.text));
            Ok(())
        }
    }
    let stage = Stage::with(App::new().bot(Worker).bot(Other)).await;
    let mut body = message("worker", "chat5", 1, "both");
    body["data"]["BOT"]["8"] = json!({ "BOT_ID": 8, "BOT_CODE": "other" });
    body["data"]["BOT"]["9"] = json!({ "BOT_ID": 9, "BOT_CODE": "of another program" });
    stage.post(body).await;
    stage.until_idle().await;
    let mut said = stage.sent.texts("chat5");
    said.sort();
    assert_eq!(said, ["#1", "other: both"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_running_turns() {
    let stage = Stage::with(App::new().bot(Worker)).await;
    stage.post(message("worker", "27", 1, "a")).await;
    assert!(stage.engine.stop(Duration::from_secs(5)).await);
    assert_eq!(stage.sent.texts("27"), ["#1"]);
}
