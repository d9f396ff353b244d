//! Secrets appear in no log and in no `Debug` output, at the most verbose level.

use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::emulator::NewApp;
use imbot::prelude::*;
use imbot::store::{Inbox, Memory, Portals};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::net::TcpListener;
use tracing::Level;
use tracing_subscriber::util::SubscriberInitExt;

use super::stage::{ANN, portal, process, serve_in_background, until};

/// The log, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The token of an outgoing webhook.
const OUTGOING: &str = "51856fefc120afa4b628cc82d3935cce";
/// The secret that forwarded events are signed with.
const SIGNING: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The secret in the address of the receiver of forwarded events.
const RECEIVING: &str = "hidden-in-the-address-of-a-receiver";

/// A token that strangers guess.
const FORGED: &str = "f0f9cafe83f0f9cafe83f0f9cafe83f0";

type Notes = Arc<Mutex<Vec<String>>>;

/// Prints everything that it can access, and records the tokens of its events.
struct Babbler {
    shown: Notes,
    tokens: Notes,
}

impl Babbler {
    fn show(&self, seen: &dyn std::fmt::Debug, delivery: Option<&imbot::event::Delivery>) {
        let delivery = delivery.expect("no reminder");
        let mut shown = self.shown.lock().unwrap();
        shown.extend([format!("{seen:?}"), format!("{delivery:#?}")]);
        note_tokens(&self.tokens, delivery);
    }
}

impl Bot for Babbler {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("fail", "Fails")]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        self.show(&(&*cx, &message, cx.portal()), cx.delivery());
        cx.say("seen");
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        self.show(&(&*cx, &command), cx.delivery());
        let error = cx.call::<bool>("no.such.method").await.unwrap_err();
        Err(error.into())
    }
}

/// Records every value under a key that ends with `token`.
fn note_tokens(tokens: &Notes, delivery: &imbot::event::Delivery) {
    fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (key, field) in fields {
                    match field.as_str() {
                        Some(text) if key.ends_with("token") => found.push(text.to_owned()),
                        _ => walk(field, found),
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    walk(&delivery.root().to_json(), &mut tokens.lock().unwrap());
}

#[test]
fn no_secret_is_logged_or_printed() {
    let alone = process("e2e::secrets::everything_is_logged_and_printed").output();
    let alone = alone.unwrap();
    let output = String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.success(), "{output}");
}

#[tokio::test]
#[ignore = "the test above gives it a process of its own: its log would hold what other tests log"]
async fn everything_is_logged_and_printed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    subscriber.init(); // for the whole process, with the logs of libraries

    let (shown, tokens) = (Notes::default(), Notes::default());
    let portal = portal().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let mut config = Config::emulated(&portal, &credentials, &handler);
    config.attempts = 1;
    config.hook_token = vec![format!("{}:{OUTGOING}", portal.address()).into()];
    config.forward_secret = Some(SIGNING.into());
    let store = Arc::new(Memory::new());
    let hook = {
        let (shown, tokens) = (Arc::clone(&shown), Arc::clone(&tokens));
        move |event: HookEvent| {
            shown.lock().unwrap().push(format!("{event:?}"));
            note_tokens(&tokens, &event);
            std::future::ready(Ok(()))
        }
    };
    let app = App::new()
        .bot(Babbler {
            shown: Arc::clone(&shown),
            tokens: Arc::clone(&tokens),
        })
        .hook("ONAPPINSTALL", hook.clone())
        .hook("ONCRMDEALADD", hook)
        .forward(
            "ONCRMDEALADD",
            format!("http://127.0.0.1:1/?key={RECEIVING}"),
        )
        .shared_store(store.clone());
    shown.lock().unwrap().push(format!("{app:?} {config:?}"));
    let engine = app.engine(&config).unwrap();
    serve_in_background(&engine, listener);

    portal.install(&credentials.client_id).await.unwrap();
    until("the hook to be bound", || {
        portal.fire("ONCRMDEALADD", &json!({ "FIELDS": { "ID": 7 } })) > 0
    })
    .await;
    note_installations(&store, &tokens).await;
    portal.make_admin(2).unwrap();
    portal.open_app(2, &credentials.client_id).await.unwrap();
    while store.portals().await.unwrap()[0].spare.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    note_installations(&store, &tokens).await;
    portal.expire_tokens();
    portal.refuse(1, 503, "QUERY_LIMIT_EXCEEDED");
    let dialog = portal.bot("babbler").unwrap().to_string();
    let said = || portal.history(ANN, &dialog).len();
    portal.send(ANN, &dialog, "hello").unwrap();
    until("an answer", || said() == 2).await;
    portal.dismiss(ANN).unwrap();
    portal.send(ANN, &dialog, "/fail").unwrap();
    until("an apology", || said() == 4).await;
    note_installations(&store, &tokens).await;
    for broken in ["event=ONIMBOTMESSAGEADD", "a[b=c&%zz"] {
        let forged = format!("{broken}&auth[application_token]={FORGED}");
        let request = reqwest::Client::new().post(&handler).body(forged);
        request.send().await.unwrap();
    }
    post_guesses(&handler).await;
    let stored = (
        store.portals().await.unwrap(),
        store.waiting(None, None, 10).await.unwrap(),
    );
    let public = (&engine, &store, &credentials, &portal, stored);
    shown.lock().unwrap().push(format!("{public:?}"));
    portal.uninstall(&credentials.client_id, true).unwrap();
    until("the removal", || engine.portals().is_empty()).await;

    let secrets = {
        let mut secrets = tokens.lock().unwrap().clone();
        secrets.push(credentials.client_secret.clone());
        secrets.extend([OUTGOING, SIGNING, RECEIVING, FORGED].map(str::to_owned));
        secrets.sort();
        secrets.dedup();
        secrets
    };
    assert!(secrets.len() >= 6, "only {} are known", secrets.len());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE") && log.contains("installed"));
    let warnings = log.matches("who was probably dismissed").count();
    assert_eq!(warnings, 1, "the use of the spare tokens is logged once");
    for secret in &secrets {
        assert!(secret.len() > 20);
        for (place, text) in [
            ("the log", &log),
            ("Debug", &shown.lock().unwrap().join("\n")),
        ] {
            if let Some(at) = text.find(secret.as_str()) {
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                panic!("{place} holds a secret after: {}", &text[line..at]);
            }
        }
    }
}

