//! An application with an interface is installed in a frame, and gets no events before that is
//! finished.

use imbot::emulator::{Emulator, NewApp, Options};
use imbot::prelude::*;
use imbot::{Config, serve};
use tokio::net::TcpListener;

use super::page::Page;
use crate::e2e::stage::{PATIENCE, until};

#[tokio::test]
async fn events_are_sent_after_the_installation_in_the_frame() {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    let portal = Emulator::start(options).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let app = NewApp {
        interface: true,
        install: format!("{handler}install"),
        ..NewApp::new("Echo & friends", &handler)
    };
    let credentials = portal.register_app(app);
    let config = Config::emulated(&portal, &credentials, &handler);
    let engine = App::new().bot(bots::Echo).engine(&config).unwrap();
    let never = std::future::pending();
    tokio::spawn(serve::run(
        serve::endpoint(engine),
        listener,
        never,
        PATIENCE,
    ));

    portal.install(&credentials.client_id).await.unwrap();
    assert_eq!(portal.bot("echo"), None, "nothing happens without the page");
    post_the_frame(&portal, &credentials.client_id).await;
    until("the bot", || portal.bot("echo").is_some()).await;
    let dialog = portal.bot("echo").unwrap().to_string();
    portal.send(1, &dialog, "too early").unwrap();

    let Some(page) = Page::open(&portal).await else {
        return;
    };
    page.click("[data-testid=install]").await;
    page.find("[data-testid=installer]").await;
    page.client.enter_frame(0).await.unwrap();
    page.until("document.body.innerText.includes('Done')").await;
    page.client.enter_parent_frame().await.unwrap();
    page.until("document.body.innerText.includes('Echo & friends is installed')")
        .await;
    page.until("!document.querySelector('[data-testid=install]')")
        .await;
    let events = || {
        let mut traffic = portal.traffic_log();
        traffic.retain(|entry| entry["kind"] == "event");
        traffic
    };
    assert_eq!(events().len(), 0, "{:#?}", events());
    portal.send(1, &dialog, "just in time").unwrap();
    page.goto(&format!("/?as=1#{dialog}")).await;
    page.sees("other", "just in time").await;
    let texts: Vec<_> = portal
        .history(1, &dialog)
        .iter()
        .map(|message| message["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(texts, ["too early", "just in time", "just in time"]);
}

/// Posts the form of the portal's frame, as a browser whose user closes it at once.
async fn post_the_frame(portal: &Emulator, client_id: &str) {
    let address = format!("{}/emulator/frame?client_id={client_id}", portal.url());
    let form = reqwest::get(address).await.unwrap().text().await.unwrap();
    let after = |text: &str, start: &str| {
        let value = text.split_once(start).unwrap().1.split_once('"').unwrap().0;
        value.replace("&amp;", "&").replace("&quot;", "\"")
    };
    let fields: Vec<(String, String)> = form
        .split("<input ")
        .skip(1)
        .map(|input| (after(input, "name=\""), after(input, "value=\"")))
        .collect();
    let request = reqwest::Client::new()
        .post(after(&form, "action=\""))
        .form(&fields);
    let page = request.send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("BX24.installFinish()"));
}
