//! Items 6, 8 and protocol/other-clients.md item 10: the authorization server, refusals, limits and
//! redelivery.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::emulator::tests::{Options, TestPortal};
use crate::emulator::{Counting, NewApp};
use crate::event::form;

#[tokio::test]
async fn items_6_and_8_the_authorization_server_takes_both_methods_and_may_refuse_with_200() {
    let test = TestPortal::new().await;
    let grant = |token: &Value| {
        form::encode(&json!({
            "grant_type": "refresh_token",
            "client_id": test.app.client_id,
            "client_secret": test.app.client_secret,
            "refresh_token": token,
        }))
    };
    let first = grant(&test.install["auth"]["refresh_token"]);
    test.portal.refuse_tokens(1, 200, "wrong_client");
    let (status, refused) = test.get(&format!("/oauth/token/?{first}")).await;
    assert_eq!((status, &refused["error"]), (200, &json!("wrong_client")));
    let (_, by_query) = test.get(&format!("/oauth/token/?{first}")).await;
    let form = "application/x-www-form-urlencoded";
    let second = grant(&by_query["refresh_token"]);
    let (status, by_form) = test.write(("/oauth/token/".to_owned(), form, second)).await;
    assert_eq!(status, StatusCode::OK, "{by_form}");
    let token: Value = serde_json::from_str(&by_form).expect("JSON");
    let token = token["access_token"].as_str().expect("a token");
    let (_, info) = test.get(&format!("/rest/app.info/?auth={token}")).await;
    assert_eq!(info["result"]["CODE"], test.app.client_id);
}

#[tokio::test]
async fn item_8_an_error_may_come_with_200_and_codes_keep_their_case() {
    let test = TestPortal::new().await;
    test.portal.refuse(1, 200, "QUERY_LIMIT_EXCEEDED");
    let refused = test.refusal("profile", json!({})).await;
    assert_eq!(refused, (200, "QUERY_LIMIT_EXCEEDED".to_owned()));
    test.portal.expire_tokens();
    let refused = test.refusal("profile", json!({})).await;
    assert_eq!(refused, (401, "expired_token".to_owned()));
    let refused = test.refusal("no.such.method", json!({})).await;
    assert_eq!(refused, (404, "ERROR_METHOD_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn item_10_the_limit_can_be_read_per_application_with_429() {
    let options = Options {
        counting: Counting::ByApplication,
        ..Options::default()
    };
    let test = TestPortal::with(options).await;
    let list = "imbot.v2.Bot.list";
    let refused = loop {
        let (status, answer) = test.call_as(test.token(), list, json!({})).await;
        if status != 200 {
            break (status, answer["error"].clone());
        }
    };
    assert_eq!(refused, (429, json!("QUERY_LIMIT_EXCEEDED")));
    let hook = test.portal.webhook_url();
    let path = format!("{}profile", &hook[test.portal.url().len()..]);
    assert_eq!(
        test.post(&path, json!({})).await.0,
        200,
        "a caller of its own"
    );
}

#[tokio::test]
async fn item_10_an_event_can_be_posted_again_until_it_is_taken() {
    let (dead, pause) = ("http://127.0.0.1:9/", Duration::from_millis(20));
    for (redeliver, attempts) in [(vec![], 1), (vec![pause, pause], 3)] {
        let options = Options {
            redeliver,
            ..Options::default()
        };
        let test = TestPortal::with(options).await;
        let app = test.portal.register_app(NewApp::new("away", dead));
        let installed = test.portal.install(&app.client_id);
        let installed = timeout(Duration::from_secs(60), installed).await;
        installed.expect("in time").expect("installed");
        let traffic = test.portal.traffic_log();
        let tried = traffic.iter().filter(|entry| entry["to"] == dead);
        assert_eq!(tried.count(), attempts);
    }
}
