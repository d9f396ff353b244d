//! Two portals and one program, with one authorization server for both, as with an application of
//! the market.

use imbot::emulator::{Credentials, Emulator, NewApp};
use imbot::prelude::*;
use imbot::{Config, serve};
use poem::web::{Data, Query};
use poem::{EndpointExt, Response, Route, Server, get, handler};
use serde_json::Value;
use tokio::net::TcpListener;

use super::stage::{ANN, portal, serve_in_background, until};

/// Stores all messages, and repeats them all.
struct Diary;

impl Bot<Vec<String>> for Diary {
    async fn message(&self, cx: &mut Context<Vec<String>>, message: Message) -> Result {
        cx.state.push(message.text);
        cx.say(cx.state.join(", "));
        Ok(())
    }
}

#[derive(Clone)]
struct Desk {
    portal: Emulator,
    credentials: Credentials,
}

/// The authorization server of the market: accepts a refresh token of either portal.
#[handler]
async fn token(
    Query(asked): Query<Vec<(String, String)>>,
    Data(desks): Data<&Vec<Desk>>,
) -> Response {
    for Desk {
        portal,
        credentials,
    } in desks
    {
        let asked = asked.iter().map(|(name, value)| match name.as_str() {
            "client_id" => (name, &credentials.client_id),
            "client_secret" => (name, &credentials.client_secret),
            _ => (name, value),
        });
        let address = format!("{}/oauth/token/", portal.oauth_url());
        let query: Vec<_> = asked.collect();
        let request = reqwest::Client::new().get(address).query(&query);
        let answer = request.send().await.unwrap().text().await.unwrap();
        if answer.contains("access_token") {
            return answer.into();
        }
    }
    Response::builder().body(r#"{"error":"invalid_grant"}"#)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn the_conversations_of_two_portals_do_not_mix() {
    let (listener, handler) = listen().await;
    let mut desks = Vec::new();
    for _ in 0..2 {
        let portal = portal().await;
        let credentials = portal.register_app(NewApp::new("diary", &handler));
        desks.push(Desk {
            portal,
            credentials,
        });
    }
    let (market, oauth_url) = listen().await;
    let routes = Route::new()
        .at("/oauth/token/", get(token))
        .data(desks.clone());
    let acceptor = serve::Acceptor::new(market).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    let hosts = desks.iter().map(|desk| desk.portal.address().to_string());
    let mut config = Config::default();
    config.client_id = Some("app.market".into());
    config.client_secret = Some("secret".to_owned().into());
    config.public_url = Some(handler);
    config.allow_host = hosts.chain([oauth_url[7..].replace('/', "")]).collect();
    config.oauth_url = oauth_url;
    let engine = App::new().bot(Diary).engine(&config).unwrap();
    serve_in_background(&engine, listener);

    for desk in &desks {
        let client_id = &desk.credentials.client_id;
        desk.portal.install(client_id).await.unwrap();
        until("the bot", || desk.portal.bot("diary").is_some()).await;
    }
    until("both portals", || engine.portals().len() == 2).await;
    for (desk, lines) in desks.iter().zip([["one", "two"], ["red", "blue"]]) {
        let dialog = desk.portal.bot("diary").unwrap().to_string();
        for line in lines {
            desk.portal.send(ANN, &dialog, line).unwrap();
        }
        let whole = lines.join(", ");
        let last = || desk.portal.history(ANN, &dialog).pop();
        until(&whole, || {
            last().map(|last| last["text"].clone()) == Some(Value::from(whole.as_str()))
        })
        .await;
    }
}
