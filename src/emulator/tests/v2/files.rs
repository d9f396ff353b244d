//! Files: uploaded by bots and people, in events, and downloaded once.

use serde_json::{Value, json};

use super::TestPortal;

/// `hello` in base64.
const CONTENT: &str = "aGVsbG8=";

async fn upload(test: &TestPortal, bot: u64, dialog: &str, name: &str) -> Value {
    let fields = json!({ "name": name, "content": CONTENT, "message": "look" });
    let params = json!({ "botId": bot, "dialogId": dialog, "fields": fields });
    test.result("imbot.v2.File.upload", params).await
}

async fn fetch(test: &TestPortal, url: &Value) -> (u16, String) {
    let url = url.as_str().expect("an address");
    let path = &url[test.portal.url().len()..];
    let mut response = test.client.get(path).send().await.0;
    let body = response.take_body().into_string().await.expect("a body");
    (response.status().as_u16(), body)
}

#[tokio::test]
async fn a_bot_sends_a_file_and_fetches_it_once() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let sent = upload(&test, bot, "1", "Report 7.PDF").await;
    let file = &sent["file"];
    let received = [
        &file["name"],
        &file["extension"],
        &file["type"],
        &file["size"],
    ];
    assert_eq!(
        received,
        [
            &json!("Report 7.PDF"),
            &json!("pdf"),
            &json!("file"),
            &json!(5)
        ]
    );
    assert_eq!(sent["dialogId"], "1");
    let seen = test
        .portal
        .history(1, &bot.to_string())
        .pop()
        .expect("a message");
    assert_eq!(
        [&seen["id"], &seen["text"]],
        [&sent["messageId"], &json!("look")]
    );
    assert_eq!(
        seen["files"],
        json!([{ "id": file["id"], "name": "Report 7.PDF", "size": 5 }])
    );

    let params = json!({ "botId": bot, "fileId": file["id"] });
    let link = test.result("imbot.v2.File.download", params.clone()).await["downloadUrl"].clone();
    assert_eq!(fetch(&test, &link).await, (200, "hello".to_owned()));
    let (status, answer) = fetch(&test, &link).await;
    assert!(
        status == 403 && answer.contains("ACCESS_DENIED"),
        "{answer}"
    );
    let again = test.result("imbot.v2.File.download", params).await["downloadUrl"].clone();
    assert_eq!(fetch(&test, &again).await.0, 200);
    let traffic = serde_json::to_string(&test.portal.traffic_log()).expect("JSON");
    let secret = again
        .as_str()
        .and_then(|url| url.rsplit_once("%7C"))
        .expect("a secret")
        .1;
    assert!(!traffic.contains(secret), "a link is a secret, too");
    let page = format!("{}/chat/file?id={}", test.portal.url(), file["id"]);
    assert_eq!(test.get(&page[test.portal.url().len()..]).await.0, 200);
}

#[tokio::test]
async fn files_are_refused_with_the_documented_codes() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let group = test.portal.group(1, "Office", &[2]).expect("made");
    let file = || json!({ "name": "a.txt", "content": CONTENT });
    let theirs = test
        .result(
            "im.v2.File.upload",
            json!({ "dialogId": group, "fields": file() }),
        )
        .await;
    let id = &theirs["file"]["id"];
    let upload =
        |dialog: &str, fields: Value| json!({ "botId": bot, "dialogId": dialog, "fields": fields });
    let cases = [
        (
            "imbot.v2.File.upload",
            upload("1", json!({ "name": "a.txt" })),
            "FILE_EMPTY",
        ),
        (
            "imbot.v2.File.upload",
            upload("1", json!({ "name": "a", "content": "?" })),
            "FILE_INVALID_CONTENT",
        ),
        (
            "imbot.v2.File.upload",
            upload(&group, file()),
            "ACCESS_DENIED",
        ),
        (
            "imbot.v2.File.download",
            json!({ "botId": bot, "fileId": 1 }),
            "FILE_NOT_FOUND",
        ),
        (
            "imbot.v2.File.download",
            json!({ "botId": bot, "fileId": id }),
            "FILE_ACCESS_ERROR",
        ),
        (
            "im.v2.File.upload",
            json!({ "dialogId": "chat999", "fields": file() }),
            "CHAT_NOT_FOUND",
        ),
        (
            "im.v2.File.download",
            json!({ "dialogId": "2", "fileId": id }),
            "FILE_NOT_FOUND",
        ),
        (
            "im.v2.File.download",
            json!({ "dialogId": "chat999", "fileId": id }),
            "ACCESS_DENIED",
        ),
    ];
    for (method, params, code) in cases {
        let refused = test.refusal(method, params).await;
        assert_eq!(refused, (400, code.to_owned()), "{method}");
    }
    let params = json!({ "dialogId": group, "fileId": id });
    let link = test.result("im.v2.File.download", params).await["downloadUrl"].clone();
    assert_eq!(fetch(&test, &link).await.1, "hello");
    assert_eq!(
        fetch(
            &test,
            &json!(format!("{}/rest/download.json", test.portal.url()))
        )
        .await
        .0,
        403
    );
}

#[tokio::test]
async fn v1_and_v2_bots_get_events_about_a_file() {
    let test = TestPortal::new().await;
    let (second, first) = (
        test.bot_v2("second", json!({})).await,
        test.bot("first", "B").await,
    );
    test.dialog(first).await;
    let fields = json!({ "name": "a.png", "content": CONTENT });
    for bot in [second, first] {
        let params = json!({ "dialogId": bot, "fields": fields });
        test.result("im.v2.File.upload", params).await;
    }
    let event = test.fetched(second, "ONIMBOTV2MESSAGEADD").await;
    let message = &event["data"]["message"];
    assert_eq!(
        [&message["text"], &message["params"]["FILE_ID"]],
        [&json!(""), &json!(["4001"])]
    );
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let file = &event["data"]["PARAMS"]["FILES"]["4002"];
    assert_eq!(
        [&file["name"], &file["type"], &file["image"]],
        ["a.png", "image", "0"]
    );
}
