//! Messages that v2 bots send, edit and delete: protocol/bots-v2.md 7.3.

use serde_json::{Value, json};

use super::TestPortal;

async fn send(test: &TestPortal, bot: u64, dialog: &str, fields: Value) -> (u16, Value) {
    let params = json!({ "botId": bot, "dialogId": dialog, "fields": fields });
    test.call_as(test.token(), "imbot.v2.Chat.Message.send", params)
        .await
}

async fn sent(test: &TestPortal, bot: u64, dialog: &str, fields: Value) -> Value {
    let (status, mut answer) = send(test, bot, dialog, fields).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"].take()
}

async fn last(test: &TestPortal, dialog: &str) -> Value {
    test.portal.history(1, dialog).pop().expect("a message")
}

#[tokio::test]
async fn a_message_with_a_template_id_is_sent_once() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let plain = sent(&test, bot, "1", json!({ "message": " hi " })).await;
    assert_eq!(plain["uuidMap"], json!([]), "PHP's empty array");
    let seen = last(&test, &bot.to_string()).await;
    assert_eq!(
        [&seen["id"], &seen["text"], &seen["author"]],
        [&plain["id"], &json!("hi"), &json!(bot)]
    );
    let template = "0b6a57a2-8f4b-4b2e-9a44-6a1f3f2c1d10";
    let fields = json!({ "message": "once", "templateId": template });
    let first = sent(&test, bot, "1", fields.clone()).await;
    assert_eq!(first["uuidMap"][template], first["id"]);
    assert_eq!(sent(&test, bot, "1", fields).await, first);
    assert_eq!(last(&test, &bot.to_string()).await["id"], first["id"]);
    let upper = json!({ "message": "twice", "templateId": template.to_uppercase() });
    let ids = [
        sent(&test, bot, "1", upper.clone()).await,
        sent(&test, bot, "1", upper).await,
    ];
    assert_ne!(ids[0]["id"], ids[1]["id"]);
}

#[tokio::test]
async fn sending_is_refused_with_the_documented_codes() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let group = test.portal.group(1, "Office", &[2]).expect("made");
    let hi = || json!({ "message": "hi" });
    let cases = [
        ("1", json!({}), "EMPTY_MESSAGE"),
        ("1", json!({ "message": " " }), "EMPTY_MESSAGE"),
        (&*group, hi(), "ACCESS_DENIED"),
        ("999", hi(), "ACCESS_DENIED"),
        (
            "1",
            json!({ "message": "x", "attach": [{ "WHAT": 1 }] }),
            "PARAM_ATTACH_ERROR",
        ),
        (
            "1",
            json!({ "message": "x", "keyboard": [[{ "TEXT": "x", "LINK": "/" }]] }),
            "PARAM_KEYBOARD_ERROR",
        ),
    ];
    for (dialog, fields, code) in cases {
        let (status, answer) = send(&test, bot, dialog, fields).await;
        assert_eq!((status, &answer["error"]), (400, &json!(code)), "{answer}");
    }
}

#[tokio::test]
async fn a_command_in_a_bots_message_is_run_without_message_events() {
    let test = TestPortal::new().await;
    let (bot, watch) = (
        test.bot_v2("helper", json!({})).await,
        test.bot_v2("watch", json!({ "type": "supervisor" })).await,
    );
    let fields = json!({ "command": "go", "hidden": true, "common": true });
    test.result(
        "imbot.v2.Command.register",
        json!({ "botId": watch, "fields": fields }),
    )
    .await;
    let group = test.portal.group(1, "Office", &[bot, watch]).expect("made");
    sent(&test, bot, &group, json!({ "message": "hi" })).await;
    sent(&test, bot, &group, json!({ "message": "/go" })).await;
    let events = test.waiting(watch).await;
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(names, ["ONIMBOTV2JOINCHAT", "ONIMBOTV2COMMANDADD"]);
}

#[tokio::test]
async fn messages_are_quoted_and_forwarded_from_the_bots_chats() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let dialog = bot.to_string();
    let asked = test.portal.send(1, &dialog, "why?").expect("sent");
    let reply = sent(
        &test,
        bot,
        "1",
        json!({ "message": "so", "replyId": asked }),
    )
    .await;
    let uuid = "11111111-2222-4333-8444-555555555555";
    let forward = sent(&test, bot, "2", json!({ "forwardIds": { uuid: asked } })).await;
    assert_eq!(forward["id"], forward["uuidMap"][uuid]);
    let elsewhere = test.portal.send(1, "2", "private").expect("sent");
    let (_, refused) = send(
        &test,
        bot,
        "2",
        json!({ "forwardIds": { uuid: elsewhere } }),
    )
    .await;
    assert_eq!(refused["error"], "ACCESS_DENIED");
    test.portal.portal.read(|world| {
        let refs = |id: &Value| world.messages[&id.as_u64().expect("an id")].refs.clone();
        assert_eq!(refs(&reply["id"]).reply, Some(asked));
        assert_eq!(
            refs(&forward["id"])
                .forward
                .map(|from| (from.id, from.user)),
            Some((asked, 1))
        );
    });
}

