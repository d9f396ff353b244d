//! A failed event is retried, in order, and in the end becomes a dead letter; a failed attempt
//! changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imbot::engine::{ATTEMPTS_MAX, PAUSE_MAX};
use imbot::prelude::*;
use imbot::store::{DeadWhat, Inbox, Operator, OrderingKey, Turns};
use tokio::time::Instant;

use super::stage::{Stage, message};

/// Fails the number of times in the message, and counts the messages that it handled.
#[derive(Clone, Default)]
struct Shaky {
    waits: bool,
    tries: Arc<AtomicU32>,
}

impl Bot<u32> for Shaky {
    fn profile(&self) -> Profile {
        let profile = Profile::new("shaky", "Shaky");
        if self.waits {
            profile.blocks_after_failure()
        } else {
            profile
        }
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        cx.say(format!("{} at attempt {}", message.text, cx.attempt()));
        let failures: u32 = message.text.parse().unwrap_or(0);
        self.tries.fetch_add(1, Ordering::Relaxed);
        if cx.attempt() <= failures {
            Err("the warehouse does not answer")?;
        }
        cx.say(format!("state {}", cx.state));
        Ok(())
    }
}

const SORRY: &str = "Sorry, that did not work. The error has been noted.";

#[tokio::test(start_paused = true)]
async fn a_failed_turn_is_retried_with_growing_pauses_while_only_its_chat_waits() {
    let stage = Stage::with(App::new().bot(Shaky::default())).await;
    let start = Instant::now();
    stage.post(message("shaky", "27", 1, "3")).await;
    stage.post(message("shaky", "27", 2, "behind")).await;
    stage.post(message("shaky", "28", 3, "elsewhere")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        stage.sent.texts("28"),
        ["elsewhere at attempt 1", "state 1"]
    );
    assert!(stage.sent.texts("27").is_empty());
    stage.until_idle().await;
    let expected = [
        "3 at attempt 4",
        "state 1",
        "behind at attempt 1",
        "state 2",
    ];
    assert_eq!(stage.sent.texts("27"), expected);
    let took = start.elapsed();
    let (least, most) = (Duration::from_secs(15), Duration::from_secs(22)); // 1 + 4 + 16 s, less a quarter
    assert!(took > least && took < most, "{took:?}");
    assert_eq!(stage.engine.counts().failed.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_bot_apologises_once_and_the_event_is_a_dead_letter() {
    let stage = Stage::with(App::new().bot(Shaky::default())).await;
    stage.post(message("shaky", "27", 1, "99")).await;
    stage.post(message("shaky", "27", 2, "next")).await;
    stage.until_idle().await;
    assert_eq!(
        stage.sent.texts("27"),
        [SORRY, "next at attempt 1", "state 1"]
    );
    let dead = stage.store.dead_letters(None, 10).await.unwrap();
    let [letter] = &dead[..] else {
        panic!("{dead:?}")
    };
    assert_eq!(letter.error, "the warehouse does not answer");
    assert_eq!((letter.attempts, letter.history.len()), (ATTEMPTS_MAX, 4));
    assert!(
        letter
            .history
            .iter()
            .all(|failure| failure.error == letter.error)
    );
    assert!(letter.history.is_sorted_by_key(|failure| failure.at));
    assert!(matches!(&letter.key, OrderingKey::Chat(chat) if chat.dialog.as_str() == "27"));
    assert!(matches!(letter.what, DeadWhat::Event { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_an_operator_retries_has_all_its_attempts_again() {
    let shaky = Shaky::default();
    let stage = Stage::with(App::new().bot(shaky.clone())).await;
    stage.post(message("shaky", "27", 1, "99")).await;
    stage.until_idle().await;
    let tried = shaky.tries.load(Ordering::Relaxed);
    let dead = stage.store.dead_letters(None, 10).await.unwrap();
    assert!(stage.store.revive(dead[0].id).await.unwrap());
    assert!(
        !stage.store.revive(dead[0].id).await.unwrap(),
        "it is not a dead letter any more"
    );
    tokio::time::sleep(Duration::from_secs(2)).await; // notices are read once a second
    stage.until_idle().await;
    assert_eq!(shaky.tries.load(Ordering::Relaxed), tried + ATTEMPTS_MAX);
    assert_eq!(stage.sent.texts("27"), [SORRY, SORRY]);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_chat_continues_when_an_operator_drops_or_retries_the_dead_letter() {
    for retry in [false, true] {
        let waits = Shaky {
            waits: true,
            ..Shaky::default()
        };
        let stage = Stage::with(App::new().bot(waits)).await;
        stage.post(message("shaky", "27", 1, "5")).await;
        stage.post(message("shaky", "27", 2, "behind")).await;
        stage.post(message("shaky", "28", 3, "elsewhere")).await;
        tokio::time::sleep(2 * PAUSE_MAX).await;
        assert_eq!(stage.sent.texts("27"), [SORRY]);
        assert_eq!(stage.sent.texts("28").len(), 2);
        let letter = stage.store.dead_letters(None, 10).await.unwrap()[0].id;
        let done = if retry {
            stage.store.revive(letter)
        } else {
            stage.store.drop_dead_letter(letter)
        };
        assert!(done.await.unwrap());
        tokio::time::sleep(2 * PAUSE_MAX).await;
        let said = stage.sent.texts("27");
        let expected: &[&str] = if retry {
            &[SORRY, SORRY] // it failed again, so the chat is blocked again
        } else {
            &[SORRY, "behind at attempt 1", "state 1"]
        };
        assert_eq!(said, expected, "retried: {retry}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_kills_the_process_is_counted() {
    let first = Stage::with(App::new().bot(Shaky::default())).await;
    first.engine.stop(Duration::ZERO).await; // so that nothing is handled
    first.post(message("shaky", "27", 1, "fine")).await;
    let (event, _) = first.store.waiting(None, 1).await.unwrap()[0].clone();
    for _ in 0..ATTEMPTS_MAX {
        first.store.begin(event, None).await.unwrap().unwrap(); // the process dies here
    }
    let second = Stage::on(App::new().bot(Shaky::default()), first.store).await;
    second.until_idle().await;
    assert!(second.sent.texts("27").is_empty());
    let dead = second.store.dead_letters(None, 10).await.unwrap();
    assert_eq!(
        dead[0].error,
        "the process ended during the last of 5 attempts"
    );
}
