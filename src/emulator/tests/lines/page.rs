//! Open channels through the page's JSON, as programs in other languages use it.

use serde_json::{Value, json};

use super::connectors::handler_of_pages;
use super::{BORIS, CONNECTOR, TestPortal};

#[tokio::test]
async fn a_conversation_can_be_held_on_a_line() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let made = json!({ "name": "Site", "queue": [BORIS], "bot": bot });
    let line = test.post("/emulator/line", made).await.1["line"].clone();
    let client =
        |text: &str| json!({ "line": line, "client": "v1", "name": "Visitor", "text": text });
    let (_, said) = test.post("/chat/client/say", client("hello")).await;
    test.event("ONIMBOTJOINCHAT").await;
    test.event("ONIMBOTMESSAGEADD").await;
    let chat = said["chat"].clone();
    let at = |more: Value| {
        let mut body = json!({ "as": BORIS, "chat": chat });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let over = test
        .post("/emulator/line/end_bot_time", json!({ "chat": chat }))
        .await;
    assert_eq!(over.0, 200);
    for (path, more) in [
        ("answer", json!({})),
        ("whisper", json!({ "text": "who is it?" })),
        ("transfer", json!({ "bot": bot })),
        ("transfer", json!({ "user": BORIS })),
        ("silent", json!({ "silent": false })),
    ] {
        let (status, answer) = test.post(&format!("/chat/line/{path}"), at(more)).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let dialog = format!("chat{chat}");
    let say = json!({ "as": BORIS, "dialog": dialog, "text": "hi" });
    test.post("/chat/send", say).await;
    let (_, seen) = test
        .get(&format!("/chat/client/history?line={line}&client=v1"))
        .await;
    let texts: Vec<&Value> = seen["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["text"])
        .collect();
    assert_eq!(texts, ["hello", "hi"]);
    let (_, all) = test.get(&format!("/chat/line/history?chat={chat}")).await;
    assert!(all["messages"].as_array().is_some_and(|all| all.len() > 3));
    let (_, lines) = test.get("/chat/lines").await;
    assert_eq!(lines["lines"][0]["name"], "Site");
    assert_eq!(lines["lines"][0]["connectors"][0]["works"], true);
    let session = &lines["sessions"][0];
    assert_eq!(
        [&session["operator"], &session["chat"]],
        [&json!(BORIS), &chat]
    );
    assert_eq!(session["client"]["name"], "Visitor");
    test.post("/chat/line/finish", at(json!({}))).await;
    assert_eq!(
        test.get("/chat/lines").await.1["sessions"][0]["closed"],
        true
    );
    let (status, refused) = test.post("/chat/line/answer", at(json!({}))).await;
    assert_eq!(status, 400, "{refused}");
}

#[tokio::test]
async fn a_line_and_its_connectors_are_set_up() {
    let test = TestPortal::new().await;
    let line = test.post("/emulator/line", json!({ "name": "A" })).await.1["line"].clone();
    let change = json!({ "line": line, "settings": { "WELCOME_BOT_TIME": 5 }, "queue": [BORIS] });
    assert_eq!(test.post("/emulator/line/change", change).await.0, 200);
    let page = handler_of_pages().await;
    test.register(json!({ "PLACEMENT_HANDLER": page })).await;
    test.join(line.as_u64().expect("a number")).await;
    let shown = test.get("/chat/lines").await.1["lines"][0].clone();
    assert_eq!(shown["settings"]["WELCOME_BOT_TIME"], "5");
    assert_eq!(shown["queue"], json!([BORIS]));
    assert_eq!(shown["connectors"][1]["works"], true);
    let place = json!({ "connector": CONNECTOR, "line": line });
    let (_, opened) = test
        .post("/emulator/connector/settings", place.clone())
        .await;
    assert_eq!(opened["status"], 200);
    assert!(
        opened["body"]
            .as_str()
            .is_some_and(|page| page.contains("SETTING_CONNECTOR"))
    );
    assert_eq!(test.post("/emulator/connector/off", place).await.0, 200);
    let shown = test.get("/chat/lines").await.1["lines"][0].clone();
    assert_eq!(shown["connectors"][1]["works"], false);
    test.post("/emulator/line/delete", json!({ "line": line }))
        .await;
    assert_eq!(test.get("/chat/lines").await.1["lines"], json!([]));
}
