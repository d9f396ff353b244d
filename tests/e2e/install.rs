//! Installing, uninstalling and reinstalling; at the root, below a path, and inside an application
//! of the author.

use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::NewApp;
use imbot::engine::InstallClaim;
use imbot::prelude::*;
use imbot::{Config, serve};
use poem::{Route, Server, get, handler};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{ANN, Echo, Setup, portal, until};

#[tokio::test]
async fn an_installed_bot_answers() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.write("echo", "hello");
    setup.receives("echo", &["hello"]).await;
    let registered = &setup.traffic("imbot.v2.bot.register")[0]["request"]["fields"];
    assert_eq!(registered["code"], "echo");
    assert_eq!(registered["webhookUrl"], setup.handler);
}

#[tokio::test]
async fn bots_appear_on_the_portal_in_the_order_of_the_application() {
    let app = App::new()
        .bot(bots::Poll)
        .bot(Echo)
        .bot(bots::Menu::office());
    let setup = Setup::installed(app).await;
    let ids = ["poll", "echo", "menu"].map(|code| setup.portal.bot(code).unwrap());
    assert!(ids.is_sorted(), "{ids:?}");
}

#[tokio::test]
async fn after_uninstallation_events_are_refused_until_the_next_installation() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.write("echo", "before");
    setup.receives("echo", &["before"]).await;
    let event = last_body(&setup, "ONIMBOTV2MESSAGEADD");
    setup
        .portal
        .uninstall(&setup.credentials.client_id, false)
        .unwrap();
    until("the portal to be removed", || {
        setup.engine.portals().is_empty()
    })
    .await;
    assert_eq!(setup.portal.bot("echo"), None);
    assert_eq!(post(&setup.handler, event).await, 403);
    setup.install().await;
    setup.write("echo", "after");
    setup.receives("echo", &["after"]).await;
}

#[tokio::test]
async fn a_late_uninstallation_does_not_remove_a_newer_installation() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.portal.delay_events(1, Duration::from_millis(500));
    let client_id = setup.credentials.client_id.clone();
    setup.portal.uninstall(&client_id, true).unwrap();
    setup.install().await;
    until("the late event", || {
        setup.traffic("ONAPPUNINSTALL").len() == 1
    })
    .await;
    setup.settles().await;
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
}

#[tokio::test]
async fn a_late_uninstallation_is_recognised_by_the_portals_own_times_and_a_forged_one_by_asking() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    let installed_at = known.installed_at.expect("a time");
    let uninstalled =
        |ts: u64| json!({ "event": "ONAPPUNINSTALL", "data": { "CLEAN": 0 }, "ts": ts });
    let status = setup.post_as_portal(uninstalled(installed_at - 1)).await;
    assert_eq!(status, 200);
    setup.settles().await;
    assert_eq!(setup.engine.portals().len(), 1, "it is late");
    // From the same second on the portal is asked: the application is installed.
    for ts in [installed_at, installed_at + 1] {
        assert_eq!(setup.post_as_portal(uninstalled(ts)).await, 200);
        setup.settles().await;
        assert_eq!(setup.engine.portals().len(), 1, "it is forged");
    }
    // The portal is not asked about a late one: its answer could be that of a moment ago.
    let asked = setup.traffic("app.info").len();
    let late = uninstalled(installed_at - 2);
    assert_eq!(setup.post_as_portal(late).await, 200);
    setup.settles().await;
    assert_eq!(setup.traffic("app.info").len(), asked);
}

#[tokio::test]
async fn a_late_uninstallation_is_recognised_after_a_restart() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let setup = setup.restart(App::new().bot(Echo)).await;
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    let ts = known.installed_at.expect("a time") - 1;
    let late = json!({ "event": "ONAPPUNINSTALL", "data": { "CLEAN": 1 }, "ts": ts });
    assert_eq!(setup.post_as_portal(late).await, 200);
    setup.settles().await;
    assert_eq!(setup.engine.portals().len(), 1);
}

