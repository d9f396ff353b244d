//! The web chat's JSON.

use serde_json::{Value, json};

use super::TestPortal;

#[tokio::test]
async fn a_conversation_can_be_held_on_the_page() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let (_, state) = test.get("/chat/state?as=1").await;
    assert_eq!(state["bots"][0]["greeted"], json!(false));
    let (_, opened) = test
        .post("/chat/open", json!({ "as": 1, "user": bot }))
        .await;
    assert_eq!(opened, json!({ "dialog_id": bot.to_string() }));
    let (status, sent) = test
        .post(
            "/chat/send",
            json!({ "as": 1, "dialog": bot.to_string(), "text": "hi" }),
        )
        .await;
    assert_eq!(status, 200, "{sent}");
    let say = json!({ "BOT_ID": bot, "DIALOG_ID": 1, "MESSAGE": "hello", "ATTACH": [{ "MESSAGE": "x" }] });
    test.result("imbot.message.add", say).await;
    let (_, history) = test.get(&format!("/chat/history?as=1&dialog={bot}")).await;
    let texts: Vec<&Value> = history["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| &m["text"])
        .collect();
    assert_eq!(texts, ["hi", "hello"]);
    assert_eq!(
        history["messages"][1]["attach"]["BLOCKS"],
        json!([{ "MESSAGE": "x" }])
    );
    let (_, state) = test.get("/chat/state?as=1").await;
    assert_eq!(state["dialogs"][0]["unread"], json!(1));
    assert_eq!(state["dialogs"][0]["title"], "echo");
    test.post("/chat/read", json!({ "as": 1, "dialog": bot.to_string() }))
        .await;
    assert_eq!(
        test.get("/chat/state?as=1").await.1["dialogs"][0]["unread"],
        json!(0)
    );
}

#[tokio::test]
async fn a_group_is_created_renamed_and_left() {
    let test = TestPortal::new().await;
    let (_, made) = test
        .post(
            "/chat/group",
            json!({ "as": 1, "title": "Team", "members": [2, 3] }),
        )
        .await;
    let dialog = made["dialog_id"].clone();
    for (path, more) in [
        ("/chat/rename", json!({ "title": "The team" })),
        ("/chat/invite", json!({ "user": 4 })),
        ("/chat/kick", json!({ "user": 2 })),
        ("/chat/leave", json!({})),
    ] {
        let mut body = json!({ "as": 1, "dialog": dialog });
        body.as_object_mut()
            .expect("a map")
            .extend(more.as_object().expect("a map").clone());
        let (status, answer) = test.post(path, body).await;
        assert_eq!((status, answer), (200, json!({})), "{path}");
    }
    let (_, state) = test.get("/chat/state?as=3").await;
    let team = &state["dialogs"][0];
    assert_eq!(
        [&team["title"], &team["members"]],
        [&json!("The team"), &json!([3, 4])]
    );
    assert_eq!(test.get("/chat/state?as=1").await.1["dialogs"], json!([]));
    assert_eq!(
        test.post(
            "/chat/send",
            json!({ "as": 1, "dialog": dialog, "text": "?" })
        )
        .await
        .0,
        403
    );
}

#[tokio::test]
async fn the_feed_has_the_dialog_ids_of_each_viewer() {
    let test = TestPortal::new().await;
    let (mut ann, mut clara) = (test.portal.subscribe(1), test.portal.subscribe(3));
    test.portal.send(1, "2", "psst").expect("sent");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(
            ann.next().await.expect("news")["type"]
                .as_str()
                .expect("a type")
                .to_owned(),
        );
    }
    assert_eq!(seen, ["hello", "dialog", "bots", "message"]);
    test.portal.send(3, "2", "hello").expect("sent");
    let mut last = Value::Null;
    while last["type"] != "message" {
        last = clara.next().await.expect("news");
    }
    assert_eq!(
        last["message"]["text"], "hello",
        "nothing of the other dialog"
    );
}

#[tokio::test]
async fn the_traffic_log_shows_calls_and_events_without_tokens() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    test.portal.send(1, &dialog, "hi").expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let mut live = test.portal.subscribe(1);
    test.result("profile", json!({})).await;
    assert_eq!(live.next().await.expect("news")["type"], "hello");
    while live.next().await.expect("news")["entry"]["name"] != "profile" {}
    let (_, traffic) = test.get("/chat/traffic").await;
    let names: Vec<&str> = traffic["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    for name in [
        "ONAPPINSTALL",
        "imbot.register",
        "ONIMBOTJOINCHAT",
        "profile",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let text = traffic.to_string();
    for token in ["access_token", "refresh_token", "application_token"] {
        let token = event["auth"][token].as_str().expect("a token");
        assert!(!text.contains(token));
    }
    assert!(!text.contains(test.token()));
}

#[tokio::test]
async fn a_program_registers_its_own_bot_and_resets_the_portal() {
    let test = TestPortal::new().await;
    let (status, made) = test
        .post(
            "/emulator/app",
            json!({ "title": "mine", "handler": test.handler }),
        )
        .await;
    assert_eq!(status, 200, "{made}");
    let (status, _) = test
        .post(
            "/emulator/install",
            json!({ "client_id": made["client_id"] }),
        )
        .await;
    assert_eq!(status, 200);
    test.event("ONAPPINSTALL").await;
    test.post("/emulator/reset", json!({})).await;
    assert_eq!(test.get("/chat/state?as=1").await.1["apps"], json!([]));
    assert_eq!(test.refusal("profile", json!({})).await.0, 401);
}

#[tokio::test]
async fn an_application_with_pages_is_opened_in_a_frame_with_tokens() {
    let test = TestPortal::new().await;
    let app = json!({ "title": "pages", "handler": test.handler, "interface": true });
    let client_id = test.post("/emulator/app", app).await.1["client_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    test.post("/emulator/install", json!({ "client_id": client_id }))
        .await;
    let frame = test
        .client
        .get(format!("/emulator/frame?client_id={client_id}"))
        .header("host", "localhost");
    let page = frame
        .send()
        .await
        .0
        .take_body()
        .into_string()
        .await
        .expect("a page");
    for field in [
        "AUTH_ID",
        "REFRESH_ID",
        "APPLICATION_TOKEN",
        "member_id",
        "PLACEMENT",
    ] {
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
    }
    assert!(
        test.is_quiet().await,
        "no event before the installation is finished"
    );
}
