//! Bots registered, owned and changed: protocol/bots-v2.md 7.1.

use serde_json::{Value, json};

use super::{TOKEN, TestPortal, extend};

/// Returns `fields` of a registration, with changes.
fn fields(code: &str, more: Value) -> Value {
    let mut fields = json!({ "code": code, "botToken": TOKEN, "properties": { "name": "Bot" } });
    extend(&mut fields, more);
    json!({ "fields": fields })
}

async fn registered(test: &TestPortal, params: Value) -> Value {
    let (status, mut answer) = test.by_webhook("imbot.v2.Bot.register", params).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"]["bot"].take()
}

#[tokio::test]
async fn a_bot_is_registered_with_the_documented_defaults() {
    let test = TestPortal::new().await;
    let params = fields("helper", json!({ "backgroundId": "no such" }));
    let bot = registered(&test, params).await;
    let expected = json!({
        "id": bot["id"],
        "code": "helper",
        "type": "bot",
        "isHidden": false,
        "isSupportOpenline": false,
        "isReactionsEnabled": true,
        "backgroundId": null,
        "language": "en",
        "moduleId": "rest",
        "eventMode": "fetch",
        "countMessage": 0,
        "countCommand": 0,
        "countChat": 0,
        "countUser": 0,
    });
    assert_eq!(bot, expected);
}

#[tokio::test]
async fn registering_a_code_again_changes_nothing() {
    let test = TestPortal::new().await;
    let first = registered(&test, fields("helper", json!({}))).await;
    let other = json!({ "type": "personal", "isHidden": true, "properties": { "name": "New" } });
    assert_eq!(registered(&test, fields("helper", other)).await, first);
    let (_, answer) = test
        .by_webhook(
            "imbot.v2.Bot.get",
            json!({ "botToken": TOKEN, "code": "helper" }),
        )
        .await;
    assert_eq!(answer["result"]["users"][0]["name"], "Bot");
}

#[tokio::test]
async fn registration_is_refused_with_the_documented_codes() {
    let test = TestPortal::new().await;
    test.bot_v2("taken", json!({})).await;
    let avatar = json!({ "properties": { "name": "x", "avatar": "bm8gcGljdHVyZQ==" } });
    let cases = [
        (
            json!({ "fields": { "code": "x" } }),
            "BOT_TOKEN_NOT_SPECIFIED",
        ),
        (
            fields("x", json!({ "botToken": "  " })),
            "BOT_TOKEN_NOT_SPECIFIED",
        ),
        (
            fields("x", json!({ "botToken": "x".repeat(41) })),
            "BOT_TOKEN_INVALID_LENGTH",
        ),
        (fields("", json!({})), "BOT_CODE_REQUIRED"),
        (
            fields("x", json!({ "properties": {} })),
            "BOT_PROPERTIES_REQUIRED",
        ),
        (fields("taken", json!({})), "BOT_CODE_ALREADY_TAKEN"),
        (fields("x", json!({ "type": "B" })), "BOT_INVALID_TYPE"),
        (
            fields("x", json!({ "eventMode": "push" })),
            "BOT_INVALID_EVENT_MODE",
        ),
        (
            fields("x", json!({ "eventMode": "webhook" })),
            "BOT_WEBHOOK_URL_REQUIRED",
        ),
        (
            fields(
                "x",
                json!({ "eventMode": "webhook", "webhookUrl": "nowhere" }),
            ),
            "BOT_INVALID_CALLBACK",
        ),
        (fields("x", avatar), "BOT_AVATAR_INCORRECT_TYPE"),
    ];
    for (params, code) in cases {
        let (status, answer) = test.by_webhook("imbot.v2.Bot.register", params).await;
        assert_eq!((status, &answer["error"]), (400, &json!(code)), "{answer}");
    }
    let (_, list) = test
        .by_webhook("imbot.v2.Bot.list", json!({ "botToken": TOKEN }))
        .await;
    assert_eq!(list["result"]["bots"], json!([]));
}

#[tokio::test]
async fn an_application_has_a_hundred_bots_at_most() {
    let test = TestPortal::new().await;
    for number in 0..100 {
        test.bot_v2(&format!("bot {number}"), json!({})).await;
    }
    let (status, code) = test
        .refusal("imbot.v2.Bot.register", fields("one more", json!({})))
        .await;
    assert_eq!((status, &*code), (400, "BOT_LIMIT_EXCEEDED"));
    let page = test
        .result("imbot.v2.Bot.list", json!({ "offset": 40 }))
        .await;
    assert_eq!(page["bots"].as_array().map(Vec::len), Some(50));
    assert_eq!(page["hasNextPage"], true);
    let page = test
        .result("imbot.v2.Bot.list", json!({ "offset": 50 }))
        .await;
    assert_eq!(page["hasNextPage"], false);
}

