//! A portal behind an inbound webhook is renamed: its bots and their conversations stay, whether or
//! not the operator changes the address in the settings.

use std::sync::{Arc, Mutex};

use imbot::Config;
use imbot::emulator::Emulator;
use imbot::engine::Engine;
use imbot::event::form;
use imbot::prelude::*;
use imbot::store::{Memory, Store};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::stage::{ANN, PATIENCE, POLL, portal_without_limit, serve_in_background, texts, until};

/// Counts messages in its state.
struct Counter;

impl Bot<u32> for Counter {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        cx.say(format!("{}: {}", cx.state, message.text));
        Ok(())
    }
}

/// A portal, its first and its second host, and the program's store.
struct Renamed {
    portal: Arc<Emulator>,
    hosts: [String; 2],
    store: Arc<dyn Store>,
}

impl Renamed {
    async fn new() -> Self {
        let portal = portal_without_limit().await;
        let new = format!("localhost:{}", portal.address().port());
        Self {
            hosts: [portal.address().to_string(), new],
            portal: Arc::new(portal),
            store: Arc::new(Memory::new()),
        }
    }

    fn rename(&self) {
        self.portal.rename(&self.hosts[1]);
    }

    /// The address of the webhook under one of the hosts.
    fn webhook(&self, host: usize) -> String {
        let code = self.portal.webhook_url();
        let (_, path) = code.split_once("/rest/").unwrap();
        format!("http://{}/rest/{path}", self.hosts[host])
    }

    /// The settings of a program that knows the portal under one of the hosts.
    fn config(&self, host: usize) -> Config {
        let mut config = Config::polling(&self.portal);
        config.portal = vec![self.webhook(host).into()];
        config.allow_host = self.hosts.to_vec();
        (config.poll_quick, config.poll_slow) = (POLL, POLL);
        config
    }

    /// Starts a program with these settings on the store.
    async fn start(&self, app: App, config: &Config) -> Arc<Engine> {
        let app = app.shared_store(Arc::clone(&self.store));
        let engine = app.engine(config).unwrap();
        engine.start().await.unwrap();
        let refused = engine.reconcile().await;
        assert!(refused.is_empty(), "{refused:?}");
        engine
    }

    /// Starts a program whose events are posted.
    async fn start_posted(&self, host: usize) -> Arc<Engine> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = self.config(host);
        config.public_url = Some(format!("http://{}/", listener.local_addr().unwrap()));
        let engine = self.start(App::new().bot(Counter), &config).await;
        serve_in_background(&engine, listener);
        engine
    }

    /// Writes to the bot, and waits for an answer that ends like this.
    async fn answers(&self, text: &str, expected: &str) {
        let bot = self.portal.bot("counter").unwrap();
        self.portal.send(ANN, &bot.to_string(), text).unwrap();
        until(expected, || {
            let mut messages = self.portal.history(ANN, &bot.to_string());
            messages.retain(|message| message["author"] == bot);
            let last = texts(&messages).last().copied().unwrap_or_default();
            last.ends_with(expected)
        })
        .await;
    }
}

/// Stops a program.
async fn stop(engine: Arc<Engine>) {
    assert!(engine.stop(PATIENCE).await);
}

#[tokio::test]
async fn a_renamed_portal_keeps_its_polled_bots_and_their_conversations() {
    let renamed = Renamed::new().await;
    let app = || App::new().bot(Counter);
    let engine = renamed.start(app(), &renamed.config(0)).await;
    renamed.answers("before", "1: before").await;
    renamed.rename();
    renamed.answers("after", "2: after").await;
    let name = engine.portals();
    stop(engine).await;
    for (host, text) in [(0, "old address"), (1, "new address"), (1, "again")] {
        let engine = renamed.start(app(), &renamed.config(host)).await;
        let count = ["old address", "new address", "again"]
            .iter()
            .position(|other| *other == text)
            .unwrap()
            + 3;
        renamed.answers(text, &format!("{count}: {text}")).await;
        assert_eq!(engine.portals(), name, "one portal, under its first name");
        stop(engine).await;
    }
}

#[tokio::test]
async fn a_renamed_portal_keeps_its_bots_without_the_store() {
    let mut renamed = Renamed::new().await;
    let app = || App::new().bot(Counter);
    let engine = renamed.start(app(), &renamed.config(0)).await;
    renamed.answers("before", "1: before").await;
    stop(engine).await;
    renamed.rename();
    renamed.store = Arc::new(Memory::new());
    let engine = renamed.start(app(), &renamed.config(1)).await;
    renamed.answers("after", ": after").await; // the state is lost with the store
    stop(engine).await;
}

