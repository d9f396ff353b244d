//! `im.v2.Event.*`: what people's own programs fetch. Section 5.1 of bots-v2.md.

use serde_json::{Value, json};

use super::Desk;

/// What waits for the user of the token: names and data.
async fn waiting(desk: &Desk) -> Vec<(String, Value)> {
    let answer = desk.result("im.v2.Event.get", json!({})).await;
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
async fn a_subscriber_hears_what_happens_in_their_chats_until_they_unsubscribe() {
    let desk = Desk::new().await;
    desk.portal.send(2, "1", "before").expect("sent");
    assert!(waiting(&desk).await.is_empty());
    for _ in 0..2 {
        assert_eq!(desk.result("im.v2.Event.subscribe", json!({})).await, true);
    }
    let group = desk.portal.group(1, "Office", &[2]).expect("made");
    let id = desk.portal.send(2, &group, "hi").expect("sent");
    desk.portal.edit(2, id, "hi!").expect("edited");
    desk.portal
        .react(3, id, "fire")
        .expect_err("not theirs to see");
    desk.portal.react(1, id, "fire").expect("set");
    desk.portal.delete(2, id).expect("deleted");
    desk.portal.invite(1, &group, 3).expect("invited");
    desk.portal.send(2, "3", "not hers").expect("sent");
    let heard = waiting(&desk).await;
    let names: Vec<&str> = heard.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "ONIMV2JOINCHAT",
        "ONIMV2MESSAGEADD",
        "ONIMV2MESSAGEUPDATE",
        "ONIMV2REACTIONCHANGE",
        "ONIMV2MESSAGEDELETE",
        "ONIMV2JOINCHAT",
    ];
    assert_eq!(names, expected);
    let (_, joined) = &heard[5];
    assert_eq!(
        [&joined["user"]["id"], &joined["dialogId"]],
        [&json!(3), &json!(group)]
    );
    let (_, said) = &heard[1];
    assert_eq!(
        [&said["user"]["id"], &said["user"]["lastActivityDate"]],
        [&json!(2), &json!(false)]
    );
    assert_eq!([&said["bot"], &said["chat"]["role"]], [&Value::Null; 2]);
    desk.result("im.v2.Event.unsubscribe", json!({})).await;
    desk.portal.send(2, &group, "unheard").expect("sent");
    assert_eq!(
        waiting(&desk).await.len(),
        expected.len(),
        "what was written stays"
    );
}

#[tokio::test]
async fn user_events_have_the_fields_of_the_samples() {
    let desk = Desk::new().await;
    desk.result("im.v2.Event.subscribe", json!({})).await;
    desk.portal.send(2, "1", "Hello everyone!").expect("sent");
    let sample: Value = serde_json::from_str(include_str!(
        "../../../../tests/fixtures/events/im-v2-fetch-message-add.json"
    ))
    .expect("JSON");
    let (_, said) = waiting(&desk).await.pop().expect("an event");
    let (ours, theirs) = (
        super::keys(&said),
        super::keys(&sample["result"]["events"][0]["data"]),
    );
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "only in the sample: {missing:?}");
}

#[tokio::test]
async fn a_bot_fetches_its_users_events_along_with_its_own() {
    let desk = Desk::new().await;
    let bot = desk.bot_v2("helper", json!({})).await;
    let both = |offset: u64| json!({ "botId": bot, "withUserEvents": true, "offset": offset });
    let refused = desk.refusal("imbot.v2.Event.get", both(0)).await;
    assert_eq!(refused, (400, "USER_NOT_SUBSCRIBED".to_owned()));
    desk.result("im.v2.Event.subscribe", json!({})).await;
    desk.portal.send(2, "1", "to Ann").expect("sent");
    desk.portal
        .send(2, &bot.to_string(), "to the bot")
        .expect("sent");
    let answer = desk.result("imbot.v2.Event.get", both(0)).await;
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
    let empty = desk.result("imbot.v2.Event.get", both(end)).await;
    assert_eq!(empty["events"], json!([]));
    assert!(waiting(&desk).await.is_empty(), "one offset confirms both");
}

#[tokio::test]
async fn an_application_without_the_scope_gets_no_user_events() {
    let desk = Desk::new().await;
    let mut app = crate::emulator::NewApp::new("narrow", &desk.handler);
    app.scope = "imbot".to_owned();
    let app = desk.portal.register_app(app);
    desk.portal
        .install(&app.client_id)
        .await
        .expect("installed");
    let install = desk.event("ONAPPINSTALL").await;
    let token = install["auth"]["access_token"].as_str().expect("a token");
    let fields = json!({ "code": "narrow", "properties": { "name": "x" } });
    let (_, answer) = desk
        .call_as(token, "imbot.v2.Bot.register", json!({ "fields": fields }))
        .await;
    let params = json!({ "botId": answer["result"]["bot"]["id"], "withUserEvents": "Y" });
    let (status, answer) = desk.call_as(token, "imbot.v2.Event.get", params).await;
    assert_eq!((status, &answer["error"]), (400, &json!("SCOPE_ERROR")));
    let (status, answer) = desk.call_as(token, "im.v2.Event.get", json!({})).await;
    assert_eq!(
        (status, &answer["error"]),
        (401, &json!("insufficient_scope"))
    );
}

#[tokio::test]
async fn a_context_can_be_sent_without_a_link() {
    let desk = Desk::new().await;
    let bot = desk.bot_v2("helper", json!({})).await;
    let params = json!({ "dialogId": bot, "context": { "table": 42 } });
    desk.result("im.v2.Chat.Bot.sendContext", params).await;
    let event = desk.fetched(bot, "ONIMBOTV2CONTEXTGET").await;
    assert_eq!(
        [
            &event["data"]["context"]["table"],
            &event["data"]["user"]["id"]
        ],
        [42, 1]
    );
    let refused = desk
        .refusal("im.v2.Chat.Bot.sendContext", json!({ "dialogId": "2" }))
        .await;
    assert_eq!(refused.1, "BOT_NOT_FOUND");
}
