//! Installation, authorization and removal of applications.

use serde_json::{Value, json};

use super::TestPortal;
use crate::emulator::post::Post;
use crate::event::form;

#[tokio::test]
async fn a_message_goes_to_the_bot_and_its_answer_comes_back() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    test.portal.send(1, &dialog, "hello").expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let token = event["data"]["BOT"][&dialog]["access_token"]
        .as_str()
        .expect("a token");
    let answer = json!({ "BOT_ID": bot, "DIALOG_ID": event["data"]["PARAMS"]["DIALOG_ID"], "MESSAGE": "hello" });
    assert_eq!(
        test.call_as(token, "imbot.message.add", answer).await.0,
        200
    );
    let authors: Vec<Value> = test
        .portal
        .history(1, &dialog)
        .iter()
        .map(|m| m["author"].clone())
        .collect();
    assert_eq!(authors, [json!(1), json!(bot)]);
    assert!(test.is_quiet().await, "own messages never come back");
}

#[tokio::test]
async fn the_installation_event_has_the_documented_form() {
    let test = TestPortal::new().await;
    let sample = include_str!("../../../tests/fixtures/events/app-install.form");
    let sample = form::decode(sample.trim().as_bytes()).expect("a form");
    for part in ["data", "auth"] {
        let keys = |tree: &Value| {
            let mut keys: Vec<String> = tree[part]
                .as_object()
                .expect("a map")
                .keys()
                .cloned()
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&test.install), keys(&sample), "{part}");
    }
    assert_eq!(test.install["event_handler_id"], Value::Null);
}

