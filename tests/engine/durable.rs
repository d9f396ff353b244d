//! An engine on the durable store, when the disk is full or the process ends.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::event::payload::crm;
use imbot::prelude::*;
use imbot::store::{Key, Operator, Portals, Sqlite, Upkeep};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stage::{MEMBER, Stage, TOKEN, auth, message};
use imbot::store::contract::sample::installation;

const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats messages with a number.
struct Count;

impl Bot<u32> for Count {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        cx.say(format!("{} {}", cx.state, message.text));
        Ok(())
    }
}

async fn stage(folder: &Path) -> Stage<Sqlite> {
    stage_of(App::new().bot(Count), folder).await
}

async fn stage_of(app: App, folder: &Path) -> Stage<Sqlite> {
    let file = folder.join("store.db");
    let key = Key::of(&file, folder.join("key")).unwrap();
    let store = Arc::new(Sqlite::open(file, &key).unwrap());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    Stage::on(app, store).await
}

async fn until_said(stage: &Stage<Sqlite>, replies: usize) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let said = stage.sent.texts("27");
        if said.len() >= replies {
            return said;
        }
        assert!(
            Instant::now() < end,
            "only {} of {replies} sent",
            said.len()
        );
        sleep(Duration::from_millis(5)).await;
    }
}

fn replies(messages: u64) -> Vec<String> {
    (1..=messages).map(|n| format!("{n} #{n}")).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_nothing_and_the_order_is_kept_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path()).await;
    stage.post(message("count", "27", 1, "#1")).await;
    until_said(&stage, 1).await;
    stage.store.limit_pages(1).await.unwrap(); // the file does not shrink, so it is full now
    for id in 2..=200 {
        let text = format!("#{id}");
        stage.post(message("count", "27", id, &text)).await;
    }
    stage.post(message("count", "27", 2, "#2")).await; // a repeat is recognised in the spool too
    let spooled = stage.store.status().await.unwrap().spooled;
    assert!(spooled > 0, "the disk was not full");
    stage.store.limit_pages(1_000_000).await.unwrap();
    // These arrive when there is room, and come behind the spooled ones.
    for id in 201..=400 {
        stage
            .post(message("count", "27", id, &format!("#{id}")))
            .await;
        sleep(Duration::from_millis(4)).await;
    }
    assert_eq!(until_said(&stage, 400).await, replies(400));
    assert_eq!(stage.store.status().await.unwrap().spooled, 0);
    assert_eq!(stage.engine.counts().refused.get(), 0);
}

#[tokio::test]
async fn events_accepted_after_a_stop_are_handled_in_order_by_the_next_engine() {
    let folder = tempfile::tempdir().unwrap();
    let first = stage(folder.path()).await;
    first.post(message("count", "27", 1, "#1")).await;
    until_said(&first, 1).await;
    assert!(first.engine.stop(PATIENCE).await);
    for id in 2..=50 {
        first
            .post(message("count", "27", id, &format!("#{id}")))
            .await;
    }
    assert_eq!(
        first.sent.texts("27").len(),
        1,
        "a stopped engine handles nothing"
    );
    first.store.close().await.unwrap();
    drop(first);
    let second = stage(folder.path()).await;
    // New events arrive while those are loaded.
    for id in 51..=60 {
        second
            .post(message("count", "27", id, &format!("#{id}")))
            .await;
    }
    assert_eq!(until_said(&second, 59).await, replies(60)[1..]);
}

#[tokio::test]
async fn the_next_process_retries_a_hooks_events_in_order_and_with_the_same_id() {
    type Seen = Arc<Mutex<Vec<(String, u64)>>>;
    let (first_seen, second_seen) = (Seen::default(), Seen::default());
    let hook = |seen: &Seen, works: bool| {
        let seen = Arc::clone(seen);
        move |event: HookEvent| {
            let deal = event.read::<crm::Item>().unwrap();
            seen.lock().unwrap().push((event.id().to_owned(), deal.id));
            std::future::ready(if works { Ok(()) } else { Err("not now".into()) })
        }
    };
    let until_seen = async |seen: &Seen, deals: usize| {
        let end = Instant::now() + PATIENCE;
        while seen.lock().unwrap().len() < deals {
            assert!(Instant::now() < end, "{:?}", seen.lock().unwrap());
            sleep(Duration::from_millis(5)).await;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let app = App::new().hook("ONCRMDEALADD", hook(&first_seen, false));
    let first = stage_of(app, folder.path()).await;
    for id in 1..=3 {
        let data = json!({ "FIELDS": { "ID": id } });
        let deal = json!({ "event": "ONCRMDEALADD", "data": data, "ts": 1, "auth": auth() });
        first.post(deal).await;
    }
    until_seen(&first_seen, 1).await;
    assert!(first.engine.stop(PATIENCE).await);
    first.store.close().await.unwrap();
    drop(first);
    let app = App::new().hook("ONCRMDEALADD", hook(&second_seen, true));
    let _second = stage_of(app, folder.path()).await;
    until_seen(&second_seen, 3).await;
    let (first_seen, second_seen) = (first_seen.lock().unwrap(), second_seen.lock().unwrap());
    assert_eq!(first_seen[0], second_seen[0]);
    let deals: Vec<u64> = second_seen.iter().map(|(_, deal)| *deal).collect();
    assert_eq!(deals, [1, 2, 3]);
}
