//! Hard days of one portal: not paid for, stopped, read-only, or without us. The others do not notice; what was to be said
//! there waits or is told, and it is talked to again when it is well.

use std::sync::Arc;
use std::time::Duration;

use imbot::Config;
use imbot::emulator::Emulator;
use imbot::engine::{Engine, START_PATIENCE};
use imbot::prelude::*;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::stage::{ANN, POLL, Setup, portal, texts, until};

/// How long a portal that is closed is not asked, at most, and some more.
const LATER: Duration = Duration::from_secs(61);

/// Repeats what it hears; what begins with `wait`, when it is let.
#[derive(Clone)]
struct Slow {
    heard: Arc<watch::Sender<usize>>,
    go: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Slow {
        Slow {
            heard: Arc::default(),
            go: Arc::new(Semaphore::new(0)),
        }
    }

    async fn has_heard(&self) {
        let mut heard = self.heard.subscribe();
        heard.wait_for(|heard| *heard > 0).await.unwrap();
    }
}

impl Bot for Slow {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo")
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if message.text.starts_with("wait") {
            self.heard.send_modify(|heard| *heard += 1);
            self.go.acquire().await?.forget();
        }
        cx.say(message.text);
        Ok(())
    }
}

/// One program with bots on a portal that will have a hard day, and on another.
struct Two {
    ill: Emulator,
    well: Emulator,
    engine: Arc<Engine>,
    bot: Slow,
}

impl Two {
    async fn polled() -> Two {
        let (ill, well, bot) = (portal().await, portal().await, Slow::new());
        let mut config = Config::polling(&ill);
        config.portal.push(well.webhook_url().into());
        config.allow_host.push(well.address().to_string());
        (config.poll_quick, config.poll_slow) = (POLL, POLL);
        let engine = App::new().bot(bot.clone()).engine(&config).unwrap();
        engine.start().await.unwrap();
        assert!(engine.reconcile().await.is_empty());
        let two = Two {
            ill,
            well,
            engine,
            bot,
        };
        for portal in [&two.ill, &two.well] {
            tell(portal, "hello");
            hears(portal, &["hello"]).await;
        }
        two
    }

    /// The day begins while the bot is about to answer.
    async fn falls_ill_before_it_answers(&self, status: u16, code: &str) {
        tell(&self.ill, "wait");
        self.bot.has_heard().await;
        self.ill.refuse(1_000, status, code);
        self.bot.go.add_permits(1);
        until("the refusal", || refused(&self.ill) > 0).await;
    }

    async fn dead(&self) -> Vec<String> {
        let dead = self.engine.store().dead(None, 10).await.unwrap();
        dead.into_iter().map(|letter| letter.error).collect()
    }
}

fn tell(portal: &Emulator, text: &str) {
    let dialog = portal.bot("echo").unwrap().to_string();
    portal.send(ANN, &dialog, text).unwrap();
}

fn said(portal: &Emulator) -> Vec<Value> {
    let bot = portal.bot("echo").unwrap();
    let mut messages = portal.history(ANN, &bot.to_string());
    messages.retain(|message| message["author"] == bot);
    messages
}

async fn hears(portal: &Emulator, expected: &[&str]) {
    until(&format!("{expected:?}"), || {
        texts(&said(portal)) == expected
    })
    .await;
}

/// The same, when the minutes pass in which it is not asked.
async fn hears_later(portal: &Emulator, expected: &[&str]) {
    let end = Instant::now() + 300 * LATER;
    while texts(&said(portal)) != expected {
        assert!(Instant::now() < end, "waited in vain for {expected:?}");
        tokio::time::pause();
        tokio::time::advance(LATER).await;
        tokio::time::resume();
        sleep(Duration::from_millis(200)).await;
    }
}

/// How many calls a portal has refused.
fn refused(portal: &Emulator) -> usize {
    let traffic = portal.traffic_log();
    let calls = traffic
        .iter()
        .filter(|entry| entry["status"].as_u64() >= Some(400));
    calls.count()
}