#[tokio::test]
async fn events_posted_by_a_renamed_portal_are_accepted() {
    let renamed = Renamed::new().await;
    let engine = renamed.start_posted(0).await;
    renamed.answers("before", "1: before").await;
    renamed.rename();
    renamed.answers("after", "2: after").await;
    assert_eq!(engine.counts().unproven.get(), 0);
    stop(engine).await;
    for (host, expected) in [(0, "3: restarted"), (1, "4: restarted")] {
        let engine = renamed.start_posted(host).await;
        renamed.answers("restarted", expected).await;
        stop(engine).await;
    }
}

#[tokio::test]
async fn events_of_a_v1_bot_posted_by_a_renamed_portal_are_accepted() {
    struct V1;
    impl Bot for V1 {
        fn profile(&self) -> Profile {
            Profile::new("counter", "Counter").api(Api::V1)
        }
        async fn message(&self, cx: &mut Context, message: Message) -> Result {
            cx.say(message.text);
            Ok(())
        }
    }
    let renamed = Renamed::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = renamed.config(0);
    config.public_url = Some(format!("http://{}/", listener.local_addr().unwrap()));
    let engine = renamed.start(App::new().bot(V1), &config).await;
    serve_in_background(&engine, listener);
    renamed.answers("before", "before").await;
    renamed.rename();
    renamed.answers("after", "after").await;
    stop(engine).await;
}

#[tokio::test]
async fn an_outgoing_webhook_of_a_renamed_portal_is_accepted_under_either_host() {
    const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";
    for (portal, token) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let renamed = Renamed::new().await;
        // The program has run before the portal was renamed.
        stop(
            renamed
                .start(App::new().bot(Counter), &renamed.config(0))
                .await,
        )
        .await;
        renamed.rename();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let sees = Arc::clone(&seen);
        let hook = move |event: HookEvent| {
            sees.lock().unwrap().push(event.name.to_string());
            std::future::ready(Ok(()))
        };
        let mut config = renamed.config(portal);
        config.hook_token = vec![format!("{}:{TOKEN}", renamed.hosts[token]).into()];
        let engine = renamed
            .start(App::new().hook("ONCRM*", hook), &config)
            .await;
        let deal = |domain: &str, token: &str| {
            let body = json!({
                "event": "ONCRMDEALADD",
                "data": { "FIELDS": { "ID": 7 } },
                "ts": 1,
                "auth": { "domain": domain, "application_token": token },
            });
            form::encode(&body).into()
        };
        engine.accept(deal(&renamed.hosts[1], TOKEN)).await.unwrap();
        until("the deal", || *seen.lock().unwrap() == ["ONCRMDEALADD"]).await;
        let forged = "51856fefc120afa4b628cc82d3935ccf";
        engine
            .accept(deal(&renamed.hosts[1], forged))
            .await
            .unwrap_err();
        stop(engine).await;
    }
}

#[tokio::test]
async fn bots_that_version_0_1_registered_are_found_before_and_after_the_portal_is_renamed() {
    for is_renamed in [false, true] {
        let renamed = Renamed::new().await;
        let webhook = renamed.webhook(0);
        let code = webhook.trim_end_matches('/').rsplit('/').next().unwrap();
        let text = format!("imbot {} {code}", renamed.hosts[0]);
        let token = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes());
        let register = json!({ "fields": {
            "code": "counter",
            "botToken": token.simple().to_string(),
            "eventMode": "fetch",
            "properties": { "name": "Counter" },
        } });
        let address = format!("{webhook}imbot.v2.Bot.register.json");
        let answer = reqwest::Client::new().post(address).json(&register).send();
        let answer: Value = answer.await.unwrap().json().await.unwrap();
        assert!(answer["result"]["bot"]["id"].is_u64(), "{answer}");
        if is_renamed {
            renamed.rename(); // and the operator does not change the address
        }
        let app = || App::new().bot(Counter);
        let engine = renamed.start(app(), &renamed.config(0)).await;
        renamed.answers("hello", "1: hello").await;
        stop(engine).await;
        let engine = renamed.start(app(), &renamed.config(0)).await;
        renamed.answers("again", "2: again").await;
        stop(engine).await;
    }
}

#[tokio::test]
async fn a_bot_of_another_webhook_is_refused_with_advice() {
    let renamed = Renamed::new().await;
    stop(
        renamed
            .start(App::new().bot(Counter), &renamed.config(0))
            .await,
    )
    .await;
    renamed.portal.revoke_webhook(); // another webhook, and another store
    let mut config = renamed.config(0);
    config.portal = vec![renamed.portal.webhook_url().into()];
    let engine = App::new().bot(Counter).engine(&config).unwrap();
    engine.start().await.unwrap();
    let refused = engine.reconcile().await;
    let error = refused[0].1.to_string();
    assert!(
        error.contains("BOT_OWNERSHIP_ERROR") && error.contains("`unregister`"),
        "{error}"
    );
}
