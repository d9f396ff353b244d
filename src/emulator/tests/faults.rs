//! Faults on demand, by `POST /emulator/faults` and by the methods for tests, and their effects on
//! callers and handlers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Options, TestPortal};

/// Causes a fault as a program in any language does.
async fn cause(test: &TestPortal, fault: Value) {
    assert_eq!(
        test.post("/emulator/faults", fault.clone()).await,
        (200, json!({})),
        "{fault}"
    );
}

/// Returns status and code of a call without parameters.
async fn profile(test: &TestPortal) -> (u16, String) {
    let (status, answer) = test.call_as(test.token(), "profile", json!({})).await;
    (
        status,
        answer["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn calls_are_refused_as_often_as_planned() {
    let test = TestPortal::new().await;
    let plan = json!([
        { "fault": "refuse", "times": 2, "status": 429, "code": "OPERATION_TIME_LIMIT" },
        { "fault": "refuse", "status": 500, "code": "INTERNAL_SERVER_ERROR" },
    ]);
    cause(&test, plan).await;
    let mut met = Vec::new();
    for _ in 0..4 {
        met.push(profile(&test).await);
    }
    let limit = (429, "OPERATION_TIME_LIMIT".to_owned());
    let broken = (500, "INTERNAL_SERVER_ERROR".to_owned());
    assert_eq!(met, [limit.clone(), limit, broken, (200, String::new())]);
    test.portal.refuse(1, 503, "QUERY_LIMIT_EXCEEDED");
    test.portal.calm();
    assert_eq!(profile(&test).await.0, 200);
}

#[tokio::test]
async fn an_unknown_fault_causes_nothing() {
    let test = TestPortal::new().await;
    let plan = json!([{ "fault": "refuse", "status": 500, "code": "X" }, { "fault": "explode" }]);
    let (status, answer) = test.post("/emulator/faults", plan).await;
    assert!(
        status == 400
            && answer["error"]
                .as_str()
                .is_some_and(|text| text.contains("explode"))
    );
    assert_eq!(profile(&test).await.0, 200);
}

#[tokio::test]
async fn an_html_answer_hides_that_the_call_was_run() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    test.dialog(bot).await;
    for (fault, expected) in [
        (json!({ "fault": "answer_html" }), 502),
        (json!({ "fault": "answer_html", "status": 200 }), 200),
    ] {
        cause(&test, fault).await;
        let refused = test
            .refusal("imbot.message.add", json!({ "BOT_ID": bot }))
            .await;
        assert_eq!(refused.1, "DIALOG_ID_EMPTY", "what fails is answered");
        let params = json!({ "BOT_ID": bot, "DIALOG_ID": 1, "MESSAGE": "hi" });
        let answer = test
            .call_as(test.token(), "imbot.message.add", params)
            .await;
        assert_eq!(answer, (expected, Value::Null), "not JSON");
    }
    assert_eq!(test.portal.history(1, &bot.to_string()).len(), 2);
}

#[tokio::test]
async fn an_answer_breaks_off_in_the_middle() {
    let test = TestPortal::new().await;
    cause(&test, json!({ "fault": "cut_answers" })).await;
    let mut incoming = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(test.portal.address())
            .await
            .expect("connected");
        let request = format!(
            "GET /rest/profile?auth={} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            test.token(),
            test.portal.address()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // A broken connection may end with an error or without one.
        let _ = stream.read_to_end(&mut answer).await;
        incoming.push(String::from_utf8(answer).expect("text"));
    }
    assert!(
        incoming[0].starts_with("HTTP/1.1 200") && incoming[0].contains("{\"result\":"),
        "{}",
        incoming[0]
    );
    assert!(
        !incoming[0].ends_with('}') && incoming[0].contains("content-length"),
        "{}",
        incoming[0]
    );
    assert!(incoming[1].ends_with('}'), "{}", incoming[1]);
}

#[tokio::test]
async fn an_answer_comes_late() {
    let test = TestPortal::new().await;
    tokio::time::pause();
    cause(&test, json!({ "fault": "delay_answers", "ms": 40_000 })).await;
    let begun = Instant::now();
    assert_eq!(profile(&test).await.0, 200);
    assert!(begun.elapsed() >= Duration::from_secs(40));
    let begun = Instant::now();
    assert_eq!(profile(&test).await.0, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_late_event_arrives_after_later_ones_and_a_lost_one_never() {
    let options = Options {
        rate: None,
        delivery_delay: Duration::ZERO,
        ..Options::default()
    };
    let test = TestPortal::with(options).await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    cause(
        &test,
        json!([{ "fault": "lose_events" }, { "fault": "delay_events", "ms": 50 }]),
    )
    .await;
    for text in ["lost", "late", "soon"] {
        test.portal.send(1, &dialog, text).expect("sent");
    }
    for text in ["soon", "late"] {
        let event = test.event("ONIMBOTMESSAGEADD").await;
        assert_eq!(event["data"]["PARAMS"]["MESSAGE"], text);
    }
    cause(&test, json!({ "fault": "repeat_events" })).await;
    test.portal.send(1, &dialog, "twice").expect("sent");
    let first = test.event("ONIMBOTMESSAGEADD").await;
    assert_eq!(test.event("ONIMBOTMESSAGEADD").await, first);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn access_can_be_revoked_in_three_ways() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    test.dialog(bot).await;
    cause(&test, json!({ "fault": "expire_tokens" })).await;
    assert_eq!(profile(&test).await, (401, "expired_token".to_owned()));

    let hook = test.portal.webhook_url();
    let path = format!("{}profile", &hook[test.portal.url().len()..]);
    assert_eq!(test.post(&path, json!({})).await.0, 200);
    cause(&test, json!({ "fault": "revoke_webhook" })).await;
    assert_eq!(
        test.post(&path, json!({})).await.1["error"],
        "INVALID_CREDENTIALS"
    );
    assert_ne!(test.portal.webhook_url(), hook);

    let refresh = test.install["auth"]["refresh_token"]
        .as_str()
        .expect("a token");
    let query = format!(
        "/oauth/token/?grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={refresh}",
        test.app.client_id, test.app.client_secret
    );
    let broken = json!({ "fault": "refuse_tokens", "status": 503, "code": "INTERNAL" });
    cause(&test, broken).await;
    let (status, refused) = test.get(&query).await;
    assert_eq!((status, &refused["error"]), (503, &json!("INTERNAL")));
    let (_, granted) = test.get(&query).await;
    let token = granted["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    cause(
        &test,
        json!({ "fault": "revoke_app", "client_id": test.app.client_id }),
    )
    .await;
    let (status, answer) = test.call_as(&token, "profile", json!({})).await;
    assert_eq!(
        (status, &answer["error"]),
        (401, &json!("APPLICATION_NOT_FOUND"))
    );
    let refresh = granted["refresh_token"].as_str().expect("a token");
    let query = query.replace(
        test.install["auth"]["refresh_token"]
            .as_str()
            .expect("a token"),
        refresh,
    );
    assert_eq!(test.get(&query).await.1["error"], "invalid_client");
    test.portal.send(1, &bot.to_string(), "hi").expect("sent");
    assert_eq!(
        test.portal.fire(super::LAST, &json!({})),
        0,
        "nobody listens any more"
    );
    let again = json!({ "fault": "revoke_app", "client_id": test.app.client_id });
    assert_eq!(test.post("/emulator/faults", again).await.0, 400);
}

#[tokio::test]
async fn a_renamed_portal_redirects_callers_to_its_new_address() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let old = test.portal.address().to_string();
    let new = format!("localhost:{}", test.portal.address().port());
    cause(&test, json!({ "fault": "rename", "domain": new })).await;
    let call = async |host: &str| {
        let path = format!("/rest/1/secret/imbot.message.add?auth={}&x=1", test.token());
        let request = test.client.post(&path).header("host", host);
        let response = request.body_json(&json!({})).send().await.0;
        let location = response.header("location").unwrap_or_default().to_owned();
        (response.status().as_u16(), location, path)
    };
    let (status, location, path) = call(&old).await;
    assert_eq!((status, location), (302, format!("http://{new}{path}")));
    let (status, location, _) = call(&new).await;
    assert_eq!((status, location.as_str()), (401, ""));
    test.portal.open(1, bot).expect("opened");
    let event = test.event("ONIMBOTJOINCHAT").await;
    let auth = &event["auth"];
    assert_eq!(
        [&auth["domain"], &auth["client_endpoint"]],
        [&json!(new), &json!(format!("http://{new}/rest/"))]
    );
    assert_eq!(auth["member_id"], test.install["auth"]["member_id"]);
    test.portal.rename(&old);
    assert_eq!(call(&new).await.0, 302, "and back again");
    assert_eq!(call(&old).await.0, 401);
}
