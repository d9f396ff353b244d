//! Which addresses are told, and in which format: the rules of `imbot.v2.Bot.update`, siblings, and both versions.

use serde_json::json;

use super::Desk;
use crate::emulator::Options;

#[tokio::test]
async fn an_update_brings_the_subscriptions_up_to_date() {
    let desk = Desk::new().await;
    let bot = desk.posted("helper", json!({})).await;
    let rows = |desk: &Desk| {
        desk.portal
            .portal
            .see(|world| world.subscriptions.keys().copied().collect::<Vec<_>>())
    };
    let before = rows(&desk);
    desk.update(bot, json!({ "isHidden": true })).await;
    assert_eq!(rows(&desk), before, "other fields leave them alone");
    let other = format!("{}?v=2", desk.handler);
    desk.update(bot, json!({ "webhookUrl": other })).await;
    let urls: Vec<String> = desk.subscribed().into_iter().map(|(_, url)| url).collect();
    assert_eq!(urls, vec![other.clone(); 8]);
    desk.update(bot, json!({ "eventMode": "fetch" })).await;
    assert!(desk.subscribed().is_empty());
    desk.update(bot, json!({ "eventMode": "webhook" })).await;
    assert_eq!(desk.subscribed().len(), 8);
    for (fields, code) in [
        (json!({ "eventMode": "push" }), "BOT_INVALID_EVENT_MODE"),
        (json!({ "webhookUrl": "nowhere" }), "BOT_INVALID_CALLBACK"),
    ] {
        let params = json!({ "botId": bot, "fields": fields });
        assert_eq!(
            desk.refusal("imbot.v2.Bot.update", params).await,
            (400, code.to_owned())
        );
    }
}

#[tokio::test]
async fn with_a_sibling_the_old_address_goes_on_being_told() {
    let desk = Desk::new().await;
    let (bot, sibling) = (
        desk.posted("a", json!({})).await,
        desk.posted("b", json!({})).await,
    );
    let other = format!("{}?v=2", desk.handler);
    desk.update(bot, json!({ "webhookUrl": other })).await;
    assert_eq!(desk.subscribed().len(), 16);
    desk.portal.open(1, sibling).expect("opened");
    for _ in 0..2 {
        desk.event("ONIMBOTV2JOINCHAT").await;
    }
    desk.result("imbot.v2.Bot.unregister", json!({ "botId": bot }))
        .await;
    assert_eq!(desk.subscribed().len(), 16);
    desk.result("imbot.v2.Bot.unregister", json!({ "botId": sibling }))
        .await;
    assert!(desk.subscribed().is_empty());
}

#[tokio::test]
async fn a_bot_that_fetches_gets_its_commands_both_ways_beside_one_that_does_not() {
    let desk = Desk::new().await;
    let (_, bot) = (
        desk.posted("a", json!({})).await,
        desk.bot_v2("b", json!({})).await,
    );
    let command = json!({ "command": "help", "hidden": true });
    desk.result(
        "imbot.v2.Command.register",
        json!({ "botId": bot, "fields": command }),
    )
    .await;
    desk.portal.send(1, &bot.to_string(), "hi").expect("sent");
    desk.portal
        .send(1, &bot.to_string(), "/help")
        .expect("sent");
    let event = desk.event("ONIMBOTV2COMMANDADD").await;
    assert_eq!(event["data"]["bot"]["id"], bot.to_string());
    assert!(desk.is_quiet().await);
    assert_eq!(desk.waiting(bot).await.len(), 3);
}

#[tokio::test]
async fn the_format_follows_the_version_that_registered_the_bot() {
    let desk = Desk::new().await;
    let (second, first) = (
        desk.posted("second", json!({})).await,
        desk.bot("first", "B").await,
    );
    desk.portal.open(1, first).expect("opened");
    desk.event("ONIMBOTJOINCHAT").await;
    desk.portal.open(1, second).expect("opened");
    desk.event("ONIMBOTV2JOINCHAT").await;
    desk.result("imbot.unregister", json!({ "BOT_ID": second }))
        .await;
    desk.event("ONIMBOTV2DELETE").await;
    desk.result("imbot.v2.Bot.unregister", json!({ "botId": first }))
        .await;
    desk.event("ONIMBOTDELETE").await;
    assert!(desk.is_quiet().await);
}

#[tokio::test]
async fn on_a_portal_that_mixes_them_every_bot_gets_both_formats() {
    let options = Options {
        rate: None,
        both_formats: true,
        ..Options::default()
    };
    let desk = Desk::with(options).await;
    let (second, first) = (
        desk.posted("second", json!({})).await,
        desk.bot("first", "B").await,
    );
    for bot in [first, second] {
        desk.portal.open(1, bot).expect("opened");
        desk.event("ONIMBOTJOINCHAT").await;
        let event = desk.event("ONIMBOTV2JOINCHAT").await;
        assert_eq!(event["data"]["bot"]["id"], bot.to_string());
    }
    assert!(desk.is_quiet().await);
}
