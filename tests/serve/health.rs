//! The state of the program, as health probes and operators get it.

use std::sync::Arc;

use imbot::App;
use imbot::engine::Engine;
use imbot::serve::{admin, endpoint};
use imbot::store::{Key, Sqlite, Store};
use poem::test::TestClient;
use serde_json::Value;
use tokio::net::TcpListener;

use super::server::{TestServer, form, message, request};
use crate::support::PATIENCE;
use crate::support::offline::config;

#[tokio::test]
async fn the_public_address_answers_one_word_and_no_figures() {
    let server = TestServer::start().await;
    server.accepts("some work").await;
    for path in ["/health", "/health/"] {
        let answer = server.send(request("GET", path, "", "").as_bytes()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn a_program_whose_store_is_closed_is_failing() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::of(folder.path().join("store.db"), folder.path().join("key")).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(folder.path().join("store.db"), &key).unwrap());
    let engine = App::new().shared_store(Arc::clone(&store));
    let engine = engine.engine(&config()).unwrap();
    store.close().await.unwrap();
    assert_eq!(health(engine).await, (503, "failing".to_owned()));
}

#[tokio::test]
async fn a_program_that_is_asked_to_stop_is_stopping() {
    let server = TestServer::start().await;
    server.engine.stop(PATIENCE).await;
    let health = health(Arc::clone(&server.engine)).await;
    assert_eq!(health, (503, "stopping".to_owned()));
}

async fn health(engine: Arc<Engine>) -> (u16, String) {
    let client = TestClient::new(endpoint(engine));
    let answer = client.get("/health").send().await.0;
    let status = answer.status().as_u16();
    (status, answer.into_body().into_string().await.unwrap())
}

#[tokio::test]
async fn the_operators_address_counts_unproven_events() {
    let server = TestServer::start().await;
    let mut forged = message("forged");
    forged["auth"]["application_token"] = "831c76b092f9f135d9b6b36c3a720758".into();
    for _ in 0..3 {
        assert_eq!(server.post(&form(&forged)).await.status, 403);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(admin(Arc::clone(&server.engine), listener));
    let health = reqwest::get(format!("http://{address}/health")).await;
    let health: Value = health.unwrap().json().await.unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["since_start"]["unproven"], 3);
    assert_eq!(health["since_start"]["refused"], 0);
    let foreign = reqwest::Client::new().get(format!("http://{address}/health"));
    let foreign = foreign.header("host", "example.com").send().await.unwrap();
    assert_eq!(foreign.status(), 403, "a page of another site");
}

#[tokio::test]
async fn the_operators_address_is_a_loopback_address() {
    let server = TestServer::start().await;
    let public = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = admin(Arc::clone(&server.engine), public).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}
