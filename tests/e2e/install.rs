//! Installing, uninstalling and reinstalling; at the root, below a path, and inside an application
//! of the author.

use std::sync::Arc;

use imbot::emulator::NewApp;
use imbot::prelude::*;
use imbot::{Config, serve};
use poem::{Route, Server, get, handler};
use serde_json::Value;
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
