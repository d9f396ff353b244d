//! Polled events that do not name their bot, as a portal between the emulator and the program
//! returns them.

use imbot::prelude::*;
use imbot::{Config, event::BODY_BYTES_MAX};
use poem::web::{Data, Path};
use poem::{Body, EndpointExt, Response, Route, Server, handler, post};
use serde_json::Value;
use tokio::net::TcpListener;

use super::stage::{ANN, Echo, POLL, portal_without_limit, texts, until};

/// Passes a call on to the emulator, and takes the bot out of the events in the answer.
#[handler]
async fn without_bots(
    Path(method): Path<String>,
    Data(webhook): Data<&String>,
    body: Body,
) -> Response {
    let body = body.into_bytes_limit(BODY_BYTES_MAX).await.unwrap();
    let call = reqwest::Client::new().post(format!("{webhook}{method}"));
    let call = call.header("content-type", "application/json").body(body);
    let answer = call.send().await.unwrap();
    let status = answer.status().as_u16();
    let mut answer: Value = answer.json().await.unwrap();
    if let Some(events) = answer["result"]["events"].as_array_mut() {
        for event in events {
            event["data"].as_object_mut().unwrap().shift_remove("bot");
        }
    }
    Response::builder()
        .status(poem::http::StatusCode::from_u16(status).unwrap())
        .content_type("application/json")
        .body(answer.to_string())
}

#[tokio::test]
async fn a_polled_event_that_does_not_name_its_bot_belongs_to_the_bot_that_was_polled() {
    let portal = portal_without_limit().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Route::new()
        .at("/rest/1/code/:method", post(without_bots))
        .data(portal.webhook_url());
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    let mut config = Config::default();
    config
        .portal
        .push(format!("http://{address}/rest/1/code/").into());
    config.allow_host.push(address.to_string());
    (config.poll_quick, config.poll_slow) = (POLL, POLL);
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    engine.start().await.unwrap();
    assert!(engine.reconcile().await.is_empty());
    let bot = portal.bot("echo").unwrap();
    portal.send(ANN, &bot.to_string(), "who am I?").unwrap();
    until("the answer", || {
        texts(&portal.history(ANN, &bot.to_string())) == ["who am I?", "who am I?"]
    })
    .await;
}
