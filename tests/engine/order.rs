//! One chat's events are handled in the order accepted, chats in parallel, and a slow chat delays
//! only itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::engine::DECODED_MAX;
use imbot::prelude::*;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::stage::{Stage, message};

/// Sleeps for the milliseconds in the message, then repeats it.
struct Sleeper {
    running: Arc<Mutex<Vec<DialogId>>>,
}

impl Sleeper {
    fn app() -> App {
        App::new().bot(Sleeper {
            running: Arc::default(),
        })
    }
}

impl Bot<Vec<String>> for Sleeper {
    async fn message(&self, cx: &mut Context<Vec<String>>, message: Message) -> Result {
        let dialog = cx.dialog().clone();
        {
            let mut running = self.running.lock().unwrap();
            assert!(!running.contains(&dialog), "two events of one chat at once");
            running.push(dialog.clone());
        }
        let pause = message
            .text
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or(0);
        sleep(Duration::from_millis(pause)).await;
        cx.state.push(message.text.clone());
        cx.say(message.text);
        self.running
            .lock()
            .unwrap()
            .retain(|other| *other != dialog);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn answers_keep_the_order_of_their_chat(script in prop::collection::vec((1u64..5, 0u64..50, 0u64..20), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let stage = Stage::with(Sleeper::app()).await;
            let mut expected = vec![Vec::new(); 5];
            for (id, (chat, pause, gap)) in script.into_iter().enumerate() {
                let text = format!("{pause} #{id}");
                stage.post(message("sleeper", &chat.to_string(), id as u64 + 1, &text)).await;
                expected[chat as usize].push(text);
                sleep(Duration::from_millis(gap)).await;
            }
            stage.until_idle().await;
            for (chat, texts) in expected.iter().enumerate().skip(1) {
                assert_eq!(&stage.sent.texts(&chat.to_string()), texts);
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_chat_delays_only_itself() {
    let stage = Stage::with(Sleeper::app()).await;
    let start = Instant::now();
    stage.post(message("sleeper", "1", 1, "30000 slow")).await;
    stage.post(message("sleeper", "1", 2, "0 behind it")).await;
    for id in 0..500 {
        stage
            .post(message(
                "sleeper",
                &format!("chat{id}"),
                100 + id,
                "1 quick",
            ))
            .await;
    }
    sleep(Duration::from_millis(100)).await;
    assert_eq!(
        (0..500)
            .map(|id| stage.sent.texts(&format!("chat{id}")).len())
            .sum::<usize>(),
        500
    );
    assert_eq!(stage.sent.texts("1"), Vec::<String>::new());
    stage.until_idle().await;
    assert_eq!(stage.sent.texts("1"), ["30000 slow", "0 behind it"]);
    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_chat_with_many_waiting_events_keeps_its_order_and_refuses_nothing() {
    const MESSAGES: u64 = 3 * DECODED_MAX as u64;
    let stage = Stage::with(Sleeper::app()).await;
    for id in 1..=MESSAGES {
        stage
            .post(message("sleeper", "1", id, &format!("1 #{id}")))
            .await;
    }
    stage.until_idle().await;
    let expected: Vec<String> = (1..=MESSAGES).map(|id| format!("1 #{id}")).collect();
    assert!(stage.sent.texts("1") == expected);
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_continues_waiting_events_in_order() {
    let first = Stage::with(Sleeper::app()).await;
    first.post(message("sleeper", "1", 1, "10 before")).await;
    first.until_idle().await;
    for id in 2..6 {
        first
            .post(message("sleeper", "1", id, &format!("5000 #{id}")))
            .await;
    }
    assert!(
        !first.engine.stop(Duration::from_millis(100)).await,
        "the limit was too short for them"
    );
    let Stage {
        engine,
        sent,
        store,
    } = first;
    drop(engine);
    let second = Stage::on(Sleeper::app(), store).await;
    second.until_idle().await;
    let again = second.sent.texts("1");
    assert_eq!(sent.texts("1"), ["10 before"]);
    assert_eq!(again, ["5000 #2", "5000 #3", "5000 #4", "5000 #5"]);
}
