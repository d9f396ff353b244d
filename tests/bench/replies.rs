//! Replies per second through one portal with a full bucket, over the whole road: in batches, and
//! one by one.
//!
//! The portal is the emulated one with its limit of 2 a second and 50 at once, in real time.
//! Replies that contain a batch reference are sent one by one.

use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::{Emulator, Options};
use imbot::engine::Engine;
use imbot::portal::Plan;
use tokio::time::{Instant, sleep};

use super::row;
use super::talk::installed;

const CHATS: usize = 200;
/// Messages in each chat, so that no chat runs out of them.
const MESSAGES: usize = 12;
/// After this time the bucket is full.
const WARM: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(12);
const ANN: u64 = 1;

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (together, first) = runtime.block_on(replies_per_second("a reply"));
    let (alone, second) = runtime.block_on(replies_per_second("a reply that holds $result"));
    let refused = first + second;
    let measured =
        format!("{together:.1} a second, one by one {alone:.1}; refused by the portal: {refused}");
    row(
        "replies per second through one portal with a full bucket, in batches to one by one",
        &measured,
        together / alone,
        "at least 20",
    );
}

/// Replies per second, and how many requests the portal refused.
async fn replies_per_second(text: &str) -> (f64, u64) {
    let (portal, engine) = road().await;
    let bot = portal.bot("echo").unwrap();
    let chats: Vec<String> = (0..CHATS)
        .map(|n| {
            portal
                .group(ANN, &format!("Chat {n}"), &[ANN, bot])
                .unwrap()
        })
        .collect();
    let begin = Instant::now();
    for number in 0..MESSAGES {
        for chat in &chats {
            let said = format!("[USER={bot}]Echo[/USER] {text} {number}");
            portal.send(ANN, chat, &said).unwrap();
        }
    }
    sleep(WARM.saturating_sub(begin.elapsed())).await;
    let replies = || {
        let of_bot = |chat: &String| {
            let said = portal.history(ANN, chat);
            said.iter()
                .filter(|message| message["author"] == bot)
                .count()
        };
        chats.iter().map(of_bot).sum::<usize>()
    };
    let (before, begin) = (replies(), Instant::now());
    sleep(MEASURED).await;
    let (after, seconds) = (replies(), begin.elapsed().as_secs_f64());
    assert!(engine.waiting().1 > 0, "messages wait to the end");
    (
        (after - before) as f64 / seconds,
        portal.rate_counts().refused,
    )
}

/// A portal, and a bot on it.
async fn road() -> (Emulator, Arc<Engine>) {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    let portal = Emulator::start(options).await.unwrap();
    installed(portal, Plan::Standard).await
}
