//! Whose events hooks hear: the portal's, with or without a user's tokens, and those of outgoing webhooks with their own.

use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::event::form;
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{Echo, Setup, until};

type Seen = Arc<Mutex<Vec<String>>>;

/// Writes down what it sees but the installation, which every portal begins with.
fn seeing(seen: &Seen) -> impl imbot::handler::Hook {
    let seen = Arc::clone(seen);
    move |event: HookEvent| {
        let is_anybodys = event.auth().unwrap().access_token.is_none();
        let by = if is_anybodys { "nobody" } else { "somebody" };
        if event.name != "ONAPPINSTALL" {
            seen.lock().unwrap().push(format!("{} by {by}", event.name));
        }
        std::future::ready(Ok(()))
    }
}

fn deal(auth: &Value) -> Value {
    json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": 7 } }, "ts": 1, "auth": auth })
}

#[tokio::test]
async fn an_event_that_no_user_caused_comes_without_tokens_and_is_heard() {
    let seen = Seen::default();
    let road = Setup::to(App::new().hook("*", seeing(&seen))).await;
    let body = json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": 7 } }, "ts": 1 });
    assert_eq!(road.post_as_portal(body).await, 200);
    until("the deal", || {
        *seen.lock().unwrap() == ["ONCRMDEALADD by nobody"]
    })
    .await;
}

#[tokio::test]
async fn a_payment_carries_no_token_and_is_heard_if_the_portal_tells_the_same() {
    let seen = Seen::default();
    let road = Setup::to(App::new().hook("ONAPPPAYMENT", seeing(&seen))).await;
    let member_id = road.engine.portals()[0].to_string();
    let payment = |status: &str, member_id: &str| {
        json!({
            "event": "ONAPPPAYMENT",
            "data": { "CODE": "bots", "VERSION": 1, "STATUS": status, "PAYMENT_EXPIRED": "N", "DAYS": 28 },
            "ts": 1_466_439_714,
            "auth": { "member_id": member_id, "domain": "some-domain.bitrix24.com" },
        })
    };
    assert_eq!(
        road.post(&payment("P", &member_id)).await,
        403,
        "the portal tells L"
    );
    assert_eq!(road.post(&payment("L", "another")).await, 403);
    assert_eq!(road.post(&payment("L", &member_id)).await, 200);
    until("the payment", || {
        *seen.lock().unwrap() == ["ONAPPPAYMENT by nobody"]
    })
    .await;
}

#[tokio::test]
async fn an_event_without_a_proof_is_refused_and_told_as_that() {
    let seen = Seen::default();
    let road = Setup::to(App::new().hook("*", seeing(&seen))).await;
    let member_id = road.engine.portals()[0].to_string();
    for auth in [
        json!({}),
        json!({ "member_id": member_id }),
        json!({ "application_token": "x" }),
    ] {
        assert_eq!(road.post(&deal(&auth)).await, 403, "{auth}");
    }
    road.rests().await;
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_outgoing_webhook_speaks_to_hooks_of_its_portal_and_to_nobody_else() {
    const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";
    let seen = Seen::default();
    let app = App::new().bot(Echo).hook("*", seeing(&seen));
    let road = Setup::with_settings(app, |config, portal| {
        let other = "other.bitrix24.com:ffffffffffffffffffffffffffffffff";
        config.hook_token = vec![format!("{}:{TOKEN}", portal.address()).into(), other.into()];
    })
    .await;
    let member_id = road.engine.portals()[0].to_string();
    let auth = |token: &str| json!({ "member_id": member_id, "application_token": token });
    assert_eq!(road.post(&deal(&auth(TOKEN))).await, 200);
    until("the deal", || {
        *seen.lock().unwrap() == ["ONCRMDEALADD by nobody"]
    })
    .await;

    assert_eq!(
        road.post(&deal(&auth("ffffffffffffffffffffffffffffffff")))
            .await,
        403,
        "of another portal"
    );
    assert_eq!(road.post(&deal(&auth(""))).await, 403);
    let bot = road.dialog("echo");
    for name in [
        "ONIMBOTMESSAGEADD",
        "ONIMBOTDELETE",
        "ONAPPUNINSTALL",
        "ONSESSIONSTART",
        "ONIMCONNECTORMESSAGEADD",
    ] {
        let body = json!({
            "event": name,
            "data": {
                "BOT": { (bot.as_str()): { "BOT_ID": bot, "BOT_CODE": "echo" } },
                "PARAMS": { "DIALOG_ID": 1, "MESSAGE_ID": 5, "MESSAGE": "forged", "FROM_USER_ID": 1 },
            },
            "auth": auth(TOKEN),
        });
        assert_eq!(road.post(&body).await, 403, "{name}");
    }
    road.tell("echo", "still here");
    road.hears("echo", &["still here"]).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_portal_that_is_known_by_its_inbound_webhook_may_have_outgoing_ones() {
    let portal = super::stage::portal().await;
    let host = portal.address().to_string();
    let mut config = Config::polling(&portal);
    config.hook_token = vec![format!("{host}:abc123").into()];
    let seen = Seen::default();
    let app = App::new().hook("ONCRM*", seeing(&seen));
    let engine = app.engine(&config).unwrap();
    let auth =
        |token: &str| json!({ "domain": host, "member_id": "unknown", "application_token": token });
    let post = async |auth: &Value| engine.accept(form::encode(&deal(auth)).into()).await;
    post(&auth("abc123")).await.unwrap();
    post(&auth("abc124")).await.unwrap_err();
    until("the deal", || {
        *seen.lock().unwrap() == ["ONCRMDEALADD by nobody"]
    })
    .await;
}

#[tokio::test]
async fn a_slow_hook_and_a_broken_one_delay_only_their_own_events() {
    async fn never(_: HookEvent) -> Result {
        std::future::pending().await
    }
    async fn broken(_: HookEvent) -> Result {
        panic!("a bug in a hook")
    }
    let seen = Seen::default();
    let app = App::new()
        .bot(Echo)
        .hook("ONCRM*", never)
        .hook("ONCRM*", broken)
        .hook("ONCRM*", seeing(&seen));
    let road = Setup::with_settings(app, |config, _| config.attempts = 1).await;
    for id in 0..3 {
        let body = json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": id } } });
        assert_eq!(road.post_as_portal(body).await, 200);
    }
    until("the third hook", || seen.lock().unwrap().len() == 3).await;
    road.tell("echo", "still here");
    road.hears("echo", &["still here"]).await;
    until("the broken hook's dead letters", || {
        road.engine.counts().dead.get() == 3
    })
    .await;
    let dead = road.engine.store().dead(None, 10).await.unwrap();
    assert!(
        dead.iter()
            .all(|letter| letter.error.contains("a bug in a hook")),
        "{dead:?}"
    );
    assert_eq!(
        road.engine.waiting().0,
        3,
        "nothing of the slow hook's is lost"
    );
}