#[tokio::test]
async fn what_is_to_be_said_waits_for_a_portal_that_is_stopped_or_not_paid_for() {
    for (status, code) in [
        (401, "ACCESS_DENIED"),
        (401, "PAYMENT_REQUIRED"),
        (403, "PORTAL_DELETED"),
        (500, "PORTAL_DELETED"),
    ] {
        let two = Two::polled().await;
        two.falls_ill_before_it_answers(status, code).await;
        tell(&two.well, "and you?");
        hears(&two.well, &["hello", "and you?"]).await;
        until("the message waits", || two.engine.waiting().1 == 1).await;
        sleep(Duration::from_millis(1_500)).await; // longer than the first pause of the sender
        let asked = refused(&two.ill);
        assert!(asked <= 3, "{code}: it is asked {asked} times");
        assert_eq!(two.dead().await, [""; 0], "{code}");
        two.ill.calm();
        hears_later(&two.ill, &["hello", "wait"]).await;
        tell(&two.ill, "again");
        hears_later(&two.ill, &["hello", "wait", "again"]).await;
        assert_eq!(two.engine.waiting(), (0, 0), "{code}");
    }
}

#[tokio::test]
async fn what_a_read_only_portal_refuses_is_told_and_sent_when_an_operator_says_so() {
    let two = Two::polled().await;
    tell(&two.ill, "wait");
    two.bot.has_heard().await;
    // Nothing that we know tells a portal's refusal to write from that of one chat.
    two.ill.refuse(1, 403, "ACCESS_DENIED");
    two.bot.go.add_permits(1);
    until("a dead letter", || two.engine.counts().dead.get() == 1).await;
    let dead = two.dead().await;
    assert!(
        dead[0].contains("refused with ACCESS_DENIED (403)"),
        "{dead:?}"
    );
    for portal in [&two.ill, &two.well] {
        tell(portal, "and now?");
        hears(portal, &["hello", "and now?"]).await;
    }
    let store = two.engine.store();
    let letter = store.dead(None, 1).await.unwrap().remove(0);
    assert!(store.revive(letter.id).await.unwrap());
    hears(&two.ill, &["hello", "and now?", "wait"]).await;
}

#[tokio::test]
async fn an_application_that_was_removed_without_a_word_is_told_and_goes_on_when_it_is_installed_again()
 {
    let bot = Slow::new();
    let road = Setup::to(App::new().bot(bot.clone())).await;
    road.tell("echo", "wait");
    bot.has_heard().await;
    road.portal.lose(10);
    road.portal
        .uninstall(&road.credentials.client_id, false)
        .unwrap();
    bot.go.add_permits(1);
    until("a dead letter", || road.engine.counts().dead.get() == 1).await;
    let dead = road.engine.store().dead(None, 1).await.unwrap();
    assert!(
        dead[0]
            .error
            .contains("install the application on the portal again"),
        "{dead:?}"
    );
    let before = refused(&road.portal);
    let portal = road.engine.portal(&road.engine.portals()[0]).unwrap();
    let error = portal
        .call::<Value>("profile", &Value::Null)
        .await
        .unwrap_err();
    assert!(error.is_access_revoked(), "{error}");
    assert_eq!(
        refused(&road.portal),
        before,
        "it is not asked again and again"
    );
    road.portal.calm();
    road.install().await;
    road.tell("echo", "again");
    road.hears("echo", &["again"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_long_for_a_portal_that_is_away() {
    const NOWHERE: &str = "127.0.0.1:9";
    let mut config = Config::default();
    config.portal = vec![format!("http://{NOWHERE}/rest/1/abcdef123/").into()];
    config.allow_host = vec![NOWHERE.to_owned()];
    let engine = App::new().bot(Slow::new()).engine(&config).unwrap();
    engine.start().await.unwrap();
    let began = Instant::now();
    let refused = engine.reconcile().await;
    assert!(refused.is_empty(), "it may come back: {refused:?}");
    let took = began.elapsed();
    assert!(
        took >= START_PATIENCE && took < 2 * START_PATIENCE,
        "{took:?}"
    );
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    assert!(portal.busy() > 0, "it goes on beside");
}
