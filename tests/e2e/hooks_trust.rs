//! Which events reach hooks: the portal's, with or without a user's tokens, and those of outgoing
//! webhooks with their own token.

use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::event::{MemberId, form};
use imbot::prelude::*;
use imbot::store::{Access, Installation, Memory, Portals, Tokens};
use poem::{Request, Response, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{Echo, Setup, until};

type Seen = Arc<Mutex<Vec<String>>>;

/// Records all events but the installation, which every portal starts with.
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
async fn an_event_without_tokens_is_handled() {
    let seen = Seen::default();
    let setup = Setup::installed(App::new().hook("*", seeing(&seen))).await;
    let body = json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": 7 } }, "ts": 1 });
    assert_eq!(setup.post_as_portal(body).await, 200);
    until("the deal", || {
        *seen.lock().unwrap() == ["ONCRMDEALADD by nobody"]
    })
    .await;
}

#[tokio::test]
async fn a_payment_without_a_token_is_handled_if_the_portal_confirms_it() {
    let seen = Seen::default();
    let setup = Setup::installed(App::new().hook("ONAPPPAYMENT", seeing(&seen))).await;
    let member_id = setup.engine.portals()[0].to_string();
    let payment = |status: &str, member_id: &str| {
        json!({
            "event": "ONAPPPAYMENT",
            "data": { "CODE": "bots", "VERSION": 1, "STATUS": status, "PAYMENT_EXPIRED": "N", "DAYS": 28 },
            "ts": 1_466_439_714,
            "auth": { "member_id": member_id, "domain": "some-domain.bitrix24.com" },
        })
    };
    // The portal reports L.
    assert_eq!(setup.post(&payment("P", &member_id)).await, 202);
    assert_eq!(setup.post(&payment("L", "another")).await, 202);
    assert_eq!(setup.post(&payment("L", &member_id)).await, 202);
    until("the payment", || {
        *seen.lock().unwrap() == ["ONAPPPAYMENT by nobody"]
    })
    .await;
}

/// Starts an authorization server that reports this status, in its own shape.
async fn authorization_server(member_id: String, status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = poem::endpoint::make_sync(move |request: Request| {
        let is_asked = request.uri().path() == "/rest/app.info";
        let result = json!({
            "client_id": "local.1",
            "scope": "imbot,im",
            "install": { "installed": is_asked, "status": status, "member_id": member_id },
        });
        let answer = json!({ "result": result }).to_string();
        Response::builder()
            .content_type("application/json")
            .body(answer)
    });
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    address
}

#[tokio::test]
async fn the_authorization_server_decides_about_the_status_of_a_payment() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let seen = Seen::default();
    let member_id = setup.engine.portals()[0].to_string();
    let payment = |status: &str| {
        let body = json!({
            "event": "ONAPPPAYMENT",
            "data": { "CODE": "bots", "VERSION": 1, "STATUS": status, "PAYMENT_EXPIRED": "N", "DAYS": 28 },
            "ts": 1,
            "auth": { "member_id": member_id },
        });
        form::encode(&body).into()
    };
    // The portal reports L.
    let mut config = setup.config();
    config.oauth_url = authorization_server(member_id.clone(), "S").await;
    let host = config.oauth_url.trim_start_matches("http://").to_owned();
    config.allow_host.push(host);
    let app = App::new().hook("ONAPPPAYMENT", seeing(&seen));
    let engine = app
        .shared_store(Arc::clone(setup.engine.store()))
        .engine(&config)
        .unwrap();
    engine.accept(payment("L")).await.unwrap();
    engine.accept(payment("S")).await.unwrap();
    until("the payment", || seen.lock().unwrap().len() == 1).await;
    let portal = setup.engine.portals().remove(0);
    let stored = engine.store().waiting(None, None, 10).await.unwrap();
    assert!(
        stored.len() <= 1,
        "{portal}: only the one with the status S"
    );
}

