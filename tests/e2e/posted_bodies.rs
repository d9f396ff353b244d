//! Bodies of posted events in other forms than the usual one: JSON, and other character sets.

use imbot::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::stage::{ANN, Echo, Setup};
use crate::support::log::Log;

async fn setup() -> Setup {
    Setup::installed(App::new().bot(Echo)).await
}

/// Posts a body, and returns the status of the answer.
async fn post(setup: &Setup, media_type: &str, body: impl Into<reqwest::Body>) -> u16 {
    let request = reqwest::Client::new()
        .post(&setup.handler)
        .header("content-type", media_type);
    let answer = request.body(body).send().await.unwrap();
    answer.status().as_u16()
}

/// The proof of the installed portal.
async fn auth(setup: &Setup) -> Value {
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    json!({
        "member_id": known.portal,
        "application_token": known.application_token.expose_secret(),
    })
}

fn v1(setup: &Setup, id: u64, text: &str) -> Value {
    let bot = setup.portal.bot("echo").unwrap();
    let params = json!({ "MESSAGE": text, "MESSAGE_ID": id, "DIALOG_ID": ANN, "FROM_USER_ID": ANN, "CHAT_TYPE": "P" });
    let bots = json!({ bot.to_string(): { "BOT_ID": bot, "BOT_CODE": "echo" } });
    json!({ "event": "ONIMBOTMESSAGEADD", "data": { "BOT": bots, "PARAMS": params } })
}

fn v2(setup: &Setup, id: u64, text: &str) -> Value {
    let bot = json!({ "id": setup.portal.bot("echo").unwrap(), "code": "echo" });
    let message = json!({ "id": id, "chatId": 5, "authorId": ANN, "text": text, "isSystem": false, "params": [], "forward": null });
    let chat = json!({ "id": 5, "dialogId": ANN.to_string(), "type": "private" });
    json!({ "event": "ONIMBOTV2MESSAGEADD", "data": { "bot": bot, "message": message, "chat": chat } })
}

#[tokio::test]
async fn an_event_posted_as_json_is_handled_like_a_form() {
    let setup = setup().await;
    let auth = auth(&setup).await;
    let events = [
        v1(&setup, 9_001, "one & ö"),
        v2(&setup, 9_002, "two\n[b]x[/b]"),
    ];
    for mut event in events {
        event["auth"] = auth.clone();
        let body = event.to_string();
        assert_eq!(
            post(&setup, "application/json; charset=utf-8", body).await,
            200
        );
        setup.settles().await;
    }
    setup.receives("echo", &["one & ö", "two\n[b]x[/b]"]).await;
}

#[tokio::test]
async fn json_is_refused_without_the_portals_token_and_if_it_is_no_event() {
    let setup = setup().await;
    let mut forged = v1(&setup, 9_001, "forged");
    forged["auth"] = auth(&setup).await;
    forged["auth"]["application_token"] = "wrong".into();
    let cases = [
        (forged.to_string(), 403),
        ("{\"event\":".to_owned(), 400),
        ("{}".to_owned(), 400),
        ("[]".to_owned(), 415),
        ("event=ONAPPTEST".to_owned(), 415),
    ];
    for (body, expected) in cases {
        assert_eq!(
            post(&setup, "application/json", body.clone()).await,
            expected,
            "{body}"
        );
    }
    setup.settles().await;
    assert!(setup.messages_of("echo").is_empty());
}

#[tokio::test]
async fn another_character_set_is_logged_once_for_a_portal() {
    let (log, _guard) = Log::record();
    let setup = setup().await;
    let auth = auth(&setup).await;
    for id in [9_001, 9_002] {
        let mut event = v1(&setup, id, "PLACE");
        event["auth"] = auth.clone();
        // "Привет" in windows-1251.
        let body = imbot::event::form::encode(&event).replace("PLACE", "%CF%F0%E8%E2%E5%F2");
        let media_type = "application/x-www-form-urlencoded";
        assert_eq!(post(&setup, media_type, body).await, 200);
    }
    setup.settles().await;
    assert_eq!(log.text().matches("is not in UTF-8").count(), 1);
}
