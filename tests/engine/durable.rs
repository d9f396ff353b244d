//! An engine on the durable store: what its promises are worth when the disk is full or the process ends.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::event::payload::crm;
use imbot::prelude::*;
use imbot::store::{Key, Operator, Portals, Sqlite, Upkeep};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::stage::{MEMBER, Stage, TOKEN, auth, installation, message};

const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers what it hears.
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
        let said = stage.spoken.said("27");
        if said.len() >= replies {
            return said;
        }
        assert!(
            Instant::now() < end,
            "only {} of {replies} said",
            said.len()
        );
        sleep(Duration::from_millis(5)).await;
    }
}

fn replies(messages: u64) -> Vec<String> {
    (1..=messages).map(|n| format!("{n} #{n}")).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_nothing_and_order_is_kept_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path()).await;
    stage.hears(message("count", "27", 1, "#1")).await;
    until_said(&stage, 1).await;
    stage.store.limit_pages(1).await.unwrap(); // it cannot shrink, so it is full now
    for id in 2..=200 {
        let text = format!("#{id}");
        stage.hears(message("count", "27", id, &text)).await;
    }
    stage.hears(message("count", "27", 2, "#2")).await; // a repeat is one there, too
    let spooled = stage.store.status().await.unwrap().spooled;
    assert!(spooled > 0, "the disk was not full");
    stage.store.limit_pages(1_000_000).await.unwrap();
    // These come as soon as there is room, and belong behind what was spooled.
    for id in 201..=400 {
        stage
            .hears(message("count", "27", id, &format!("#{id}")))
            .await;
        sleep(Duration::from_millis(4)).await;
    }
    assert_eq!(until_said(&stage, 400).await, replies(400));
    assert_eq!(stage.store.status().await.unwrap().spooled, 0);
    assert_eq!(stage.engine.counts().refused.get(), 0);
}

#[tokio::test]
async fn what_is_taken_in_while_it_stops_is_handled_by_the_next_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let first = stage(folder.path()).await;
    first.hears(message("count", "27", 1, "#1")).await;
    until_said(&first, 1).await;
    assert!(first.engine.stop(PATIENCE).await);
    for id in 2..=50 {
        first
            .hears(message("count", "27", id, &format!("#{id}")))
            .await;
    }
    assert_eq!(
        first.spoken.said("27").len(),
        1,
        "a stopped engine handles nothing"
    );
    first.store.close().await.unwrap();
    drop(first);
    let second = stage(folder.path()).await;
    // New ones already arrive while those are taken up.
    for id in 51..=60 {
        second
            .hears(message("count", "27", id, &format!("#{id}")))
            .await;
    }
    assert_eq!(until_said(&second, 59).await, replies(60)[1..]);
}

#[tokio::test]
async fn what_a_hook_could_not_do_is_told_to_it_in_the_next_life_in_order_and_under_the_same_id() {
    type Seen = Arc<Mutex<Vec<(String, u64)>>>;
    let (first_life, second_life) = (Seen::default(), Seen::default());
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
    let app = App::new().hook("ONCRMDEALADD", hook(&first_life, false));
    let first = stage_of(app, folder.path()).await;
    for id in 1..=3 {
        let data = json!({ "FIELDS": { "ID": id } });
        let deal = json!({ "event": "ONCRMDEALADD", "data": data, "ts": 1, "auth": auth() });
        first.hears(deal).await;
    }
    until_seen(&first_life, 1).await;
    assert!(first.engine.stop(PATIENCE).await);
    first.store.close().await.unwrap();
    drop(first);
    let app = App::new().hook("ONCRMDEALADD", hook(&second_life, true));
    let _second = stage_of(app, folder.path()).await;
    until_seen(&second_life, 3).await;
    let (first_life, second_life) = (first_life.lock().unwrap(), second_life.lock().unwrap());
    assert_eq!(first_life[0], second_life[0]);
    let deals: Vec<u64> = second_life.iter().map(|(_, deal)| *deal).collect();
    assert_eq!(deals, [1, 2, 3]);
}
