//! Commands: registered, run, answered. See protocol/bots-v2.md 7.4.

use std::time::Duration;

use serde_json::{Value, json};

use super::TestPortal;

async fn command(test: &TestPortal, bot: u64, fields: Value) -> Value {
    let params = json!({ "botId": bot, "fields": fields });
    test.result("imbot.v2.Command.register", params).await["command"].take()
}

#[tokio::test]
async fn a_command_is_registered_once_and_shown_with_its_slash() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let fields = json!({ "command": "help", "title": { "en": "Help", "de": "Hilfe" }, "params": { "en": "what" } });
    let first = command(&test, bot, fields.clone()).await;
    let expected = json!({
        "id": first["id"], "botId": bot, "command": "/help", "common": false, "hidden": false, "extranetSupport": false,
    });
    assert_eq!(first, expected);
    let mut again = fields;
    again["common"] = "Y".into();
    assert_eq!(command(&test, bot, again).await, first);
    let list = test
        .result("imbot.v2.Command.list", json!({ "botId": bot }))
        .await;
    let listed = &list["commands"][0];
    let words = [
        &listed["title"],
        &listed["params"],
        &listed["category"],
        &listed["context"],
    ];
    assert_eq!(words, ["Help", "what", "helper", ""]);
}

#[tokio::test]
async fn an_update_sets_and_removes_languages_and_keeps_the_others() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let fields = json!({ "command": "help", "title": { "en": "Help", "de": "Hilfe" }, "params": { "en": "what" } });
    let id = command(&test, bot, fields).await["id"].clone();
    let update = |fields: Value| {
        let params = json!({ "botId": bot, "commandId": id, "fields": fields });
        test.call_as(test.token(), "imbot.v2.Command.update", params)
    };
    let listed = async || {
        let list = test
            .result("imbot.v2.Command.list", json!({ "botId": bot }))
            .await;
        let command = &list["commands"][0];
        (command["title"].clone(), command["params"].clone())
    };
    // Parameters of a language without a title in the same call are ignored.
    assert_eq!(
        update(json!({ "params": { "en": "where" }, "hidden": "Y" }))
            .await
            .0,
        200
    );
    assert_eq!(listed().await, (json!("Help"), json!("what")));
    assert_eq!(update(json!({ "title": { "en": "Assist" } })).await.0, 200);
    assert_eq!(listed().await, (json!("Assist"), json!("what")));
    let (_, answer) = update(json!({ "title": { "en": null }, "command": "/assist" })).await;
    assert_eq!(answer["result"]["command"]["command"], "/assist");
    assert_eq!(answer["result"]["command"]["hidden"], true);
    assert_eq!(listed().await, (json!("Hilfe"), json!("")));
}

#[tokio::test]
async fn refusals_carry_the_documented_codes() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let other = test.bot_v2("other", json!({})).await;
    let visible = json!({ "command": "help", "title": { "en": "Help" } });
    let id = command(&test, bot, visible).await["id"].clone();
    command(&test, bot, json!({ "command": "taken", "hidden": true })).await;
    let register = |fields: Value| ("register", json!({ "botId": bot, "fields": fields }));
    let update = |fields: Value| {
        let params = json!({ "botId": bot, "commandId": id, "fields": fields });
        ("update", params)
    };
    let cases = [
        (register(json!({})), "COMMAND_REQUIRED"),
        (register(json!({ "command": "/" })), "COMMAND_REQUIRED"),
        (
            register(json!({ "command": ["x"] })),
            "COMMAND_NAME_INVALID",
        ),
        (
            register(json!({ "command": "x" })),
            "COMMAND_TITLE_REQUIRED",
        ),
        (update(json!({ "command": " " })), "COMMAND_NAME_EMPTY"),
        (update(json!({ "command": 5 })), "COMMAND_NAME_INVALID"),
        (
            update(json!({ "command": "taken" })),
            "COMMAND_ALREADY_EXISTS",
        ),
        (
            ("unregister", json!({ "botId": other, "commandId": id })),
            "COMMAND_NOT_FOUND",
        ),
        (("unregister", json!({ "botId": bot })), "COMMAND_NOT_FOUND"),
        (
            ("answer", json!({ "botId": bot, "commandId": id })),
            "COMMAND_ANSWER_FAILED",
        ),
    ];
    for ((method, params), code) in cases {
        let found = test
            .refusal(&format!("imbot.v2.Command.{method}"), params)
            .await;
        assert_eq!(found, (400, code.to_owned()), "{method}");
    }
    let params = json!({ "botId": bot, "commandId": id });
    let done = test.result("imbot.v2.Command.unregister", params).await;
    assert_eq!(done, json!({ "result": true }));
}

#[tokio::test]
async fn each_command_of_a_text_is_an_event_and_the_text_is_not() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    command(&test, bot, json!({ "command": "go", "hidden": true })).await;
    test.portal
        .send(1, &bot.to_string(), "/go a\n/go b")
        .expect("sent");
    let events = test.waiting(bot).await;
    let received: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["type"].as_str().expect("a name"),
                &event["data"]["command"]["params"],
            )
        })
        .collect();
    let go = "ONIMBOTV2COMMANDADD";
    let (none, a, b) = (Value::Null, json!("a"), json!("b"));
    assert_eq!(received, [("ONIMBOTV2JOINCHAT", &none), (go, &a), (go, &b)]);
}

#[tokio::test]
async fn a_press_carries_the_message_with_the_keyboard() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    command(&test, bot, json!({ "command": "go", "hidden": true })).await;
    let fields = json!({ "message": "well?", "keyboard": [{ "TEXT": "Go", "COMMAND": "go", "COMMAND_PARAMS": "7" }] });
    let params = json!({ "botId": bot, "dialogId": "2", "fields": fields });
    let id = test.result("imbot.v2.Chat.Message.send", params).await["id"].clone();
    test.portal
        .press(2, id.as_u64().expect("an id"), 0)
        .expect("pressed");
    let event = test.fetched(bot, "ONIMBOTV2COMMANDADD").await;
    let data = &event["data"];
    assert_eq!(
        [&data["message"]["id"], &data["message"]["authorId"]],
        [&id, &json!(bot)]
    );
    let command = [
        &data["command"]["command"],
        &data["command"]["params"],
        &data["command"]["context"],
    ];
    assert_eq!(command, ["/go", "7", "keyboard"]);
    assert_eq!(data["user"]["id"], 2);
}

#[tokio::test]
async fn a_late_answer_to_a_command_is_not_posted_but_succeeds() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let common = json!({ "command": "go", "hidden": true, "common": true });
    let id = command(&test, bot, common).await["id"].clone();
    let group = test.portal.group(1, "Office", &[2]).expect("made");
    let message = test.portal.send(1, &group, "/go").expect("sent");
    let answer = |text: &str| {
        let params = json!({
            "botId": bot, "commandId": id, "messageId": message, "dialogId": group, "fields": { "message": text },
        });
        test.result("imbot.v2.Command.answer", params)
    };
    assert_eq!(answer("here").await, json!({ "result": true }));
    test.portal.portal.act(0, |tx| {
        for open in &mut tx.world.uses {
            open.until -= Duration::from_secs(600).as_millis() as i64;
        }
    });
    assert_eq!(answer("too late").await, json!({ "result": true }));
    let said: Vec<Value> = test.portal.history(1, &group);
    let last = said.last().expect("a message");
    assert_eq!(
        [&last["text"], &last["author"]],
        [&json!("[b]helper:[/b] here"), &json!(0)]
    );
}
