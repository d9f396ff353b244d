//! Events forwarded to another program, which checks their signature.
//!
//! ```text
//! (a deal is added on the portal)
//! INFO the other program line="{\"event\":\"ONCRMDEALADD\",\"portal\":\"…\",…}"
//! (somebody else posts to it)
//! INFO the other program line="refused: `webhook-timestamp` is not a time"
//! ```
//!
//! Run it with a secret, and let the emulated portal send the event:
//!
//! ```text
//! IMBOT_FORWARD_SECRET=$(openssl rand -base64 32) cargo run --example forwarding
//! curl http://127.0.0.1:8071/emulator/fire -H 'content-type: application/json' \
//!      -d '{"event": "ONCRMDEALADD", "data": {"FIELDS": {"ID": "7"}}}'
//! curl http://127.0.0.1:8073 -d '{"event": "ONCRMDEALADD"}'
//! ```
//!
//! Here the other program uses this crate; a library for Standard Webhooks does the same in any
//! language. While it is away, events wait and are retried. It recognises repeats by their
//! `webhook-id`.

use std::io::{Write, stderr};
use std::sync::Arc;
use std::thread;

use imbot::portal::Signer;
use imbot::prelude::*;
use imbot::store::Clock;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler, post};

fn main() -> ExitCode {
    let secret = std::env::var("IMBOT_FORWARD_SECRET").unwrap_or_default();
    match Signer::new(&secret.into()) {
        Ok(signer) => thread::spawn(|| other_program(signer)),
        Err(error) => {
            let _ = writeln!(stderr(), "IMBOT_FORWARD_SECRET is not a secret: {error}");
            return ExitCode::FAILURE;
        }
    };
    App::new().forward("ONCRM*", "http://127.0.0.1:8073/").run()
}

#[tokio::main(flavor = "current_thread")]
async fn other_program(signer: Signer) {
    let routes = Route::new().at("/", post(take).data(Arc::new(signer)));
    let served = Server::new(TcpListener::bind("127.0.0.1:8073")).run(routes);
    if let Err(error) = served.await {
        tracing::error!(%error, "the other program");
    }
}

#[handler]
fn take(headers: &HeaderMap, body: String, Data(signer): Data<&Arc<Signer>>) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let [id, at, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| header(name).unwrap_or_default());
    let now = Clock::default().now();
    let (status, line) = match signer.verify(id, at, signature, body.as_bytes(), now) {
        Ok(()) => (StatusCode::OK, body),
        Err(error) => (StatusCode::UNAUTHORIZED, format!("refused: {error}")),
    };
    tracing::info!(line, "the other program");
    status
}
