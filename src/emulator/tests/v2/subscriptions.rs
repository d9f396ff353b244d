//! The addresses and the format of events: the rules of `imbot.v2.Bot.update`, several bots, and
//! both versions.

use serde_json::json;

use super::TestPortal;
use crate::emulator::Options;

#[tokio::test]
async fn an_update_of_a_bot_updates_its_subscriptions() {
    let test = TestPortal::new().await;
    let bot = test.posted("helper", json!({})).await;
    let rows = |test: &TestPortal| {
        test.portal
            .portal
            .read(|world| world.subscriptions.keys().copied().collect::<Vec<_>>())
    };
    let before = rows(&test);
    test.update(bot, json!({ "isHidden": true })).await;
    assert_eq!(rows(&test), before, "other fields leave them alone");
    let other = format!("{}?v=2", test.handler);
    test.update(bot, json!({ "webhookUrl": other })).await;
    let urls: Vec<String> = test.subscribed().into_iter().map(|(_, url)| url).collect();
    assert_eq!(urls, vec![other.clone(); 8]);
    test.update(bot, json!({ "eventMode": "fetch" })).await;
    assert!(test.subscribed().is_empty());
    test.update(bot, json!({ "eventMode": "webhook" })).await;
    assert_eq!(test.subscribed().len(), 8);
    for (fields, code) in [
        (json!({ "eventMode": "push" }), "BOT_INVALID_EVENT_MODE"),
        (json!({ "webhookUrl": "nowhere" }), "BOT_INVALID_CALLBACK"),
    ] {
        let params = json!({ "botId": bot, "fields": fields });
        assert_eq!(
            test.refusal("imbot.v2.Bot.update", params).await,
            (400, code.to_owned())
        );
    }
}

#[tokio::test]
async fn with_another_bot_the_old_address_still_gets_events() {
    let test = TestPortal::new().await;
    let (bot, sibling) = (
        test.posted("a", json!({})).await,
        test.posted("b", json!({})).await,
    );
    let other = format!("{}?v=2", test.handler);
    test.update(bot, json!({ "webhookUrl": other })).await;
    assert_eq!(test.subscribed().len(), 16);
    test.portal.open(1, sibling).expect("opened");
    for _ in 0..2 {
        test.event("ONIMBOTV2JOINCHAT").await;
    }
    test.result("imbot.v2.Bot.unregister", json!({ "botId": bot }))
        .await;
    assert_eq!(test.subscribed().len(), 16);
    test.result("imbot.v2.Bot.unregister", json!({ "botId": sibling }))
        .await;
    assert!(test.subscribed().is_empty());
}

#[tokio::test]
async fn a_fetching_bot_gets_commands_both_ways_next_to_a_webhook_bot() {
    let test = TestPortal::new().await;
    let (_, bot) = (
        test.posted("a", json!({})).await,
        test.bot_v2("b", json!({})).await,
    );
    let command = json!({ "command": "help", "hidden": true });
    test.result(
        "imbot.v2.Command.register",
        json!({ "botId": bot, "fields": command }),
    )
    .await;
    test.portal.send(1, &bot.to_string(), "hi").expect("sent");
    test.portal
        .send(1, &bot.to_string(), "/help")
        .expect("sent");
    let event = test.event("ONIMBOTV2COMMANDADD").await;
    assert_eq!(event["data"]["bot"]["id"], bot.to_string());
    assert!(test.is_quiet().await);
    assert_eq!(test.waiting(bot).await.len(), 3);
}

#[tokio::test]
async fn the_format_follows_the_version_that_registered_the_bot() {
    let test = TestPortal::new().await;
    let (second, first) = (
        test.posted("second", json!({})).await,
        test.bot("first", "B").await,
    );
    test.portal.open(1, first).expect("opened");
    test.event("ONIMBOTJOINCHAT").await;
    test.portal.open(1, second).expect("opened");
    test.event("ONIMBOTV2JOINCHAT").await;
    test.result("imbot.unregister", json!({ "BOT_ID": second }))
        .await;
    test.event("ONIMBOTV2DELETE").await;
    test.result("imbot.v2.Bot.unregister", json!({ "botId": first }))
        .await;
    test.event("ONIMBOTDELETE").await;
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn with_both_formats_every_bot_gets_both() {
    let options = Options {
        rate: None,
        both_formats: true,
        ..Options::default()
    };
    let test = TestPortal::with(options).await;
    let (second, first) = (
        test.posted("second", json!({})).await,
        test.bot("first", "B").await,
    );
    for bot in [first, second] {
        test.portal.open(1, bot).expect("opened");
        test.event("ONIMBOTJOINCHAT").await;
        let event = test.event("ONIMBOTV2JOINCHAT").await;
        assert_eq!(event["data"]["bot"]["id"], bot.to_string());
    }
    assert!(test.is_quiet().await);
}