#[tokio::test]
async fn a_refresh_token_is_replaced_and_the_old_one_is_invalid() {
    let test = TestPortal::new().await;
    let refresh = |token: &str| {
        let secret = &test.app.client_secret;
        let query = format!(
            "grant_type=refresh_token&client_id={}&client_secret={secret}",
            test.app.client_id
        );
        format!("/oauth/token/?{query}&refresh_token={token}")
    };
    let first = test.install["auth"]["refresh_token"]
        .as_str()
        .expect("a token");
    test.portal.expire_tokens();
    assert_eq!(
        test.refusal("profile", json!({})).await,
        (401, "expired_token".to_owned())
    );
    let (status, answer) = test.get(&refresh(first)).await;
    assert_eq!(status, 200, "{answer}");
    let mut keys: Vec<&String> = answer.as_object().expect("a map").keys().collect();
    keys.sort();
    let documented = [
        "access_token",
        "client_endpoint",
        "domain",
        "expires",
        "expires_in",
        "member_id",
        "refresh_token",
        "scope",
        "server_endpoint",
        "status",
        "user_id",
    ];
    assert_eq!(keys, documented);
    let access = answer["access_token"].as_str().expect("a token");
    assert_eq!(test.call_as(access, "profile", json!({})).await.0, 200);
    assert_eq!(test.get(&refresh(first)).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn tokens_are_also_refreshed_by_a_form_over_a_real_connection_until_the_portal_stops() {
    let test = TestPortal::new().await;
    let body = form::encode(&json!({
        "grant_type": "refresh_token",
        "client_id": test.app.client_id,
        "client_secret": test.app.client_secret,
        "refresh_token": test.install["auth"]["refresh_token"],
    }));
    let (post, url) = (
        Post::new().expect("a client"),
        format!("{}/oauth/token/", test.portal.oauth_url()),
    );
    let answer = post.send(&url, body.clone()).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    test.portal.stop().await;
    assert!(post.send(&url, body).await.is_err());
}

#[tokio::test]
async fn the_authorization_server_refuses_by_its_own_codes() {
    let test = TestPortal::new().await;
    let id = &test.app.client_id;
    let cases = [
        (
            format!("grant_type=refresh_token&client_id={id}&client_secret=wrong&refresh_token=x"),
            "invalid_client",
        ),
        ("grant_type=refresh_token".to_owned(), "invalid_client"),
        (
            format!(
                "grant_type=password&client_id={id}&client_secret={}",
                test.app.client_secret
            ),
            "invalid_request",
        ),
    ];
    for (query, code) in cases {
        let (status, answer) = test.get(&format!("/oauth/token?{query}")).await;
        assert_eq!(
            (status, answer["error"].as_str()),
            (400, Some(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_full_flow_gives_a_code_that_works_once() {
    let test = TestPortal::new().await;
    let asked = test
        .client
        .get(format!(
            "/oauth/authorize/?client_id={}&state=s",
            test.app.client_id
        ))
        .send()
        .await;
    let address = asked.0.header("location").expect("a redirect").to_owned();
    let query =
        form::decode(address.split_once('?').expect("a query").1.as_bytes()).expect("a form");
    assert_eq!(query["state"], "s");
    let code = query["code"].as_str().expect("a code");
    let TestPortal { app, .. } = &test;
    let url = format!(
        "/oauth/token/?grant_type=authorization_code&client_id={}&client_secret={}&code={code}",
        app.client_id, app.client_secret
    );
    assert_eq!(test.get(&url).await.0, 200);
    assert_eq!(test.get(&url).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn the_uninstall_event_is_sent_after_the_bots_are_removed() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    test.result(
        "event.bind",
        json!({ "event": "onAppUninstall", "handler": test.handler }),
    )
    .await;
    test.portal
        .uninstall(&test.app.client_id, true)
        .expect("removed");
    let gone = test.event("ONIMBOTDELETE").await;
    assert_eq!(
        gone["data"],
        json!({ "BOT_ID": bot.to_string(), "BOT_CODE": "echo" })
    );
    let event = test.event("ONAPPUNINSTALL").await;
    assert_eq!(event["data"]["CLEAN"], "1");
    assert_eq!(event["auth"]["access_token"], Value::Null);
    assert_eq!(
        event["auth"]["application_token"],
        test.install["auth"]["application_token"]
    );
    assert_eq!(test.refusal("profile", json!({})).await.0, 401);
}

#[tokio::test]
async fn a_bot_of_a_webhook_gets_no_tokens_and_its_client_id_back() {
    let test = TestPortal::new().await;
    let hook = test.portal.webhook_url();
    let path = hook
        .strip_prefix(&test.portal.url())
        .expect("its own address")
        .to_owned();
    let register =
        json!({ "CODE": "hook", "EVENT_HANDLER": test.handler, "PROPERTIES": { "NAME": "Hook" } });
    let (status, answer) = test
        .post(&format!("{path}imbot.register"), register.clone())
        .await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (403, Some("ACCESS_DENIED"))
    );
    let mut register = register;
    register["CLIENT_ID"] = "my-client".into();
    let bot = test
        .post(&format!("{path}imbot.register.json"), register)
        .await
        .1["result"]
        .as_u64()
        .expect("an id");
    test.portal.open(1, bot).expect("opened");
    let event = test.event("ONIMBOTJOINCHAT").await;
    assert_eq!(
        event["data"]["BOT"][bot.to_string()],
        json!({ "BOT_ID": bot.to_string(), "BOT_CODE": "hook" })
    );
    assert_eq!(event["auth"]["application_token"], "my-client");
    assert_eq!(event["auth"]["access_token"], Value::Null);
    let bind = json!({ "event": "ONCRMDEALADD", "handler": test.handler });
    assert_eq!(
        test.post(&format!("{path}event.bind"), bind).await.1["error"],
        "WRONG_AUTH_TYPE"
    );
    assert_eq!(
        test.post("/rest/1/wrong/profile", json!({})).await.1["error"],
        "INVALID_CREDENTIALS"
    );
}

#[tokio::test]
async fn any_event_is_sent_to_its_subscriptions() {
    let test = TestPortal::new().await;
    let bind = json!({ "EVENT": "onCrmDealAdd", "HANDLER": test.handler });
    test.result("event.bind", bind.clone()).await;
    assert_eq!(
        test.refusal("event.bind", bind).await,
        (400, "ERROR_CORE".to_owned())
    );
    assert_eq!(
        test.portal
            .fire("onCrmDealAdd", &json!({ "FIELDS": { "ID": 7 } })),
        1
    );
    let event = test.event("ONCRMDEALADD").await;
    assert_eq!(event["data"], json!({ "FIELDS": { "ID": "7" } }));
    assert_eq!(event["auth"]["refresh_token"], Value::Null);
    let unbind = json!({ "event": "ONCRMDEALADD", "handler": test.handler });
    assert_eq!(
        test.result("event.unbind", unbind).await,
        json!({ "count": 1 })
    );
    assert_eq!(test.portal.fire("ONCRMDEALADD", &json!({})), 0);
}
