//! Which events are accepted, and which are repeats.

use imbot::engine::AcceptError;
use imbot::prelude::*;
use imbot::store::Portals;
use serde_json::json;

use super::stage::{MEMBER, Stage, TOKEN, command, event, message};
use imbot::store::contract::sample::installation;

struct Echo;

impl Bot for Echo {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("plus", "Adds one")]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }

    async fn edited(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("edited: {}", message.text));
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        cx.say(format!("{}: {}", command.name, command.params));
        Ok(())
    }
}

async fn stage() -> Stage {
    Stage::with(App::new().bot(Echo)).await
}

#[tokio::test]
async fn forged_missing_and_foreign_tokens_are_refused_with_the_same_answer() {
    let stage = stage().await;
    stage
        .store
        .install(installation("another", "another token of the same length"))
        .await
        .unwrap();
    let changes = [
        json!({ "member_id": MEMBER, "application_token": "831c76b092f9f135d9b6b36c3a720758" }),
        json!({ "member_id": MEMBER, "application_token": "" }),
        json!({ "member_id": MEMBER }),
        json!({ "member_id": "nobody", "application_token": TOKEN }),
        json!({ "application_token": TOKEN }),
        json!({ "member_id": "another", "application_token": TOKEN }),
        json!({ "member_id": "nobody", "application_token": "00000000000000000000000000000000" }),
        json!({}),
    ];
    let mut answers = Vec::new();
    for (number, auth) in changes.into_iter().enumerate() {
        for name in [
            "ONIMBOTMESSAGEADD",
            "ONIMBOTJOINCHAT",
            "ONIMBOTDELETE",
            "ONAPPUNINSTALL",
            "ONCRMDEALADD",
        ] {
            let mut body = message("echo", "27", 100 + number as u64, "forged");
            body["event"] = name.into();
            body["auth"] = auth.clone();
            answers.push(stage.accept(body).await.unwrap_err());
        }
    }
    stage.until_idle().await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, AcceptError::Unproven))
    );
    assert_eq!(stage.sent.all(), []);
    stage.post(message("echo", "27", 1, "proven")).await;
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27"), ["proven"]);
}

#[tokio::test]
async fn an_installation_event_alone_does_not_prove_an_installation() {
    let stage = stage().await;
    let forged = json!({
        "event": "ONAPPINSTALL", "data": { "VERSION": "1" },
        "auth": { "member_id": MEMBER, "application_token": "mine now", "refresh_token": "invented", "client_endpoint": "https://evil.example/rest/" },
    });
    assert!(matches!(
        stage.accept(forged).await.unwrap_err(),
        AcceptError::Unproven | AcceptError::Unreachable
    ));
    let mut body = message("echo", "27", 1, "forged");
    body["auth"]["application_token"] = "mine now".into();
    assert!(matches!(
        stage.accept(body).await.unwrap_err(),
        AcceptError::Unproven
    ));
    stage
        .post(message("echo", "27", 2, "the real one still works"))
        .await;
}

#[tokio::test]
async fn repeats_are_dropped() {
    let stage = stage().await;
    for _ in 0..3 {
        stage.post(message("echo", "27", 1, "once")).await;
        stage
            .post(command("echo", "27", 2, "plus 1", "TEXTAREA"))
            .await;
    }
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27"), ["once", "plus: 1"]);
}

#[tokio::test]
async fn clicks_on_one_keyboard_are_not_repeats_of_each_other() {
    let stage = stage().await;
    for click in 0..3 {
        let mut body = command("echo", "27", 2, "plus 1", "KEYBOARD");
        body["data"]["COMMAND"]["99"]["access_token"] = format!("token of click {click}").into();
        stage.post(body.clone()).await;
        stage.post(body).await; // the same click again
    }
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27").len(), 3);
}

#[tokio::test]
async fn each_edit_of_a_message_is_an_event() {
    let stage = stage().await;
    for text in ["one", "two", "one"] {
        let params =
            json!({ "MESSAGE": text, "MESSAGE_ID": 5, "DIALOG_ID": "27", "AUTHOR_ID": 27 });
        let mut body = event("ONIMBOTMESSAGEUPDATE", "echo", params);
        body["ts"] = json!(1_771_940_000 + stage.sent.all().len());
        stage.post(body).await;
        stage.until_idle().await;
    }
    assert_eq!(
        stage.sent.texts("27"),
        ["edited: one", "edited: two", "edited: one"]
    );
}

#[tokio::test]
async fn a_bot_does_not_receive_its_own_edits() {
    let stage = stage().await;
    let params =
        json!({ "MESSAGE": "mine", "MESSAGE_ID": 5, "DIALOG_ID": "chat5", "AUTHOR_ID": 7 });
    stage
        .post(event("ONIMBOTMESSAGEUPDATE", "echo", params))
        .await;
    stage.until_idle().await;
    assert_eq!(stage.sent.all(), []);
}

#[tokio::test]
async fn a_typed_mark_of_a_button_that_works_once_is_no_press() {
    let stage = stage().await;
    let typed = command("echo", "27", 900, "plus 1\u{2063}", "TEXTAREA");
    stage.post(typed).await;
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27"), ["plus: 1"]);
    assert_eq!(stage.sent.all().len(), 1, "no keyboard is removed");
}