#[tokio::test]
async fn a_late_installation_does_not_replace_a_newer_one() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    let refresh = known.access.tokens().unwrap().refresh.clone();
    let mut late = InstallClaim::new(known.portal.clone(), "an older token".into(), refresh);
    late.installed_at = known.installed_at.map(|at| at - 1);
    setup.engine.install(late).await.unwrap();
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
}

#[tokio::test]
async fn an_installation_from_the_future_does_not_make_later_ones_late() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    let refresh = known.access.tokens().unwrap().refresh.clone();
    let mut ahead = InstallClaim::new(known.portal, known.application_token, refresh);
    ahead.installed_at = Some(u64::MAX);
    setup.engine.install(ahead).await.unwrap();
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    let refresh = known.access.tokens().unwrap().refresh.clone();
    let mut again = InstallClaim::new(known.portal, "a newer token".into(), refresh);
    again.installed_at = Some(1_764_406_800);
    setup.engine.install(again).await.unwrap();
    let known = setup.engine.store().portals().await.unwrap().remove(0);
    assert_eq!(known.application_token.expose_secret(), "a newer token");
}

#[tokio::test]
async fn opening_an_application_with_an_interface_shows_its_bots_and_stores_no_tokens() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let before = setup.traffic("oauth/token").len();
    let address = format!(
        "{}?DOMAIN=portal.example.com&PROTOCOL=1&LANG=en",
        setup.handler
    );
    let opened = [
        ("AUTH_ID", "a"),
        ("REFRESH_ID", "b"),
        ("member_id", "0123456789abcdef0123456789abcdef"),
        ("PLACEMENT", "DEFAULT"),
    ];
    let request = reqwest::Client::new().post(address).form(&opened);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/html"), "{kind}");
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("<li>Echo</li>") || page.contains("<li>echo</li>"),
        "{page}"
    );
    assert_eq!(setup.engine.portals().len(), 1);
    assert_eq!(setup.traffic("oauth/token").len(), before);
    assert_eq!(setup.engine.counts().unproven.get(), 0);
}

#[tokio::test]
async fn events_are_accepted_below_a_path_that_the_proxy_keeps_or_strips() {
    let setup = Setup::not_yet_installed(App::new().bot(Echo), "/bitrix/bots").await;
    setup.install().await;
    setup.write("echo", "below a path");
    setup.receives("echo", &["below a path"]).await;
    let root = setup.handler.replace("bitrix/bots/", "");
    for address in [&setup.handler, &root] {
        let health = reqwest::get(format!("{address}health")).await.unwrap();
        assert_eq!(health.status(), 200, "{address}");
    }
}

#[tokio::test]
async fn the_endpoint_works_inside_a_poem_application() {
    #[handler]
    fn home() -> &'static str {
        "at home"
    }
    let portal = portal().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let handler = format!("{site}/bots/");
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let engine = App::new()
        .bot(Echo)
        .engine(&Config::emulated(&portal, &credentials, &handler))
        .unwrap();
    let app = Route::new()
        .at("/", get(home))
        .nest("/bots", serve::endpoint(Arc::clone(&engine)));
    let acceptor = serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    portal.install(&credentials.client_id).await.unwrap();
    until("the bot", || portal.bot("echo").is_some()).await;
    let dialog = portal.bot("echo").unwrap().to_string();
    portal.send(ANN, &dialog, "nested").unwrap();
    until("the answer", || {
        portal
            .history(ANN, &dialog)
            .last()
            .is_some_and(|last| last["text"] == "nested" && last["author"] != ANN)
    })
    .await;
    let page = reqwest::get(site).await.unwrap().text().await.unwrap();
    assert_eq!(page, "at home");
}

/// The body of the last event of this name, with real tokens: the traffic log has shortened them.
fn last_body(setup: &Setup, name: &str) -> String {
    let entries = setup.traffic(name);
    let body = entries.last().map(|entry| &entry["body"]);
    body.and_then(Value::as_str).expect("a body").to_owned()
}

async fn post(address: &str, form: String) -> u16 {
    let request = reqwest::Client::new()
        .post(address)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    request.send().await.unwrap().status().as_u16()
}