/// Posts the guesses of strangers, which may be right: in events, installations and frames.
async fn post_guesses(handler: &str) {
    let client = reqwest::Client::new();
    let member = ("auth[member_id]", "bac1cd5c8940947a75e0d71b1a84e348");
    for event in ["ONIMBOTMESSAGEADD", "ONAPPUNINSTALL", "ONAPPINSTALL", "x\n"] {
        let guess = client.post(handler).form(&[
            ("event", event),
            member,
            ("auth[application_token]", FORGED),
            ("auth[refresh_token]", FORGED),
            ("auth[access_token]", FORGED),
        ]);
        assert_ne!(guess.send().await.unwrap().status(), 200);
    }
    for path in ["", "install", "connectors/x"] {
        let frame = client.post(format!("{handler}{path}")).form(&[
            ("member_id", "bac1cd5c8940947a75e0d71b1a84e348"),
            ("AUTH_ID", FORGED),
            ("REFRESH_ID", FORGED),
            ("APPLICATION_TOKEN", FORGED),
            ("PLACEMENT", "SETTING_CONNECTOR"),
            ("PLACEMENT_OPTIONS", "{\"CONNECTOR\":\"x\",\"LINE\":1}"),
        ]);
        frame.send().await.unwrap();
    }
}

async fn note_installations(store: &Memory, tokens: &Notes) {
    for installation in store.portals().await.unwrap() {
        let own = installation.access.tokens().unwrap();
        let secrets = [&own.access, &own.refresh, &installation.application_token];
        let spare = installation.spare.iter().map(|spare| &spare.tokens);
        let spare = spare.flat_map(|spare| [&spare.access, &spare.refresh]);
        let texts = secrets.into_iter().chain(spare);
        let texts = texts.map(|secret| secret.expose_secret().to_owned());
        tokens.lock().unwrap().extend(texts);
    }
}
