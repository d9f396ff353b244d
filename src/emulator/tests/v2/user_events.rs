//! `im.v2.Event.*`: events that programs of people fetch. See protocol/bots-v2.md 5.1.

use serde_json::{Value, json};

use super::TestPortal;

/// Returns the stored events of the token's user: names and data.
async fn waiting(test: &TestPortal) -> Vec<(String, Value)> {
    let answer = test.result("im.v2.Event.get", json!({})).await;
    let events = answer["events"].as_array().expect("a list").clone();
    events
        .into_iter()
        .map(|mut event| {
            (
                event["type"].as_str().expect("a name").to_owned(),
                event["data"].take(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_subscriber_gets_events_of_their_chats_until_they_unsubscribe() {
    let test = TestPortal::new().await;
    test.portal.send(2, "1", "before").expect("sent");
    assert!(waiting(&test).await.is_empty());
    for _ in 0..2 {
        assert_eq!(test.result("im.v2.Event.subscribe", json!({})).await, true);
    }
    let group = test.portal.group(1, "Office", &[2]).expect("made");
    let id = test.portal.send(2, &group, "hi").expect("sent");
    test.portal.edit(2, id, "hi!").expect("edited");
    test.portal
        .react(3, id, "fire")
        .expect_err("not theirs to see");
    test.portal.react(1, id, "fire").expect("set");
    test.portal.delete(2, id).expect("deleted");
    test.portal.invite(1, &group, 3).expect("invited");
    test.portal.send(2, "3", "not hers").expect("sent");
    let incoming = waiting(&test).await;
    let names: Vec<&str> = incoming.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "ONIMV2JOINCHAT",
        "ONIMV2MESSAGEADD",
        "ONIMV2MESSAGEUPDATE",
        "ONIMV2REACTIONCHANGE",
        "ONIMV2MESSAGEDELETE",
        "ONIMV2JOINCHAT",
    ];
    assert_eq!(names, expected);
    let (_, joined) = &incoming[5];
    assert_eq!(
        [&joined["user"]["id"], &joined["dialogId"]],
        [&json!(3), &json!(group)]
    );
    let (_, said) = &incoming[1];
    assert_eq!(
        [&said["user"]["id"], &said["user"]["lastActivityDate"]],
        [&json!(2), &json!(false)]
    );
    assert_eq!([&said["bot"], &said["chat"]["role"]], [&Value::Null; 2]);
    test.result("im.v2.Event.unsubscribe", json!({})).await;
    test.portal.send(2, &group, "unheard").expect("sent");
    assert_eq!(
        waiting(&test).await.len(),
        expected.len(),
        "what was written stays"
    );
}

#[tokio::test]
async fn user_events_have_the_fields_of_the_samples() {
    let test = TestPortal::new().await;
    test.result("im.v2.Event.subscribe", json!({})).await;
    test.portal.send(2, "1", "Hello everyone!").expect("sent");
    let sample: Value = serde_json::from_str(include_str!(
        "../../../../tests/fixtures/events/im-v2-fetch-message-add.json"
    ))
    .expect("JSON");
    let (_, said) = waiting(&test).await.pop().expect("an event");
    let (ours, theirs) = (
        super::keys(&said),
        super::keys(&sample["result"]["events"][0]["data"]),
    );
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "only in the sample: {missing:?}");
}

#[tokio::test]
async fn a_bot_fetches_events_of_its_user_together_with_its_own() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let both = |offset: u64| json!({ "botId": bot, "withUserEvents": true, "offset": offset });
    let refused = test.refusal("imbot.v2.Event.get", both(0)).await;
    assert_eq!(refused, (400, "USER_NOT_SUBSCRIBED".to_owned()));
    test.result("im.v2.Event.subscribe", json!({})).await;
    test.portal.send(2, "1", "to Ann").expect("sent");
    test.portal
        .send(2, &bot.to_string(), "to the bot")
        .expect("sent");
    let answer = test.result("imbot.v2.Event.get", both(0)).await;
    let names: Vec<_> = answer["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "ONIMV2MESSAGEADD",
            "ONIMBOTV2JOINCHAT",
            "ONIMBOTV2MESSAGEADD"
        ]
    );
    let end = answer["nextOffset"].as_u64().expect("a number");
    let empty = test.result("imbot.v2.Event.get", both(end)).await;
    assert_eq!(empty["events"], json!([]));
    assert!(waiting(&test).await.is_empty(), "one offset confirms both");
}

#[tokio::test]
async fn an_application_without_the_scope_gets_no_user_events() {
    let test = TestPortal::new().await;
    let mut app = crate::emulator::NewApp::new("narrow", &test.handler);
    app.scope = "imbot".to_owned();
    let app = test.portal.register_app(app);
    test.portal
        .install(&app.client_id)
        .await
        .expect("installed");
    let install = test.event("ONAPPINSTALL").await;
    let token = install["auth"]["access_token"].as_str().expect("a token");
    let fields = json!({ "code": "narrow", "properties": { "name": "x" } });
    let (_, answer) = test
        .call_as(token, "imbot.v2.Bot.register", json!({ "fields": fields }))
        .await;
    let params = json!({ "botId": answer["result"]["bot"]["id"], "withUserEvents": "Y" });
    let (status, answer) = test.call_as(token, "imbot.v2.Event.get", params).await;
    assert_eq!((status, &answer["error"]), (400, &json!("SCOPE_ERROR")));
    let (status, answer) = test.call_as(token, "im.v2.Event.get", json!({})).await;
    assert_eq!(
        (status, &answer["error"]),
        (401, &json!("insufficient_scope"))
    );
}

#[tokio::test]
async fn a_context_can_be_sent_without_a_link() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let params = json!({ "dialogId": bot, "context": { "table": 42 } });
    test.result("im.v2.Chat.Bot.sendContext", params).await;
    let event = test.fetched(bot, "ONIMBOTV2CONTEXTGET").await;
    assert_eq!(
        [
            &event["data"]["context"]["table"],
            &event["data"]["user"]["id"]
        ],
        [42, 1]
    );
    let refused = test
        .refusal("im.v2.Chat.Bot.sendContext", json!({ "dialogId": "2" }))
        .await;
    assert_eq!(refused.1, "BOT_NOT_FOUND");
}
