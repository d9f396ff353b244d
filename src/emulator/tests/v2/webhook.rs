//! Posted v2 events: number, form, and receivers.

use serde_json::{Value, json};

use super::{TOKEN, TestPortal, keys};
use crate::emulator::events::v2::NAMES;
use crate::event::form;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../tests/fixtures/events/v2-webhook-",
            $name,
            ".form"
        ))
    };
}

/// Checks that an event has all keys of the documentation's sample.
#[track_caller]
fn like_sample(event: &Value, sample: &str) {
    let sample = form::decode(sample.trim().as_bytes()).expect("a form");
    let (ours, theirs) = (keys(event), keys(&sample));
    let missing: Vec<&String> = theirs
        .difference(&ours)
        .filter(|key| !key.starts_with(".data.context."))
        .collect();
    assert!(missing.is_empty(), "only in the sample: {missing:?}");
}

#[tokio::test]
async fn a_registration_subscribes_to_eight_events_for_one_bot_each() {
    let test = TestPortal::new().await;
    let bots = [
        test.posted("a", json!({})).await,
        test.posted("b", json!({})).await,
    ];
    let expected: Vec<_> = NAMES
        .iter()
        .map(|name| ((*name).to_owned(), test.handler.clone()))
        .collect();
    assert_eq!(test.subscribed(), expected);
    let group = test.portal.group(1, "Office", &bots).expect("made");
    let text = format!("[USER={}]a[/USER] [USER={}]b[/USER] hi", bots[0], bots[1]);
    test.portal.send(1, &group, &text).expect("sent");
    for name in ["ONIMBOTV2JOINCHAT", "ONIMBOTV2MESSAGEADD"] {
        for bot in bots {
            let event = test.event(name).await;
            assert_eq!(event["data"]["bot"]["id"], bot.to_string());
        }
    }
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn posted_events_look_like_the_samples() {
    let test = TestPortal::new().await;
    let bot = test.posted("helper", json!({})).await;
    let command = json!({ "command": "help", "hidden": true });
    test.result(
        "imbot.v2.Command.register",
        json!({ "botId": bot, "fields": command }),
    )
    .await;
    let dialog = bot.to_string();
    let id = test.portal.send(1, &dialog, "Hello bot!").expect("sent");
    like_sample(&test.event("ONIMBOTV2JOINCHAT").await, sample!("join-chat"));
    let event = test.event("ONIMBOTV2MESSAGEADD").await;
    like_sample(&event, sample!("message-add"));
    let data = &event["data"];
    let odd = [
        &data["message"]["forward"],
        &data["message"]["params"],
        &data["chat"]["backgroundId"],
    ];
    assert_eq!(odd, [&Value::Null; 3], "what is empty vanishes");
    assert_eq!(
        [&data["user"]["active"], &data["user"]["phones"]],
        ["1", "0"]
    );
    test.portal.edit(1, id, "Hello!").expect("edited");
    like_sample(
        &test.event("ONIMBOTV2MESSAGEUPDATE").await,
        sample!("message-update"),
    );
    test.portal.delete(1, id).expect("deleted");
    assert_eq!(
        test.event("ONIMBOTV2MESSAGEDELETE").await["data"]["messageId"],
        id.to_string()
    );
    test.portal
        .send(1, &dialog, "/help a\n/help b")
        .expect("sent");
    let event = test.event("ONIMBOTV2COMMANDADD").await;
    like_sample(&event, sample!("command-add"));
    assert_eq!(event["data"]["command"]["params"], "a");
    assert_eq!(
        test.event("ONIMBOTV2COMMANDADD").await["data"]["command"]["params"],
        "b"
    );
    test.portal
        .open_with_context(1, bot, &json!({ "id": 164 }))
        .expect("opened");
    let event = test.event("ONIMBOTV2CONTEXTGET").await;
    like_sample(&event, sample!("context-get"));
    assert_eq!(event["data"]["context"], json!({ "id": "164" }));
    let params = json!({ "botId": bot, "dialogId": "1", "fields": { "message": "done" } });
    let said = test.result("imbot.v2.Chat.Message.send", params).await;
    test.portal
        .react(1, said["id"].as_u64().expect("an id"), "like")
        .expect("reacted");
    like_sample(
        &test.event("ONIMBOTV2REACTIONCHANGE").await,
        sample!("reaction-change"),
    );
    test.result("imbot.v2.Bot.unregister", json!({ "botId": bot }))
        .await;
    like_sample(&test.event("ONIMBOTV2DELETE").await, sample!("bot-delete"));
    assert!(test.subscribed().is_empty());
}

#[tokio::test]
async fn the_bot_of_an_application_gets_tokens_of_its_own() {
    let test = TestPortal::new().await;
    let bot = test.posted("helper", json!({})).await;
    test.portal.send(2, &bot.to_string(), "hi").expect("sent");
    let join = test.event("ONIMBOTV2JOINCHAT").await;
    assert_eq!(join["auth"]["refresh_token"], Value::Null);
    let event = test.event("ONIMBOTV2MESSAGEADD").await;
    let (own, theirs) = (&event["data"]["bot"]["auth"], &event["auth"]);
    assert_eq!(
        [&own["user_id"], &theirs["user_id"]],
        [&*bot.to_string(), "2"]
    );
    assert_eq!(
        theirs["application_token"],
        test.install["auth"]["application_token"]
    );
    assert!(theirs["refresh_token"].is_string());
    let token = own["access_token"].as_str().expect("a token");
    let params = json!({ "botId": bot, "dialogId": "2", "fields": { "message": "hello" } });
    assert_eq!(
        test.call_as(token, "imbot.v2.Chat.Message.send", params)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_webhook_bot_authorizes_with_its_bot_token_and_gets_no_tokens() {
    let test = TestPortal::new().await;
    let fields = json!({
        "code": "helper", "botToken": TOKEN, "properties": { "name": "x" }, "eventMode": "webhook", "webhookUrl": test.handler,
    });
    let (_, answer) = test
        .by_webhook("imbot.v2.Bot.register", json!({ "fields": fields }))
        .await;
    let bot = answer["result"]["bot"]["id"].as_u64().expect("an id");
    let dialog = test.portal.open(1, bot).expect("opened");
    let event = test.event("ONIMBOTV2JOINCHAT").await;
    assert_eq!(
        event["data"]["bot"],
        json!({ "id": bot.to_string(), "code": "helper" })
    );
    let auth = event["auth"].as_object().expect("a map");
    let names: Vec<&String> = auth.keys().collect();
    assert_eq!(
        names,
        [
            "domain",
            "server_endpoint",
            "client_endpoint",
            "member_id",
            "application_token"
        ]
    );
    assert_eq!(auth["application_token"], format!("custom{TOKEN}"));

    let rotate = json!({ "botId": bot, "botToken": TOKEN, "fields": { "botToken": "new" } });
    assert_eq!(test.by_webhook("imbot.v2.Bot.update", rotate).await.0, 200);
    test.portal.send(1, &dialog, "hi").expect("sent");
    let event = test.event("ONIMBOTV2MESSAGEADD").await;
    assert_eq!(event["auth"]["application_token"], "customnew");
    assert!(test.is_quiet().await);
}