#[tokio::test]
async fn an_update_changes_only_the_given_fields() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let dialog = bot.to_string();
    let rich = json!({ "message": "one", "attach": [{ "MESSAGE": "more" }], "keyboard": [{ "TEXT": "x", "LINK": "/" }] });
    let id = sent(&test, bot, "1", rich).await["id"].clone();
    let update = async |fields: Value| {
        let params = json!({ "botId": bot, "messageId": id, "fields": fields });
        let done = test.result("imbot.v2.Chat.Message.update", params).await;
        assert_eq!(done, json!({ "result": true }));
        last(&test, &dialog).await
    };
    let seen = update(json!({ "message": "two" })).await;
    assert!(seen["edited"] == true && seen["keyboard"].is_object() && seen["attach"].is_object());
    assert_eq!(
        update(json!({ "keyboard": "N" })).await["keyboard"],
        Value::Null
    );
    let full = json!({ "attach": { "BLOCKS": [{ "MESSAGE": "other" }] } });
    assert_eq!(
        update(full).await["attach"]["BLOCKS"][0]["MESSAGE"],
        "other"
    );
    let bare = json!({ "attach": [{ "MESSAGE": "a bare list takes it away" }] });
    let seen = update(bare).await;
    assert_eq!(
        (&seen["attach"], &seen["text"]),
        (&Value::Null, &json!("two"))
    );
    assert_eq!(update(json!({ "message": "" })).await["deleted"], true);
}

#[tokio::test]
async fn a_bot_changes_its_own_messages_and_deletes_in_chats_it_manages() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let group = test.portal.group(1, "Office", &[2, bot]).expect("made");
    let (theirs, system) = (
        test.portal.send(2, &group, "mine").expect("sent"),
        sent(
            &test,
            bot,
            &group,
            json!({ "message": "note", "system": true }),
        )
        .await["id"]
            .clone(),
    );
    let own = sent(&test, bot, &group, json!({ "message": "own" })).await["id"].clone();
    for id in [json!(theirs), system, json!(1)] {
        for method in ["update", "delete"] {
            let params = json!({ "botId": bot, "messageId": id, "fields": { "message": "x" } });
            let found = test
                .refusal(&format!("imbot.v2.Chat.Message.{method}"), params)
                .await;
            assert_eq!(found, (400, "ACCESS_DENIED".to_owned()), "{method} {id}");
        }
    }
    let chat = group["chat".len()..].parse().expect("a number");
    test.portal.portal.act(1, |tx| {
        tx.change_chat(chat, |chat| {
            chat.managers.insert(bot);
        });
    });
    for (id, complete) in [(json!(theirs), false), (own, true)] {
        let params = json!({ "botId": bot, "messageId": id, "complete": complete });
        test.result("imbot.v2.Chat.Message.delete", params).await;
    }
    let seen = last(&test, &group).await;
    assert_eq!(seen["text"], "note", "the one behind it left no trace");
    let history = test.portal.history(1, &group);
    let mine = history
        .iter()
        .find(|message| message["id"] == theirs)
        .expect("a trace");
    assert_eq!(mine["deleted"], true);
}

#[tokio::test]
async fn people_see_the_action_of_a_bot() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let dialog = test.portal.open(1, bot).expect("opened");
    let mut live = test.portal.subscribe(1);
    assert_eq!(live.next().await.expect("a portal")["type"], "hello");
    let notify = |code: &str, duration: u64| {
        let params = json!({ "botId": bot, "dialogId": "1", "statusMessageCode": code, "duration": duration });
        test.result("imbot.v2.Chat.InputAction.notify", params)
    };
    let cases = [
        ("IMBOT_AGENT_ACTION_THINKING", 30, json!("THINKING"), 30),
        ("IMBOT_AGENT_ACTION_DANCING", 6000, Value::Null, 600),
    ];
    for (code, duration, action, seconds) in cases {
        assert_eq!(notify(code, duration).await, json!({ "result": true }));
        let item = loop {
            let item = live.next().await.expect("a portal");
            if item["type"] == "typing" {
                break item;
            }
        };
        assert_eq!(
            [&item["action"], &item["dialog_id"]],
            [&action, &json!(dialog)]
        );
        assert_eq!(item["seconds"], seconds);
    }
    let group = test.portal.group(1, "Office", &[2]).expect("made");
    let params = json!({ "botId": bot, "dialogId": group });
    let refused = test
        .refusal("imbot.v2.Chat.InputAction.notify", params)
        .await;
    assert_eq!(refused.1, "ACCESS_DENIED");
}
