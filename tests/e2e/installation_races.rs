//! Renewals, installations and uninstallations that happen at the same time, on a portal whose
//! answers are held back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use imbot::engine::{Engine, InstallClaim};
use imbot::event::{MemberId, form};
use imbot::portal::Portal;
use imbot::prelude::*;
use imbot::store::{Access, Installation, Memory, Portals as _, Tokens};
use imbot::{Config, serve};
use poem::http::StatusCode;
use poem::{Request, Response, Server};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::stage::until;

const MEMBER: &str = "0123456789abcdef0123456789abcdef";
/// The refresh token of the installation that is stored.
const OLD: &str = "the-old-refresh-token";
/// The refresh token of a new installation.
const NEW: &str = "the-new-refresh-token";

/// A portal that is its own authorization server. It holds back the answer to the old refresh token
/// and to `app.info`.
struct Slow {
    address: String,
    /// One permit for each answer that may be sent.
    released: Semaphore,
    held: AtomicUsize,
    /// How often the user of the new tokens was asked for.
    proofs: AtomicUsize,
}

impl Slow {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slow = Arc::new(Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            released: Semaphore::new(0),
            held: AtomicUsize::new(0),
            proofs: AtomicUsize::new(0),
        });
        let served = Arc::clone(&slow);
        let endpoint = poem::endpoint::make(move |mut request: Request| {
            let slow = Arc::clone(&served);
            async move {
                let path = request.uri().path().to_owned();
                let query = request.uri().query().unwrap_or_default().to_owned();
                let body = request.take_body().into_string().await.unwrap();
                let (status, answer) = slow.answer(&path, &query, &body).await;
                Response::builder()
                    .status(status)
                    .content_type("application/json")
                    .body(answer.to_string())
            }
        });
        let acceptor = serve::Acceptor::new(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
        slow
    }

    async fn answer(&self, path: &str, query: &str, body: &str) -> (StatusCode, Value) {
        let refused = |code| (StatusCode::UNAUTHORIZED, json!({ "error": code }));
        match path {
            "/oauth/token/" if query.contains(OLD) => {
                self.hold().await;
                (StatusCode::OK, self.grant("renewed"))
            }
            "/oauth/token/" => (StatusCode::OK, self.grant("new")),
            "/rest/profile.json" if body.contains("old access") => refused("expired_token"),
            "/rest/profile.json" => {
                let is_new = body.contains("new access");
                self.proofs
                    .fetch_add(usize::from(is_new), Ordering::Relaxed);
                (
                    StatusCode::OK,
                    json!({ "result": { "ID": "1", "ADMIN": true } }),
                )
            }
            "/rest/app.info.json" => {
                self.hold().await;
                refused("NOT_INSTALLED")
            }
            _ => refused("ERROR_METHOD_NOT_FOUND"),
        }
    }

    async fn hold(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
        self.released.acquire().await.unwrap().forget();
    }

    fn grant(&self, name: &str) -> Value {
        json!({
            "access_token": format!("{name} access"),
            "refresh_token": format!("the-{name}-refresh-token-of-later"),
            "client_endpoint": format!("{}/rest/", self.address),
            "member_id": MEMBER,
            "expires_in": 3600,
        })
    }

    async fn until_held(&self) {
        until("the answer to be held", || {
            self.held.load(Ordering::Relaxed) > 0
        })
        .await;
    }

    /// Waits until a new installation is proven, and a moment more, in which it could be stored.
    async fn until_proven(&self) {
        until("the proof", || self.proofs.load(Ordering::Relaxed) > 0).await;
        sleep(Duration::from_millis(200)).await;
    }
}

/// A program on a store with an installation on the slow portal.
struct Program {
    engine: Arc<Engine>,
    store: Arc<Memory>,
    slow: Arc<Slow>,
}

impl Program {
    async fn start() -> Self {
        let slow = Slow::start().await;
        let store = Arc::new(Memory::new());
        let tokens = Tokens {
            access: "old access".into(),
            refresh: OLD.into(),
        };
        let installation = Installation::new(
            MemberId::new(MEMBER),
            format!("{}/rest/", slow.address),
            "the old token".into(),
            Access::Tokens(tokens),
        );
        store.install(installation).await.unwrap();
        let mut config = Config::default();
        config.client_id = Some("local.1".into());
        config.client_secret = Some("secret".to_owned().into());
        config.public_url = Some("https://bots.example.com/".into());
        config.oauth_url = slow.address.clone();
        let host = slow.address.trim_start_matches("http://");
        config.allow_host.push(host.to_owned());
        let app = App::new().shared_store(store.clone());
        let engine = app.engine(&config).unwrap();
        engine.start().await.unwrap();
        Self {
            engine,
            store,
            slow,
        }
    }

    fn portal(&self) -> Portal {
        self.engine.portal(&MemberId::new(MEMBER)).unwrap()
    }

    /// Makes a call whose tokens have expired, so that they are renewed.
    fn renew(&self) -> JoinHandle<()> {
        let portal = self.portal();
        tokio::spawn(async move {
            let _ = portal.call::<Value>("profile", &json!({})).await;
        })
    }

    fn install(&self) -> JoinHandle<()> {
        let engine = Arc::clone(&self.engine);
        let claim = InstallClaim::new(MemberId::new(MEMBER), "the new token".into(), NEW.into());
        tokio::spawn(async move { engine.install(claim).await.unwrap() })
    }

    /// Posts an uninstallation without a time.
    async fn uninstalled(&self) {
        let event = json!({
            "event": "ONAPPUNINSTALL",
            "data": { "CLEAN": 0 },
            "auth": { "member_id": MEMBER, "application_token": "the old token" },
        });
        let body = Bytes::from(form::encode(&event));
        self.engine.accept(body).await.unwrap();
    }

    async fn stored(&self) -> Option<Installation> {
        self.store.portals().await.unwrap().pop()
    }
}

#[tokio::test]
async fn a_renewal_that_is_under_way_does_not_undo_a_new_installation() {
    let program = Program::start().await;
    let renewed = program.renew();
    program.slow.until_held().await;
    let installed = program.install();
    program.slow.until_proven().await;
    program.slow.released.add_permits(1);
    renewed.await.unwrap();
    installed.await.unwrap();
    let stored = program.stored().await.unwrap();
    assert_eq!(stored.application_token.expose_secret(), "the new token");
    let tokens = stored.access.tokens().unwrap();
    assert_eq!(tokens.access.expose_secret(), "new access");
    program.engine.stop(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_renewal_that_is_under_way_does_not_undo_an_uninstallation() {
    let program = Program::start().await;
    let renewed = program.renew();
    program.slow.until_held().await;
    program.uninstalled().await;
    sleep(Duration::from_millis(200)).await; // it could be removed meanwhile
    program.slow.released.add_permits(2);
    renewed.await.unwrap();
    until("the portal to be removed", || {
        program.engine.portals().is_empty()
    })
    .await;
    assert!(program.stored().await.is_none());
}

#[tokio::test]
async fn an_installation_during_an_uninstallation_is_not_undone() {
    let program = Program::start().await;
    program.uninstalled().await;
    program.slow.until_held().await;
    program.install().await.unwrap();
    program.slow.released.add_permits(1);
    until("the event", || program.engine.waiting().0 == 0).await;
    assert_eq!(program.engine.portals().len(), 1);
    let stored = program.stored().await.unwrap();
    assert_eq!(stored.application_token.expose_secret(), "the new token");
}
