//! A clock that is wrong at a start, and right before and after.

use std::sync::Arc;
use std::time::Duration;

use imbot::App;
use imbot::engine::SWEEP_INTERVAL;
use imbot::prelude::{Bot, Context, Error, Message, Profile, Result};
use imbot::store::contract::sample::installation;
use imbot::store::{Clock, Limits, Memory, Operator, Portals, Time};
use tokio::time::{Instant, sleep};

use super::stage::{MEMBER, Stage, TOKEN, message};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Counts messages, and cannot handle "bad".
struct Counter;

impl Bot<u32> for Counter {
    fn profile(&self) -> Profile {
        Profile::new("counter", "Counter")
    }

    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        if message.text == "bad" {
            return Err(Error::permanent("bad"));
        }
        cx.state += 1;
        cx.say(cx.state.to_string());
        Ok(())
    }
}

/// Starts a process whose clock is this much ahead. It keeps dead letters and idle conversations
/// for 20 days.
async fn start(store: &Arc<Memory>, days_ahead: u32) -> Stage {
    let began = Instant::now();
    let now = Time(1_771_940_028_000) + DAY * days_ahead;
    let mut limits = Limits::default();
    (limits.dead, limits.idle) = (20 * DAY, Some(20 * DAY));
    let clock = Clock::new(move || now + began.elapsed());
    let app = App::new().bot(Counter).limits(limits);
    Stage::with_clock(clock, app, Arc::clone(store)).await
}

/// Returns the numbers of dead letters and of conversations.
async fn stored(store: &Memory) -> (u64, u64) {
    let status = store.status().await.unwrap();
    (status.dead, status.conversations)
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_thirty_days_ahead_at_a_start_removes_nothing_that_is_new() {
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    let before = start(&store, 0).await;
    before.post(message("counter", "27", 1, "good")).await;
    before.post(message("counter", "28", 2, "bad")).await;
    before.until_idle().await;
    let kept = stored(&store).await;
    assert_eq!(kept.0, 1);
    let _ = before.engine.stop(Duration::ZERO).await;
    let ahead = start(&store, 30).await;
    for _ in 0..6 {
        sleep(SWEEP_INTERVAL + Duration::from_secs(1)).await;
        assert_eq!(stored(&store).await, kept);
    }
    ahead.post(message("counter", "27", 1, "good")).await;
    ahead.until_idle().await;
    assert!(ahead.sent.texts("27").is_empty(), "a repeat");
    let _ = ahead.engine.stop(Duration::ZERO).await;
    let after = start(&store, 0).await;
    after.post(message("counter", "27", 3, "good")).await;
    after.until_idle().await;
    assert_eq!(after.sent.texts("27"), ["2"], "the state is kept");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_removed_in_the_end_after_the_program_was_away_for_long() {
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    let before = start(&store, 0).await;
    before.post(message("counter", "28", 1, "bad")).await;
    before.until_idle().await;
    let _ = before.engine.stop(Duration::ZERO).await;
    let _long_after = start(&store, 30).await;
    let began = Instant::now();
    while stored(&store).await.0 > 0 {
        assert!(began.elapsed() < 2 * DAY, "a day in an hour");
        sleep(SWEEP_INTERVAL).await;
    }
}