#[tokio::test]
async fn an_event_without_proof_is_refused_and_logged() {
    let seen = Seen::default();
    let setup = Setup::installed(App::new().hook("*", seeing(&seen))).await;
    let member_id = setup.engine.portals()[0].to_string();
    for auth in [
        json!({}),
        json!({ "member_id": member_id }),
        json!({ "application_token": "x" }),
    ] {
        assert_eq!(setup.post(&deal(&auth)).await, 403, "{auth}");
    }
    setup.settles().await;
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_outgoing_webhook_reaches_only_hooks_of_its_portal() {
    const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";
    let seen = Seen::default();
    let app = App::new().bot(Echo).hook("*", seeing(&seen));
    let setup = Setup::with_settings(app, |config, portal| {
        let other = "other.bitrix24.com:ffffffffffffffffffffffffffffffff";
        config.hook_token = vec![format!("{}:{TOKEN}", portal.address()).into(), other.into()];
    })
    .await;
    let member_id = setup.engine.portals()[0].to_string();
    let auth = |token: &str| json!({ "member_id": member_id, "application_token": token });
    assert_eq!(setup.post(&deal(&auth(TOKEN))).await, 200);
    until("the deal", || {
        *seen.lock().unwrap() == ["ONCRMDEALADD by nobody"]
    })
    .await;

    assert_eq!(
        setup
            .post(&deal(&auth("ffffffffffffffffffffffffffffffff")))
            .await,
        403,
        "of another portal"
    );
    assert_eq!(setup.post(&deal(&auth(""))).await, 403);
    let bot = setup.dialog("echo");
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
        assert_eq!(setup.post(&body).await, 403, "{name}");
    }
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_outgoing_webhook_is_accepted_after_the_applications_portal_was_renamed() {
    const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";
    let seen = Seen::default();
    let app = || App::new().bot(Echo).hook("*", seeing(&seen));
    let settings = |config: &mut Config, portal: &imbot::emulator::Emulator| {
        config.hook_token = vec![format!("{}:{TOKEN}", portal.address()).into()];
        let new = format!("localhost:{}", portal.address().port());
        config.allow_host.push(new);
    };
    let setup = Setup::with_settings(app(), settings).await;
    let new = format!("localhost:{}", setup.portal.address().port());
    let auth = json!({
        "domain": new,
        "member_id": setup.engine.portals()[0],
        "application_token": TOKEN,
    });
    setup.portal.rename(&new);
    assert_eq!(setup.post(&deal(&auth)).await, 200, "before any call");
    setup.write("echo", "moved?");
    setup.receives("echo", &["moved?"]).await;
    assert_eq!(setup.post(&deal(&auth)).await, 200, "after the move");
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    assert_eq!(known.former_hosts, [setup.portal.address().to_string()]);
    assert!(known.endpoint.contains(&new), "{}", known.endpoint);
}

#[tokio::test]
async fn a_token_for_a_host_that_another_portal_has_now_is_only_that_portals() {
    let portal = super::stage::portal().await;
    let installed = |member: &str, host: &str| {
        let access = Access::Tokens(Tokens {
            access: "a".into(),
            refresh: "r".into(),
        });
        let endpoint = format!("https://{host}/rest/");
        Installation::new(MemberId::new(member), endpoint, "t".into(), access)
    };
    let mut renamed = installed("renamed", "127.0.0.1:2");
    renamed.former_hosts = vec!["127.0.0.1:1".to_owned()];
    let store = Arc::new(Memory::new());
    store.install(renamed).await.unwrap();
    let mut config = Config::polling(&portal);
    config.hook_token = vec!["127.0.0.1:1:abc".into()];
    let post = async |member: &str| {
        let app = App::new().hook("ONCRM*", seeing(&Seen::default()));
        let engine = app.shared_store(store.clone()).engine(&config).unwrap();
        let auth = json!({ "member_id": member, "application_token": "abc" });
        engine.accept(form::encode(&deal(&auth)).into()).await
    };
    post("renamed").await.unwrap();
    let successor = installed("successor", "127.0.0.1:1");
    store.install(successor).await.unwrap();
    post("renamed").await.unwrap_err();
    post("successor").await.unwrap();
}

#[tokio::test]
async fn a_portal_with_an_inbound_webhook_may_have_outgoing_webhooks() {
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
async fn a_slow_and_a_broken_hook_delay_only_their_own_events() {
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
    let setup = Setup::with_settings(app, |config, _| config.attempts = 1).await;
    for id in 0..3 {
        let body = json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": id } } });
        assert_eq!(setup.post_as_portal(body).await, 200);
    }
    until("the third hook", || seen.lock().unwrap().len() == 3).await;
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
    until("the broken hook's dead letters", || {
        setup.engine.counts().dead.get() == 3
    })
    .await;
    let dead = setup.engine.store().dead_letters(None, 10).await.unwrap();
    assert!(
        dead.iter()
            .all(|letter| letter.error.contains("a bug in a hook")),
        "{dead:?}"
    );
    assert_eq!(
        setup.engine.waiting().0,
        3,
        "nothing of the slow hook's is lost"
    );
}
