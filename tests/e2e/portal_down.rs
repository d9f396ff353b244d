//! Faults of one portal: not paid for, stopped, read-only, or without the application. Other
//! portals are not affected; messages wait or become dead letters, and the portal is used again
//! when it works.

use std::sync::Arc;
use std::time::Duration;

use imbot::Config;
use imbot::emulator::Emulator;
use imbot::engine::{Engine, START_PATIENCE};
use imbot::portal::PROBE_MAX;
use imbot::prelude::*;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::stage::{ANN, POLL, Setup, portal, texts, until};

/// More than the longest time for which a closed portal is not called.
const LATER: Duration = Duration::from_secs(61);

/// Repeats messages; those that begin with `wait` only when permitted.
#[derive(Clone)]
struct Slow {
    received: Arc<watch::Sender<usize>>,
    go: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self {
            received: Arc::default(),
            go: Arc::new(Semaphore::new(0)),
        }
    }

    async fn has_received(&self) {
        let mut received = self.received.subscribe();
        received.wait_for(|received| *received > 0).await.unwrap();
    }
}

impl Bot for Slow {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo")
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if message.text.starts_with("wait") {
            self.received.send_modify(|received| *received += 1);
            self.go.acquire().await?.forget();
        }
        cx.say(message.text);
        Ok(())
    }
}

/// One program with bots on a portal that is going to fail, and on another.
struct Two {
    failing: Emulator,
    working: Emulator,
    engine: Arc<Engine>,
    bot: Slow,
}

impl Two {
    async fn polled() -> Self {
        let (failing, working, bot) = (portal().await, portal().await, Slow::new());
        let mut config = Config::polling(&failing);
        config.portal.push(working.webhook_url().into());
        config.allow_host.push(working.address().to_string());
        (config.poll_quick, config.poll_slow) = (POLL, POLL);
        let engine = App::new().bot(bot.clone()).engine(&config).unwrap();
        engine.start().await.unwrap();
        assert!(engine.reconcile().await.is_empty());
        let two = Self {
            failing,
            working,
            engine,
            bot,
        };
        for portal in [&two.failing, &two.working] {
            write(portal, "hello");
            receives(portal, &["hello"]).await;
        }
        two
    }

    /// The fault begins while the bot is about to answer.
    async fn fails_before_it_answers(&self, status: u16, code: &str) {
        write(&self.failing, "wait");
        self.bot.has_received().await;
        self.failing.refuse(1_000, status, code);
        self.bot.go.add_permits(1);
        until("the refusal", || refused(&self.failing) > 0).await;
    }

    async fn dead(&self) -> Vec<String> {
        let dead = self.engine.store().dead_letters(None, 10).await.unwrap();
        dead.into_iter().map(|letter| letter.error).collect()
    }
}

fn write(portal: &Emulator, text: &str) {
    let dialog = portal.bot("echo").unwrap().to_string();
    portal.send(ANN, &dialog, text).unwrap();
}

fn messages_of(portal: &Emulator) -> Vec<Value> {
    let bot = portal.bot("echo").unwrap();
    let mut messages = portal.history(ANN, &bot.to_string());
    messages.retain(|message| message["author"] == bot);
    messages
}

async fn receives(portal: &Emulator, expected: &[&str]) {
    until(&format!("{expected:?}"), || {
        texts(&messages_of(portal)) == expected
    })
    .await;
}

/// The same, with the time passed in which the portal is not called.
async fn receives_later(portal: &Emulator, expected: &[&str]) {
    let end = Instant::now() + 300 * LATER;
    while texts(&messages_of(portal)) != expected {
        assert!(Instant::now() < end, "timed out waiting for {expected:?}");
        tokio::time::pause();
        tokio::time::advance(LATER).await;
        tokio::time::resume();
        sleep(Duration::from_millis(200)).await;
    }
}

