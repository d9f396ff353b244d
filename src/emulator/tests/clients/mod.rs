//! The expectations of clients of other languages: each test names the item of
//! protocol/other-clients.md that it proves. Item 9 is in `secure`, and the rest of items 7 and 8
//! in `apps` and `rest`.

mod servers;

use poem::http::StatusCode;
use serde_json::{Value, json};

use super::TestPortal;

/// A raw call: address, content type, body.
type Written = (String, &'static str, String);

impl TestPortal {
    /// Sends a raw call; returns the status, and the answer as text.
    async fn write(&self, (path, kind, body): Written) -> (StatusCode, String) {
        let mut request = self.client.post(path).body(body);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let mut response = request.send().await.0;
        let body = response.take_body().into_string().await.expect("a text");
        (response.status(), body)
    }

    /// The same for a call that must succeed; returns the result.
    async fn written(&self, call: Written) -> Value {
        let (status, answer) = self.write(call.clone()).await;
        assert_eq!(status, StatusCode::OK, "{call:?}: {answer}");
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["result"].take()
    }
}

#[tokio::test]
async fn item_1_every_success_carries_all_of_its_time() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let say = json!({ "BOT_ID": bot, "DIALOG_ID": 1, "MESSAGE": "hi" });
    let calls = [
        ("profile", json!({})),
        ("imbot.message.add", say),
        ("imbot.v2.Bot.list", json!({})),
        ("event.offline.get", json!({})),
        ("batch", json!({ "cmd": ["profile"] })),
    ];
    for (method, params) in calls {
        let (_, answer) = test.call_as(test.token(), method, params).await;
        let time = &answer["time"];
        for number in ["start", "finish", "duration", "processing", "operating"] {
            assert!(time[number].is_number(), "{method}: {number} in {answer}");
        }
        assert!(time["operating_reset_at"].is_u64(), "{method}: {answer}");
        for date in ["date_start", "date_finish"] {
            assert!(time[date].is_string(), "{method}: {date} in {answer}");
        }
    }
    let inner = test.result("batch", json!({ "cmd": ["profile"] })).await;
    assert!(
        inner["result_time"][0]["operating_reset_at"].is_u64(),
        "{inner}"
    );
}

#[tokio::test]
async fn items_2_and_3_a_method_is_found_in_any_letter_case_and_however_its_path_is_written() {
    let test = TestPortal::new().await;
    let hook = test.portal.webhook_url();
    let hook = hook
        .strip_prefix(&test.portal.url())
        .expect("its own address");
    let token = test.token();
    let paths = [
        format!("/rest/PROFILE?auth={token}"),
        format!("/rest/Profile.json?auth={token}"),
        format!("/rest//profile/?auth={token}"),
        format!("{hook}profile"),
        format!("{hook}pRoFiLe.JSON/"),
        format!("{hook}/profile"),
    ];
    for path in paths {
        let profile = test.written((path, "", String::new())).await;
        assert_eq!(profile["ID"], "1");
    }
    let batch = test
        .result("BATCH", json!({ "cmd": ["IMBOT.V2.BOT.LIST"] }))
        .await;
    assert_eq!(batch["result_error"], json!([]));
}

#[tokio::test]
async fn item_3_a_suffix_asks_for_xml() {
    let test = TestPortal::new().await;
    let hook = test.portal.webhook_url();
    let path = |method: &str| format!("{}{method}", &hook[test.portal.url().len()..]);
    let call = |method: &str| (path(method), "", String::new());
    let (status, answer) = test.write(call("profile.xml")).await;
    assert_eq!(status, StatusCode::OK);
    let begin =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><response><result><ID>1</ID><ADMIN>1</ADMIN>";
    assert!(
        answer.starts_with(begin) && answer.contains("</time></response>"),
        "{answer}"
    );
    let (status, answer) = test.write(call("imbot.register.xml")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(answer.contains("<error>ACCESS_DENIED</error>"), "{answer}");
}

#[tokio::test]
async fn item_3_version_3_is_another_interface_and_has_no_methods_here() {
    let test = TestPortal::new().await;
    for path in [
        "/rest/api/tasks.task.get",
        "/rest//api/tasks.task.get",
        "/rest/api/1/key/tasks.task.get",
    ] {
        let (status, answer) = test.post(path, json!({})).await;
        assert_eq!(status, 404, "{path}");
        let code = "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION";
        assert_eq!(answer["error"]["code"], code, "{path}");
        assert_eq!(
            answer["error"]["message"],
            "Method `tasks.task.get` was not found"
        );
    }
    let last = test.portal.traffic_log().pop().expect("an entry");
    assert_eq!(last["name"], "/rest/api/1/key/tasks.task.get");
}

#[tokio::test]
async fn item_4_telemetry_parameters_are_ignored() {
    let test = TestPortal::new().await;
    let path = format!(
        "/rest/event.test.json?bx24_request_id=1&bx24_sdk_ver=1.0&bx24_sdk_type=b24-js-sdk&auth={}",
        test.token()
    );
    let bind = json!({ "event": "ONAPPTEST", "handler": test.handler });
    test.result("event.bind", bind).await;
    test.post(&path, json!({ "own": "x", "BX24_SDK_VER": "2" }))
        .await;
    let event = test.event("ONAPPTEST").await;
    assert_eq!(event["data"]["QUERY"], json!({ "own": "x" }));
}

#[tokio::test]
async fn item_5_parameters_and_the_token_come_in_any_of_the_portals_ways() {
    const FORM: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=b";
    let test = TestPortal::new().await;
    let token = test.token();
    let batch = || "/rest/batch".to_owned();
    let parts = format!(
        "--b\r\nContent-Disposition: form-data; name=\"auth\"\r\n\r\n{token}\r\n--b\r\n\
         Content-Disposition: form-data; name=\"cmd[a]\"\r\n\r\nprofile\r\n--b--\r\n"
    );
    let calls: [Written; 7] = [
        (
            format!("/rest/batch?auth={token}&cmd[a]=profile&halt=0"),
            "",
            String::new(),
        ),
        (
            batch(),
            FORM,
            format!("auth={token}&cmd%5Ba%5D=profile&halt=1"),
        ),
        (batch(), "", format!("access_token={token}&cmd[a]=profile")),
        (batch(), MULTIPART, parts),
        (
            batch(),
            "application/json",
            json!({ "auth": token, "cmd": { "a": "profile" }, "halt": false }).to_string(),
        ),
        (
            batch(),
            "application/json; charset=utf-8",
            json!({ "AUTH": token, "CMD": { "a": "profile" } }).to_string(),
        ),
        (
            format!("/rest/batch?auth={token}"),
            "application/json",
            json!({ "cmd": { "a": "profile" }, "halt": 1 }).to_string(),
        ),
    ];
    for call in calls {
        assert_eq!(test.written(call).await["result"]["a"]["ID"], "1");
    }
    let header = ("authorization", format!("Bearer {token}"));
    let answer = test
        .client
        .post("/rest/profile")
        .header(header.0, header.1)
        .send()
        .await;
    answer.assert_status_is_ok();
    for (cmd, expected) in [
        (json!(["profile"]), "/0/ID"),
        (json!({ "x": "profile" }), "/x/ID"),
    ] {
        let answer = test.result("batch", json!({ "cmd": cmd })).await;
        assert_eq!(
            answer["result"].pointer(expected),
            Some(&json!("1")),
            "{answer}"
        );
    }
}
