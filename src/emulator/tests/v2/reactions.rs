//! Reactions, of people and of bots: protocol/bots-v2.md 7.3.

use serde_json::{Value, json};

use super::TestPortal;

/// A bot with a message to react to.
async fn said(test: &TestPortal, bot: u64) -> u64 {
    let params = json!({ "botId": bot, "dialogId": "1", "fields": { "message": "well?" } });
    let answer = test.result("imbot.v2.Chat.Message.send", params).await;
    answer["id"].as_u64().expect("an id")
}

/// The reactions in a bot's events, such as `add fire`.
async fn received(test: &TestPortal, bot: u64) -> Vec<String> {
    let events = test.waiting(bot).await;
    let changes = events
        .iter()
        .filter(|event| event["type"] == "ONIMBOTV2REACTIONCHANGE");
    let text = |event: &Value, key: &str| event["data"][key].as_str().expect("a text").to_owned();
    changes
        .map(|event| format!("{} {}", text(event, "action"), text(event, "reaction")))
        .collect()
}

#[tokio::test]
async fn a_bot_gets_events_about_reactions_to_its_messages() {
    let test = TestPortal::new().await;
    let (bot, deaf) = (
        test.bot_v2("helper", json!({})).await,
        test.bot_v2("deaf", json!({ "isReactionsEnabled": false }))
            .await,
    );
    let message = said(&test, bot).await;
    test.portal.react(1, message, "fire").expect("set");
    assert_eq!(
        test.portal.react(1, message, "fire").unwrap_err().code(),
        "REACTION_ALREADY_SET"
    );
    test.portal
        .react(1, message, "redHeart")
        .expect("set in its place");
    test.portal
        .unreact(1, message, "redHeart")
        .expect("taken back");
    test.portal.like(1, message).expect("liked");
    test.portal.like(1, message).expect("no longer");
    assert_eq!(
        test.portal.unreact(1, message, "fire").unwrap_err().code(),
        "REACTION_NOT_FOUND"
    );
    assert_eq!(
        test.portal.react(1, message, "smirk").unwrap_err().code(),
        "REACTION_NOT_FOUND"
    );
    let expected = [
        "add fire",
        "add redHeart",
        "delete redHeart",
        "add like",
        "delete like",
    ];
    assert_eq!(received(&test, bot).await, expected);

    let unheard = said(&test, deaf).await;
    test.portal.react(1, unheard, "fire").expect("set");
    let own = test.portal.send(1, &bot.to_string(), "mine").expect("sent");
    test.portal.like(1, own).expect("liked");
    assert!(received(&test, deaf).await.is_empty());
    assert_eq!(received(&test, bot).await.len(), expected.len());
}

#[tokio::test]
async fn a_bot_reacts_to_what_it_sees() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let theirs = test.portal.send(1, &bot.to_string(), "hi").expect("sent");
    let elsewhere = test.portal.send(1, "2", "hi").expect("sent");
    let own = said(&test, bot).await;
    let react = async |method: &str, message: u64, reaction: &str| {
        let params = json!({ "botId": bot, "messageId": message, "reaction": reaction });
        let method = format!("imbot.v2.Chat.Message.Reaction.{method}");
        let (_, answer) = test.call_as(test.token(), &method, params).await;
        let code = answer["error"].as_str().map(str::to_owned);
        code.unwrap_or_else(|| answer["result"].to_string())
    };
    assert_eq!(react("add", theirs, "eyes").await, r#"{"result":true}"#);
    let seen = test.portal.history(1, &bot.to_string());
    assert_eq!(seen[0]["reactions"], json!({ "eyes": [bot] }));
    assert_eq!(react("add", theirs, "eyes").await, "REACTION_ALREADY_SET");
    assert_eq!(react("add", theirs, "EYES").await, "REACTION_NOT_FOUND");
    assert_eq!(react("add", elsewhere, "eyes").await, "ACCESS_DENIED");
    assert_eq!(react("delete", theirs, "fire").await, "REACTION_NOT_FOUND");
    assert_eq!(react("delete", theirs, "eyes").await, r#"{"result":true}"#);
    assert_eq!(react("add", own, "eyes").await, r#"{"result":true}"#);
    assert!(received(&test, bot).await.is_empty());
}

#[tokio::test]
async fn people_react_on_the_page() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let message = said(&test, bot).await;
    let press = || {
        test.post(
            "/chat/react",
            json!({ "as": 1, "message": message, "reaction": "fire" }),
        )
    };
    assert_eq!(press().await, (200, json!({})));
    assert_eq!(press().await, (200, json!({})));
    assert_eq!(received(&test, bot).await, ["add fire", "delete fire"]);
    let open = json!({ "as": 1, "bot": bot, "context": { "table": 42 } });
    assert_eq!(
        test.post("/chat/context", open).await.1["dialog_id"],
        bot.to_string()
    );
    let event = test.fetched(bot, "ONIMBOTV2CONTEXTGET").await;
    assert_eq!(event["data"]["context"], json!({ "table": 42 }));
}
