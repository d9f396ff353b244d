//! A failed event is retried, in order, and in the end becomes a dead letter; a failed attempt
//! changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imbot::engine::{ATTEMPTS_MAX, PAUSE_MAX};
use imbot::event::MessageId;
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

const WAIT: &str = "This takes longer than usual. Please wait, I will try again.";
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
        WAIT,
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
        [WAIT, SORRY, "next at attempt 1", "state 1"]
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
    assert_eq!(stage.sent.texts("27"), [WAIT, SORRY, WAIT, SORRY]);
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
        assert_eq!(stage.sent.texts("27"), [WAIT, SORRY]);
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
            &[WAIT, SORRY, WAIT, SORRY] // it failed again, so the chat is blocked again
        } else {
            &[WAIT, SORRY, "behind at attempt 1", "state 1"]
        };
        assert_eq!(said, expected, "retried: {retry}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_kills_the_process_is_counted() {
    let first = Stage::with(App::new().bot(Shaky::default())).await;
    first.engine.stop(Duration::ZERO).await; // so that nothing is handled
    first.post(message("shaky", "27", 1, "fine")).await;
    let (event, _) = first.store.waiting(None, None, 1).await.unwrap()[0].clone();
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

/// Fails in the way that the message names, and counts its attempts.
#[derive(Clone, Default)]
struct Clumsy(Arc<AtomicU32>);

impl Bot for Clumsy {
    fn profile(&self) -> Profile {
        Profile::new("clumsy", "Clumsy")
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        match message.text.as_str() {
            "long" => drop(cx.say("word ".repeat(5_000))),
            "empty" => drop(cx.say(" ")),
            "tel" => drop(
                cx.say("Call us")
                    .keyboard(Button::link("Call", "tel:+49301234")),
            ),
            "late reply" => drop(cx.message(MessageId(1)).reply_to(message.id)),
            "permanent" => return Err(Error::permanent("no such date")),
            "empty tell" => return Err(tell(" ")),
            "long tell" => return Err(tell("word ".repeat(5_000))),
            typed => {
                let number: u32 = typed.parse()?;
                cx.say(format!("{number} it is"));
            }
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_pass_is_not_retried_and_the_user_gets_the_apology_at_once() {
    for wrong in [
        "long",
        "empty",
        "tel",
        "late reply",
        "permanent",
        "empty tell",
        "two",
    ] {
        let clumsy = Clumsy::default();
        let stage = Stage::with(App::new().bot(clumsy.clone())).await;
        stage.post(message("clumsy", "27", 1, wrong)).await;
        stage.post(message("clumsy", "27", 2, "2")).await;
        stage.until_idle().await;
        assert_eq!(stage.sent.texts("27"), [SORRY, "2 it is"], "{wrong}");
        assert_eq!(clumsy.0.load(Ordering::Relaxed), 2, "{wrong}");
        let dead = stage.store.dead_letters(None, 10).await.unwrap();
        assert_eq!((dead.len(), dead[0].attempts), (1, 1), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_of_a_message_is_sent_in_parts() {
    let stage = Stage::with(App::new().bot(Clumsy::default())).await;
    stage.post(message("clumsy", "27", 1, "long tell")).await;
    stage.until_idle().await;
    let texts = stage.sent.texts("27");
    assert_eq!(texts.len(), 2);
    assert_eq!(texts.join(" "), "word ".repeat(5_000).trim_end());
    assert!(stage.store.dead_letters(None, 10).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_not_called_again_after_an_error_that_cannot_pass() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let app = App::new().hook("ONCRMDEALADD", move |_: HookEvent| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(Error::permanent("no such deal")))
    });
    let stage = Stage::with(app).await;
    let deal = serde_json::json!({ "FIELDS": { "ID": 7 } });
    let event =
        serde_json::json!({ "event": "ONCRMDEALADD", "data": deal, "auth": super::stage::auth() });
    stage.post(event).await;
    stage.until_idle().await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(stage.store.dead_letters(None, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_is_announced_once_and_only_to_a_person_who_waits() {
    let stage = Stage::with(App::new().bot(Shaky::default())).await;
    stage.post(message("shaky", "27", 1, "4")).await;
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27"), [WAIT, "4 at attempt 5", "state 1"]);
    let stage = Stage::with(App::new().bot(Unlucky)).await;
    let joined = serde_json::json!({ "DIALOG_ID": "27", "USER_ID": 27, "CHAT_TYPE": "P" });
    stage
        .post(super::stage::event("ONIMBOTJOINCHAT", "unlucky", joined))
        .await;
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("27"), [SORRY]);
}

/// Fails when it joins.
struct Unlucky;

impl Bot for Unlucky {
    fn profile(&self) -> Profile {
        Profile::new("unlucky", "Unlucky")
    }

    async fn join(&self, _: &mut Context, _: Join) -> Result {
        Err(Error::failed("the warehouse does not answer"))
    }
}

#[tokio::test]
async fn a_long_text_is_sent_in_parts_if_the_bot_asks_for_it() {
    let stage = Stage::with(App::new().bot(Model)).await;
    stage.post(message("model", "27", 1, "tell me")).await;
    stage.until_idle().await;
    let texts = stage.sent.texts("27");
    assert_eq!(texts.len(), 2);
    assert!(
        texts
            .iter()
            .all(|text| text.starts_with("[b]") && text.ends_with("[/b]"))
    );
    assert_eq!(stage.engine.counts().failed.get(), 0);
}

/// Answers at length.
struct Model;

impl Bot for Model {
    fn profile(&self) -> Profile {
        Profile::new("model", "Model")
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say_long(format!("[b]{}[/b]", "A sentence. ".repeat(2_000)));
        Ok(())
    }
}

/// Refuses every call for now, until it is permitted.
#[derive(Clone, Debug, Default)]
struct Away(Arc<std::sync::atomic::AtomicUsize>);

impl imbot::engine::Transport for Away {
    fn send<'a>(
        &'a self,
        _: &'a imbot::portal::BotClient,
        _: &'a imbot::event::DialogId,
        _: imbot::store::Call<imbot::event::MessageId>,
        _: Option<imbot::engine::RepeatId>,
    ) -> std::pin::Pin<
        Box<
            dyn Future<Output = Result<Option<imbot::event::MessageId>, imbot::portal::Error>>
                + Send
                + 'a,
        >,
    > {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async { Err(imbot::portal::Error::refusal("QUERY_LIMIT_EXCEEDED", 503)) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_thirty_days_ahead_at_a_start_gives_up_no_waiting_call() {
    use std::sync::atomic::Ordering;

    use imbot::engine::SEND_PATIENCE_MIN;
    use imbot::store::{Clock, Memory, Operator, Portals, Time};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let store = Arc::new(Memory::new());
    let installation = imbot::store::contract::sample::installation;
    store
        .install(installation(super::stage::MEMBER, super::stage::TOKEN))
        .await
        .unwrap();
    let away = Away::default();
    let start = async |days_ahead: u32| {
        let began = tokio::time::Instant::now();
        let now = Time(1_771_940_028_000) + DAY * days_ahead;
        let engine = App::new()
            .bot(Repeater)
            .shared_store(store.clone())
            .transport(away.clone())
            .clock(Clock::new(move || now + began.elapsed()))
            .engine(&crate::support::offline::config())
            .unwrap();
        engine.start().await.unwrap();
        engine
    };
    let engine = start(0).await;
    let body = imbot::event::form::encode(&message("repeater", "27", 1, "hi"));
    engine.accept(bytes::Bytes::from(body)).await.unwrap();
    let tries = || away.0.load(Ordering::SeqCst);
    while tries() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(engine); // without a stop, as a process that is killed
    let before = tries();
    let engine = start(30).await;
    while tries() < before + 3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(store.dead_letters(None, 9).await.unwrap().len(), 0);
    }
    assert_eq!(engine.waiting().1, 1);
    tokio::time::sleep(2 * SEND_PATIENCE_MIN).await;
    let dead = store.dead_letters(None, 9).await.unwrap();
    assert_eq!(
        dead.len(),
        1,
        "it is given up after it was tried for long enough"
    );
}

/// Repeats messages.
struct Repeater;

impl Bot for Repeater {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}
