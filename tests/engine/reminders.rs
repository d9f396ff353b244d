//! Reminders come as turns of their chat: on time, once, and also after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imbot::prelude::*;
use imbot::store::{Clock, Memory, Operator, Portals, Time};

use super::stage::{MEMBER, Stage, TOKEN, message};
use imbot::store::contract::sample::installation;

/// Sets a reminder after the seconds in the message; any other text cancels the last one.
struct Alarm;

impl Bot<Option<ReminderId>> for Alarm {
    async fn message(&self, cx: &mut Context<Option<ReminderId>>, message: Message) -> Result {
        match message.text.parse::<u64>() {
            Ok(seconds) => {
                cx.state = Some(cx.remind(Duration::from_secs(seconds), (seconds, "tea"))?);
            }
            Err(_) if message.text == "fail" => {
                cx.remind(Duration::from_secs(1), (0, "never"))?;
                return Err(tell("no reminder"));
            }
            Err(_) => cx.state.take().map_or((), |reminder| cx.cancel(reminder)),
        }
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Option<ReminderId>>, reminder: Reminder) -> Result {
        let (seconds, what): (u64, String) = reminder.read()?;
        assert!(cx.delivery().is_none());
        cx.say(format!("{what} after {seconds} s"));
        Ok(())
    }
}

/// Reminds with the portal's language.
struct Polyglot;

impl Bot for Polyglot {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.remind(Duration::from_secs(1), ())?;
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context, _: Reminder) -> Result {
        cx.say(cx.language().unwrap_or("no language").to_owned());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_reminder_knows_the_portals_language() {
    let stage = Stage::with(App::new().bot(Polyglot)).await;
    let mut body = message("polyglot", "27", 1, "hallo");
    body["data"]["PARAMS"]["LANGUAGE"] = "de".into();
    stage.post(body).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(stage.sent.texts("27"), ["de"]);
}

async fn stage() -> Stage {
    Stage::with(App::new().bot(Alarm)).await
}

#[tokio::test(start_paused = true)]
async fn a_reminder_comes_once_when_it_is_due() {
    let stage = stage().await;
    stage.post(message("alarm", "27", 1, "90")).await;
    stage.post(message("alarm", "27", 2, "5")).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(stage.sent.texts("27").is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.sent.texts("27"), ["tea after 5 s"]);
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(stage.sent.texts("27"), ["tea after 5 s", "tea after 90 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_reminder_and_one_of_a_failed_turn_do_not_come() {
    let stage = stage().await;
    for (id, text) in [(1, "60"), (2, "cancel"), (3, "fail")] {
        stage.post(message("alarm", "27", id, text)).await;
    }
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!(stage.sent.texts("27"), ["no reminder"]);
}

#[tokio::test(start_paused = true)]
async fn a_reminder_that_was_due_while_stopped_comes_once_after_the_restart() {
    let first = stage().await;
    first.post(message("alarm", "27", 1, "30")).await;
    first.until_idle().await;
    first.engine.stop(Duration::from_secs(1)).await;
    let store = first.store;
    drop((first.engine, first.sent));
    tokio::time::sleep(Duration::from_secs(300)).await;
    let second = Stage::on(App::new().bot(Alarm), store.clone()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(second.sent.texts("27"), ["tea after 30 s"]);
    assert_eq!(store.status().await.unwrap().reminders, 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_neither_loses_nor_repeats_a_reminder() {
    const HOUR: u64 = 60 * 60 * 1_000;
    let now = Arc::new(AtomicU64::new(100 * HOUR));
    let clock = {
        let now = Arc::clone(&now);
        Clock::new(move || Time(now.load(Ordering::Relaxed)))
    };
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    let stage = Stage::with_clock(clock, App::new().bot(Alarm), store).await;
    stage.post(message("alarm", "27", 1, "3600")).await;
    stage.until_idle().await;
    let check = Duration::from_secs(90); // the clock is checked once a minute
    now.store(76 * HOUR, Ordering::Relaxed); // a day back
    tokio::time::sleep(check).await;
    assert!(stage.sent.texts("27").is_empty());
    stage.post(message("alarm", "27", 2, "60")).await;
    tokio::time::sleep(check).await;
    now.store(77 * HOUR, Ordering::Relaxed);
    tokio::time::sleep(check).await;
    assert_eq!(stage.sent.texts("27"), ["tea after 60 s"]);
    now.store(200 * HOUR, Ordering::Relaxed); // days ahead
    tokio::time::sleep(check).await;
    now.store(100 * HOUR, Ordering::Relaxed);
    tokio::time::sleep(check).await;
    assert_eq!(
        stage.sent.texts("27"),
        ["tea after 60 s", "tea after 3600 s"]
    );
}
