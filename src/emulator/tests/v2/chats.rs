//! Groups managed by bots: protocol/bots-v2.md 7.2.

use serde_json::{Value, json};

use super::{TestPortal, extend};

/// Calls a method on a bot's chat; returns the result, or the code of the refusal.
async fn call(test: &TestPortal, bot: u64, method: &str, more: Value) -> Value {
    let mut params = json!({ "botId": bot });
    extend(&mut params, more);
    let method = format!("imbot.v2.Chat.{method}");
    let (status, mut answer) = test.call_as(test.token(), &method, params).await;
    match status {
        200 => answer["result"].take(),
        400 => answer["error"].take(),
        _ => panic!("{method}: {answer}"),
    }
}

fn ok() -> Value {
    json!({ "result": true })
}

#[tokio::test]
async fn a_bot_creates_a_group_of_existing_users() {
    let test = TestPortal::new().await;
    let (bot, guest) = (
        test.bot_v2("helper", json!({})).await,
        test.bot_v2("guest", json!({})).await,
    );
    let fields = json!({
        "title": "Launch", "description": "of the rocket", "color": "lightBlue", "userIds": [2, "3", guest, 999],
        "ownerId": 3, "message": "Hello", "users": [4],
    });
    let made = call(&test, bot, "add", json!({ "fields": fields })).await;
    let chat = &made["chat"];
    let received = [
        &chat["name"],
        &chat["description"],
        &chat["color"],
        &chat["role"],
        &chat["type"],
    ];
    assert_eq!(
        received,
        ["Launch", "of the rocket", "#4ba5c3", "member", "chat"]
    );
    assert_eq!([&chat["owner"], &chat["userCounter"]], [3, 4]);
    let users = made["users"].as_array().expect("a list");
    assert_eq!(
        users
            .iter()
            .map(|user| user["id"].as_u64())
            .collect::<Vec<_>>(),
        [Some(bot), Some(2), Some(3), Some(guest)]
    );
    test.fetched(guest, "ONIMBOTV2JOINCHAT").await;
    let dialog = chat["dialogId"].as_str().expect("an address");
    assert_eq!(
        test.portal.history(2, dialog).pop().expect("a message")["text"],
        "Hello"
    );
    let seen = call(&test, bot, "get", json!({ "dialogId": dialog })).await;
    assert_eq!(seen["chat"]["id"], chat["id"]);
    let open = call(&test, bot, "add", json!({ "fields": { "type": "open" } })).await;
    assert_eq!(
        [&open["chat"]["type"], &open["chat"]["role"]],
        ["open", "owner"]
    );
}

#[tokio::test]
async fn a_bot_changes_its_groups() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let made = call(
        &test,
        bot,
        "add",
        json!({ "fields": { "title": "Old", "userIds": [2] } }),
    )
    .await;
    let dialog = made["chat"]["dialogId"].clone();
    let on = |more: Value| {
        let mut params = json!({ "dialogId": dialog });
        extend(&mut params, more);
        params
    };
    let fields = json!({ "title": "New", "color": "no such", "description": "why" });
    assert_eq!(
        call(&test, bot, "update", on(json!({ "fields": fields }))).await,
        ok()
    );
    assert_eq!(
        call(
            &test,
            bot,
            "TextField.enabled",
            on(json!({ "enabled": "N" }))
        )
        .await,
        ok()
    );
    let seen = call(&test, bot, "get", on(json!({}))).await;
    let chat = &seen["chat"];
    assert_eq!([&chat["name"], &chat["description"]], ["New", "why"]);
    assert_eq!(
        [&chat["textFieldEnabled"], &chat["color"]],
        [&json!(false), &made["chat"]["color"]]
    );
    let state = test.portal.state(2).expect("a person");
    assert_eq!(state["dialogs"][0]["text_field"], false);
    assert_eq!(
        call(&test, bot, "setOwner", on(json!({ "userId": 4 }))).await,
        "ACCESS_DENIED"
    );
    assert_eq!(
        call(&test, bot, "setOwner", on(json!({ "userId": 2 }))).await,
        ok()
    );
    assert_eq!(
        call(&test, bot, "setOwner", on(json!({ "userId": bot }))).await,
        "ACCESS_DENIED"
    );
    assert_eq!(call(&test, bot, "leave", on(json!({}))).await, ok());
    assert_eq!(
        call(&test, bot, "get", on(json!({}))).await,
        "ACCESS_DENIED"
    );
}

#[tokio::test]
async fn members_and_managers_are_added_and_removed() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let made = call(&test, bot, "add", json!({ "fields": { "userIds": [2] } })).await;
    let dialog = made["chat"]["dialogId"].clone();
    let on = |key: &str, value: Value| json!({ "dialogId": dialog, key: value });
    let ids = |users: Value| -> Vec<u64> {
        let users = users.as_array().expect("a list").clone();
        users
            .iter()
            .map(|user| user["id"].as_u64().expect("an id"))
            .collect()
    };
    assert_eq!(
        call(&test, bot, "User.add", on("userIds", json!([4, 3, 999]))).await,
        ok()
    );
    assert_eq!(
        ids(call(&test, bot, "User.list", on("limit", json!(3))).await),
        [bot, 2, 4]
    );
    let by_id = call(
        &test,
        bot,
        "User.list",
        on("order", json!({ "userId": "DESC" })),
    )
    .await;
    assert_eq!(ids(by_id), [bot, 4, 3, 2]);
    assert_eq!(
        call(&test, bot, "User.delete", on("userId", json!(4))).await,
        ok()
    );
    assert_eq!(
        call(&test, bot, "User.delete", on("userId", json!(4))).await,
        ok()
    );
    assert_eq!(
        call(&test, bot, "Manager.add", on("userIds", json!([2, 5]))).await,
        ok()
    );
    let seen = call(&test, bot, "get", json!({ "dialogId": dialog })).await;
    assert_eq!(seen["chat"]["managerList"], json!([2]));
    assert_eq!(
        call(&test, bot, "Manager.delete", on("userIds", json!([2]))).await,
        ok()
    );
    for method in ["Manager.add", "Manager.delete"] {
        assert_eq!(
            call(&test, bot, method, on("userIds", json!([]))).await,
            "EMPTY_USER_IDS"
        );
    }
}

#[tokio::test]
async fn only_managers_change_groups_and_private_dialogs_are_not_groups() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let group = test.portal.group(1, "Office", &[bot]).expect("made");
    let cases = [
        ("User.add", json!({ "dialogId": group, "userIds": [2] })),
        ("User.delete", json!({ "dialogId": group, "userId": 1 })),
        (
            "Manager.add",
            json!({ "dialogId": group, "userIds": [bot] }),
        ),
        ("leave", json!({ "dialogId": "1" })),
        (
            "update",
            json!({ "dialogId": "1", "fields": { "title": "x" } }),
        ),
        ("get", json!({ "dialogId": "chat999" })),
        ("TextField.enabled", json!({ "dialogId": "999" })),
    ];
    for (method, params) in cases {
        assert_eq!(
            call(&test, bot, method, params).await,
            "ACCESS_DENIED",
            "{method}"
        );
    }
    let private = call(&test, bot, "get", json!({ "dialogId": "1" })).await;
    assert_eq!(
        [&private["chat"]["type"], &private["chat"]["dialogId"]],
        ["private", "1"]
    );
}