#[tokio::test]
async fn only_its_owner_can_use_a_bot() {
    let test = TestPortal::new().await;
    let bot = registered(&test, fields("helper", json!({}))).await["id"].clone();
    let apps = test.bot_v2("apps", json!({})).await;
    let (mine, foreign) = (
        json!({ "botToken": TOKEN, "botId": bot }),
        json!({ "botId": bot }),
    );
    let cases = [
        (json!({ "botId": bot }), "BOT_TOKEN_NOT_SPECIFIED"),
        (json!({ "botToken": TOKEN }), "BOT_ID_REQUIRED"),
        (
            json!({ "bottoken": TOKEN, "botId": bot }),
            "BOT_TOKEN_NOT_SPECIFIED",
        ),
        (
            json!({ "botToken": TOKEN, "botid": bot }),
            "BOT_ID_REQUIRED",
        ),
        (json!({ "botToken": TOKEN, "botId": 1 }), "BOT_NOT_FOUND"),
        (
            json!({ "botToken": "another", "botId": bot }),
            "BOT_OWNERSHIP_ERROR",
        ),
        (
            json!({ "botToken": TOKEN, "botId": apps }),
            "BOT_OWNERSHIP_ERROR",
        ),
    ];
    for (params, code) in cases {
        let (status, answer) = test.by_webhook("imbot.v2.Command.list", params).await;
        assert_eq!((status, &answer["error"]), (400, &json!(code)), "{answer}");
    }
    assert_eq!(test.by_webhook("imbot.v2.Command.list", mine).await.0, 200);
    let refused = test.refusal("imbot.v2.Command.list", foreign).await;
    assert_eq!(refused, (400, "BOT_OWNERSHIP_ERROR".to_owned()));
    let seen = test
        .result("imbot.v2.Bot.get", json!({ "code": "helper" }))
        .await;
    assert_eq!(seen["bot"]["moduleId"], Value::Null);
    let refused = test.refusal("imbot.v2.Bot.get", json!({})).await;
    assert_eq!(refused.1, "PARAMS_REQUIRED");
}

#[tokio::test]
async fn a_new_bot_token_invalidates_the_old_one_at_once() {
    let test = TestPortal::new().await;
    let bot = registered(&test, fields("helper", json!({}))).await["id"].clone();
    let other = fields("other", json!({ "botToken": "its own" }));
    registered(&test, other).await;
    let rotate = |old: &str, new: &str| {
        let fields = json!({ "botToken": new, "isHidden": true });
        let params = json!({ "botId": bot, "botToken": old, "fields": fields });
        test.by_webhook("imbot.v2.Bot.update", params)
    };
    let taken = rotate(TOKEN, "its own").await;
    assert_eq!(
        (taken.0, &taken.1["error"]),
        (400, &json!("BOT_TOKEN_ROTATION_FAILED"))
    );
    let fixed =
        json!({ "botId": bot, "botToken": TOKEN, "fields": { "type": "personal", "code": "x" } });
    let (_, same) = test.by_webhook("imbot.v2.Bot.update", fixed).await;
    let same = &same["result"]["bot"];
    assert_eq!([&same["type"], &same["code"]], ["bot", "helper"]);
    let (_, blank) = rotate(TOKEN, "  ").await;
    assert_eq!(blank["result"]["bot"]["isHidden"], true);
    assert_eq!(rotate(TOKEN, "new").await.0, 200);
    let old = rotate(TOKEN, "newer").await;
    assert_eq!(
        (old.0, &old.1["error"]),
        (400, &json!("BOT_OWNERSHIP_ERROR"))
    );
    assert_eq!(rotate("new", "newer").await.0, 200);
}

#[tokio::test]
async fn an_unregistered_bot_does_not_exist_any_more() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    test.portal.open(1, bot).expect("opened");
    let done = test
        .result("imbot.v2.Bot.unregister", json!({ "botId": bot }))
        .await;
    assert_eq!(done, json!({ "result": true }));
    let refused = test
        .refusal("imbot.v2.Event.get", json!({ "botId": bot }))
        .await;
    assert_eq!(refused, (400, "BOT_NOT_FOUND".to_owned()));
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn the_traffic_log_shows_no_bot_token() {
    let test = TestPortal::new().await;
    registered(
        &test,
        fields("helper", json!({ "botToken": "a long secret" })),
    )
    .await;
    let traffic = serde_json::to_string(&test.portal.traffic_log()).expect("JSON");
    assert!(
        traffic.contains("helper") && !traffic.contains("secret"),
        "{traffic}"
    );
}