/// Lets time pass in steps, each followed by a moment of work.
async fn pass(time: Duration) {
    const STEP: Duration = Duration::from_secs(5);
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::pause();
        tokio::time::advance(STEP).await;
        tokio::time::resume();
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn while_a_portal_is_away_one_call_tries_it_and_all_chats_are_answered_when_it_is_back() {
    const CHATS: usize = 12;
    const OUTAGE: Duration = Duration::from_secs(120);
    let bot = Slow::new();
    let setup = Setup::installed(App::new().bot(bot.clone())).await;
    let portal = &setup.portal;
    let echo = portal.bot("echo").unwrap();
    let groups: Vec<String> = (0..CHATS)
        .map(|_| portal.group(ANN, "Chat", &[ANN, echo]).unwrap())
        .collect();
    let write = |group: &str| {
        let text = format!("[USER={echo}]Echo[/USER] wait");
        portal.send(ANN, group, &text).unwrap();
    };
    groups.iter().for_each(|group| write(group));
    let mut received = bot.received.subscribe();
    let all = received.wait_for(|received| *received == CHATS).await;
    drop(all.unwrap());
    portal.redirect(10_000, "/auth/?backurl=/rest/");
    bot.go.add_permits(CHATS);
    until("all messages wait", || setup.engine.waiting() == (0, CHATS)).await;
    until("a try for each at most", || redirected(portal) >= 3).await;
    pass(OUTAGE).await;
    // Each chat may have tried once or twice before the portal counted as away.
    let (tries, probes) = (redirected(portal), OUTAGE.as_secs() / PROBE_MAX.as_secs());
    let most = 2 * CHATS + 4 + probes as usize + 2;
    assert!(tries <= most, "{tries} tries for {CHATS} chats, not {most}");
    portal.calm();
    pass(2 * PROBE_MAX).await; // the next probe, and the chats that it wakes
    until("the answers in all chats", || {
        let is_answered =
            |group: &String| portal.history(ANN, group).pop().unwrap()["author"] == echo;
        groups.iter().all(is_answered)
    })
    .await;
    until("nothing waits", || setup.engine.waiting() == (0, 0)).await;
}

#[tokio::test]
async fn a_chat_whose_own_call_was_refused_is_not_woken_by_the_answers_to_other_chats() {
    let setup = Setup::installed(App::new().bot(Slow::new())).await;
    let portal = &setup.portal;
    portal.refuse(3, 500, "INTERNAL_SERVER_ERROR"); // three failures, a pause of 16 s follows
    setup.write("echo", "mine");
    let refusals = || refused(portal) == 3;
    let end = Instant::now() + 10 * LATER;
    while !refusals() {
        assert!(Instant::now() < end, "timed out waiting for the refusals");
        pass(Duration::from_secs(1)).await;
    }
    let echo = portal.bot("echo").unwrap();
    let group = portal.group(ANN, "Chat", &[ANN, echo]).unwrap();
    let text = format!("[USER={echo}]Echo[/USER] other");
    portal.send(ANN, &group, &text).unwrap();
    until("the answer in the other chat", || {
        portal.history(ANN, &group).pop().unwrap()["author"] == echo
    })
    .await;
    until("only its own pause", || setup.engine.waiting() == (0, 1)).await;
    assert_eq!(
        messages_of(portal),
        [] as [Value; 0],
        "it waits for its own pause"
    );
    pass(Duration::from_secs(20)).await;
    setup.receives("echo", &["mine"]).await;
}

/// Returns the number of calls that a portal has refused.
fn refused(portal: &Emulator) -> usize {
    let traffic = portal.traffic_log();
    let calls = traffic
        .iter()
        .filter(|entry| entry["status"].as_u64() >= Some(400));
    calls.count()
}

#[tokio::test]
async fn messages_wait_for_a_portal_that_is_stopped_not_paid_for_or_lost_its_installing_user() {
    for (status, code) in [
        (401, "ACCESS_DENIED"),
        (401, "PAYMENT_REQUIRED"),
        (403, "PORTAL_DELETED"),
        (500, "PORTAL_DELETED"),
        (401, "authorization_error"),
    ] {
        let two = Two::polled().await;
        two.fails_before_it_answers(status, code).await;
        write(&two.working, "and you?");
        receives(&two.working, &["hello", "and you?"]).await;
        until("the message waits", || two.engine.waiting().1 == 1).await;
        sleep(Duration::from_millis(1_500)).await; // longer than the first pause of the sender
        let asked = refused(&two.failing);
        assert!(asked <= 3, "{code}: it is asked {asked} times");
        assert_eq!(two.dead().await, [""; 0], "{code}");
        two.failing.calm();
        receives_later(&two.failing, &["hello", "wait"]).await;
        write(&two.failing, "again");
        receives_later(&two.failing, &["hello", "wait", "again"]).await;
        assert_eq!(two.engine.waiting(), (0, 0), "{code}");
    }
}

#[tokio::test]
async fn messages_wait_while_a_gateway_redirects_to_a_login_page_or_in_a_loop() {
    for is_loop in [false, true] {
        let two = Two::polled().await;
        let to = if is_loop {
            format!(
                "{}imbot.v2.Chat.Message.send.json",
                two.failing.webhook_url()
            )
        } else {
            "/auth/?backurl=/rest/".to_owned()
        };
        write(&two.failing, "wait");
        two.bot.has_received().await;
        two.failing.redirect(1_000, &to);
        two.bot.go.add_permits(1);
        until("the message waits", || two.engine.waiting().1 == 1).await;
        let before = redirected(&two.failing);
        until("redirects", || redirected(&two.failing) > before).await;
        two.failing.calm();
        receives(&two.failing, &["hello", "wait"]).await;
        assert_eq!(two.dead().await, [""; 0], "{to}");
    }
}

/// Returns the number of calls that were redirected.
fn redirected(portal: &Emulator) -> usize {
    let traffic = portal.traffic_log();
    let calls = traffic.iter().filter(|entry| entry["status"] == 302);
    calls.count()
}

#[tokio::test]
async fn messages_refused_by_a_read_only_portal_are_sent_when_an_operator_retries_them() {
    let two = Two::polled().await;
    write(&two.failing, "wait");
    two.bot.has_received().await;
    // There is no known way to tell a read-only portal's refusal from that of a single chat.
    two.failing.refuse(1, 403, "ACCESS_DENIED");
    two.bot.go.add_permits(1);
    until("a dead letter", || two.engine.counts().dead.get() == 1).await;
    let dead = two.dead().await;
    assert!(
        dead[0].contains("refused with ACCESS_DENIED (403)"),
        "{dead:?}"
    );
    for portal in [&two.failing, &two.working] {
        write(portal, "and now?");
        receives(portal, &["hello", "and now?"]).await;
    }
    let store = two.engine.store();
    let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(store.revive(letter.id).await.unwrap());
    receives(&two.failing, &["hello", "and now?", "wait"]).await;
}

#[tokio::test]
async fn an_application_removed_without_an_event_is_reported_and_continues_after_reinstallation() {
    let bot = Slow::new();
    let setup = Setup::installed(App::new().bot(bot.clone())).await;
    setup.write("echo", "wait");
    bot.has_received().await;
    setup.portal.lose(10);
    setup
        .portal
        .uninstall(&setup.credentials.client_id, false)
        .unwrap();
    bot.go.add_permits(1);
    until("a dead letter", || setup.engine.counts().dead.get() == 1).await;
    let dead = setup.engine.store().dead_letters(None, 1).await.unwrap();
    assert!(
        dead[0]
            .error
            .contains("install the application on the portal again"),
        "{dead:?}"
    );
    let before = refused(&setup.portal);
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let error = portal
        .call::<Value>("profile", &Value::Null)
        .await
        .unwrap_err();
    assert!(error.is_access_revoked(), "{error}");
    assert_eq!(
        refused(&setup.portal),
        before,
        "it is not asked again and again"
    );
    setup.portal.calm();
    setup.install().await;
    setup.write("echo", "again");
    setup.receives("echo", &["again"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_long_for_an_unreachable_portal() {
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
    assert!(portal.busy() > 0, "it continues in the background");
}
