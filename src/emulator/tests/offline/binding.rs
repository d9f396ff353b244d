//! Offline bindings: who may create them, and how an application is notified of stored events.

use std::time::Duration;

use serde_json::{Value, json};

use super::DEAL;
use crate::emulator::tests::TestPortal;

#[tokio::test]
async fn an_application_gets_no_event_it_caused_under_the_same_source() {
    let test = TestPortal::new().await;
    for source in ["", "here", "there"] {
        let bind =
            json!({ "event": "ONAPPTEST", "event_type": "offline", "auth_connector": source });
        test.result("event.bind", bind.clone()).await;
        assert_eq!(test.refusal("event.bind", bind).await.1, "ERROR_CORE");
    }
    let count = |source: &'static str| {
        let test = &test;
        async move {
            let params = json!({ "auth_connector": source });
            let fetched = test.fetch(params).await;
            fetched["events"].as_array().map(Vec::len)
        }
    };
    test.result("event.test", json!({ "auth_connector": "here" }))
        .await;
    assert_eq!(count("").await, Some(1));
    assert_eq!(count("here").await, Some(0));
    assert_eq!(count("there").await, Some(1));
    test.result(
        "batch",
        json!({ "cmd": ["event.test"], "auth_connector": "there" }),
    )
    .await;
    assert_eq!(
        (count("here").await, count("there").await),
        (Some(1), Some(0))
    );
    test.result("event.test", json!({})).await;
    assert_eq!((count("").await, count("here").await), (Some(1), Some(1)));
}

#[tokio::test]
async fn queue_notices_are_sent_at_most_once_in_the_minimum_timeout() {
    let test = TestPortal::with_queue().await;
    tokio::time::pause();
    let notice = json!({ "event": "onOfflineEvent", "handler": test.handler });
    test.result("event.bind", notice.clone()).await;
    test.deal(1);
    test.deal(2);
    let received = test.event("ONOFFLINEEVENT").await;
    assert_eq!(
        received["data"],
        Value::Null,
        "it only says that there is something"
    );
    assert!(received["auth"]["refresh_token"].is_string());
    assert!(test.is_quiet().await);
    tokio::time::advance(Duration::from_millis(1000)).await;
    test.deal(3);
    test.event("ONOFFLINEEVENT").await;
    let mut always = notice.clone();
    always["options"] = json!({ "minTimeout": 0 });
    test.result("event.unbind", notice).await;
    test.result("event.bind", always).await;
    for id in [4, 5] {
        test.deal(id);
        test.event("ONOFFLINEEVENT").await;
    }
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn online_and_offline_bindings_exist_next_to_each_other() {
    let test = TestPortal::with_queue().await;
    let online = json!({ "event": DEAL, "handler": test.handler, "auth_type": 2 });
    test.result("event.bind", online.clone()).await;
    let listed = test.result("event.get", json!({})).await;
    let expected = [
        json!({ "event": DEAL, "connector_id": "", "offline": 1 }),
        json!({ "event": DEAL, "handler": test.handler, "auth_type": "2", "offline": 0 }),
    ];
    assert_eq!(listed.as_array().expect("a list")[1..], expected);
    assert_eq!(test.portal.fire(DEAL, &json!({ "ID": 1 })), 2);
    assert_eq!(test.event(DEAL).await["auth"]["user_id"], "2");
    assert_eq!(
        test.fetch(json!({})).await["events"][0]["EVENT_DATA"],
        json!({ "ID": 1 })
    );
    let unbind = json!({ "event": DEAL, "event_type": "offline" });
    let one = json!({ "count": 1 });
    assert_eq!(test.result("event.unbind", unbind.clone()).await, one);
    assert_eq!(
        test.result("event.unbind", unbind).await,
        json!({ "count": 0 })
    );
    assert_eq!(test.result("event.unbind", online).await, one);
}

#[tokio::test]
async fn bot_events_can_be_stored_offline_as_well() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let bind = json!({ "event": "ONIMBOTMESSAGEADD", "event_type": "offline" });
    test.result("event.bind", bind).await;
    let dialog = test.dialog(bot).await;
    test.portal.send(1, &dialog, "hello").expect("sent");
    test.event("ONIMBOTMESSAGEADD").await;
    let fetched = test.fetch(json!({})).await;
    let params = &fetched["events"][0]["EVENT_DATA"]["PARAMS"];
    assert_eq!(params["MESSAGE"], "hello", "{fetched:#}");
}

#[tokio::test]
async fn offline_events_are_for_administrators_and_for_well_formed_requests() {
    let test = TestPortal::with_queue().await;
    let bind = json!({ "event": "ONCRMDEALADD", "handler": test.handler, "auth_type": 2 });
    test.result("event.bind", bind).await;
    test.portal.fire(DEAL, &json!({}));
    let boris = test.event(DEAL).await["auth"]["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let denied = [
        ("event.offline.get", json!({})),
        ("event.offline.list", json!({})),
        ("event.offline.clear", json!({ "process_id": "x" })),
        (
            "event.offline.error",
            json!({ "process_id": "x", "message_id": [] }),
        ),
        (
            "event.bind",
            json!({ "event": DEAL, "event_type": "offline" }),
        ),
        (
            "event.unbind",
            json!({ "event": DEAL, "event_type": "offline" }),
        ),
        (
            "event.bind",
            json!({ "event": DEAL, "handler": test.handler, "auth_type": 1 }),
        ),
    ];
    for (method, params) in denied {
        let (status, answer) = test.call_as(&boris, method, params.clone()).await;
        let found = (status, answer["error"].as_str());
        assert_eq!(found, (403, Some("ACCESS_DENIED")), "{method} {params}");
    }
    let (_, own) = test.call_as(&boris, "event.get", json!({})).await;
    assert_eq!(own["result"].as_array().map(Vec::len), Some(1));
    let odd = [
        ("event.offline.get", json!({ "limit": 0 })),
        ("event.offline.get", json!({ "filter": { "ERROR": 1 } })),
        ("event.offline.get", json!({ "order": { "ID": "UP" } })),
        ("event.offline.clear", json!({})),
        (
            "event.offline.clear",
            json!({ "process_id": "x", "id": "1" }),
        ),
        (
            "event.offline.clear",
            json!({ "process_id": "x", "id": ["a"] }),
        ),
        (
            "event.offline.clear",
            json!({ "process_id": "x", "message_id": ["short"] }),
        ),
        ("event.offline.error", json!({ "process_id": "x" })),
        (
            "event.bind",
            json!({ "event": DEAL, "event_type": "sometimes" }),
        ),
        (
            "event.bind",
            json!({ "event": "ONOFFLINEEVENT", "event_type": "offline" }),
        ),
        ("event.unbind", json!({ "event": DEAL })),
    ];
    for (method, params) in odd {
        let found = test.refusal(method, params.clone()).await;
        assert_eq!(
            found,
            (400, "ERROR_ARGUMENT".to_owned()),
            "{method} {params}"
        );
    }
}
