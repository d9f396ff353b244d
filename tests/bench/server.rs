//! The measured servers, each in a process of its own with one thread.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use imbot::engine::Engine;
use imbot::event::Node;
use imbot::prelude::*;
use imbot::serve as http;
use imbot::store::{Memory, Store};
use poem::listener::TcpAcceptor;
use poem::{Route, Server, handler, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::event::{MEMBER, TOKEN};
use super::offline::{Mute, config, installation};

/// Serves on a free port, which it prints, until it is killed.
pub(crate) fn serve(kind: &str, conversations: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        match kind {
            "bare" => {
                announce(port);
                let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
                Server::new_with_acceptor(acceptor)
                    .run(Route::new().at("/", post(bare)))
                    .await
                    .unwrap();
            }
            _ => {
                let engine = match kind {
                    "hook" => engine_of(Arc::new(Memory::new()), App::new().hook("*", look)).await,
                    _ => engine().await,
                };
                fill(&engine, conversations).await;
                announce(port);
                let never = std::future::pending();
                http::run(http::endpoint(engine), listener, never, http::STOP_TIMEOUT)
                    .await
                    .unwrap();
            }
        }
    });
}

fn announce(port: u16) {
    println!("{port}");
    std::io::stdout().flush().unwrap();
}

/// A bare poem endpoint that reads the same body.
#[handler]
async fn bare(body: poem::Body) -> &'static str {
    let body = body.into_bytes().await.unwrap();
    assert!(body.len() > 1_000);
    ""
}

/// Repeats each message, and stores 200 bytes of each conversation.
pub(crate) struct Echo;

#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Memo {
    text: String,
}

impl Bot<Memo> for Echo {
    fn profile(&self) -> Profile {
        Profile::new("BOT1", "Echo")
    }

    async fn message(&self, cx: &mut Context<Memo>, message: Message) -> Result {
        cx.state.text = "x".repeat(189);
        cx.say(message.text);
        Ok(())
    }
}

/// Reads one value of an event, like a hook that looks up the rest.
async fn look(event: HookEvent) -> Result {
    let id = event.at(&["data", "PARAMS", "TO_CHAT_ID"]);
    let id: Option<u64> = id.map_or(Ok(None), Node::number)?;
    assert_eq!(id, Some(1_407));
    Ok(())
}

/// Returns the engine of [`Echo`], installed on one portal, with a store in memory.
pub(crate) async fn engine() -> Arc<Engine> {
    engine_on(Arc::new(Memory::new()), Echo).await
}

/// Returns the engine of a bot, installed on one portal.
pub(crate) async fn engine_on<S: imbot::State>(
    store: Arc<dyn Store>,
    bot: impl Bot<S>,
) -> Arc<Engine> {
    engine_of(store, App::new().bot(bot)).await
}

/// Returns the engine of an application, installed on one portal.
async fn engine_of(store: Arc<dyn Store>, app: App) -> Arc<Engine> {
    store.install(installation()).await.unwrap();
    let engine = app
        .shared_store(store)
        .transport(Mute)
        .engine(&config())
        .unwrap();
    engine.start().await.unwrap();
    engine
}

/// Creates conversations with one message each.
pub(crate) async fn fill(engine: &Arc<Engine>, conversations: u64) {
    for dialog in 1..=conversations {
        let body = format!(
            "event=ONIMBOTMESSAGEADD&data[BOT][567][BOT_ID]=567&data[BOT][567][BOT_CODE]=BOT1&data[PARAMS][MESSAGE]=hi\
             &data[PARAMS][MESSAGE_ID]={dialog}&data[PARAMS][DIALOG_ID]={dialog}&ts=1\
             &auth[member_id]={MEMBER}&auth[application_token]={TOKEN}"
        );
        engine.accept(Bytes::from(body)).await.unwrap();
        while engine.waiting().0 > 1_000 {
            tokio::task::yield_now().await;
        }
    }
    while engine.waiting() != (0, 0) {
        tokio::task::yield_now().await;
    }
}
