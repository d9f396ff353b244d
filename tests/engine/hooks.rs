//! Hooks receive every event that is not a bot's, and do not affect anything else.

use std::sync::{Arc, Mutex};

use imbot::event::Category;
use imbot::prelude::*;
use imbot::store::{Inbox, Operator};
use serde_json::{Value, json};

use super::stage::{Stage, auth, message};

type Seen = Arc<Mutex<Vec<String>>>;

/// A hook that records what it receives.
fn recording(
    seen: &Seen,
    mark: &'static str,
) -> impl Fn(HookEvent) -> std::future::Ready<Result> + Send + Sync + 'static {
    let seen = Arc::clone(seen);
    move |event: HookEvent| {
        seen.lock().unwrap().push(format!("{mark} {}", event.name));
        std::future::ready(Ok(()))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "read as a call with a literal"
)]
fn other(name: &str, data: Value) -> Value {
    json!({ "event": name, "data": data, "ts": 1, "auth": auth() })
}

struct Silent;

impl Bot for Silent {}

#[tokio::test]
async fn hooks_are_chosen_by_name_prefix_and_category() {
    let seen = Seen::default();
    let app = App::new()
        .bot(Silent)
        .hook("onCrmDealAdd", recording(&seen, "name"))
        .hook("ONTASK*", recording(&seen, "prefix"))
        .hook(Category::Crm, recording(&seen, "category"))
        .hook("*", recording(&seen, "all"));
    let stage = Stage::with(app).await;
    stage
        .post(other("ONCRMDEALADD", json!({ "FIELDS": { "ID": 7 } })))
        .await;
    stage
        .post(other(
            "onTaskUpdate",
            json!({ "FIELDS_AFTER": { "ID": 7 } }),
        ))
        .await;
    stage
        .post(other("ONSOMETHINGNEW", json!("a bare word")))
        .await;
    stage.post(message("silent", "27", 1, "a bot's own")).await;
    stage.until_idle().await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    let expected = [
        "all ONCRMDEALADD",
        "all ONSOMETHINGNEW",
        "all ONTASKUPDATE",
        "category ONCRMDEALADD",
        "name ONCRMDEALADD",
        "prefix ONTASKUPDATE",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_failing_hook_does_not_affect_other_hooks_or_bots() {
    async fn fails(_: HookEvent) -> Result {
        Err("no")?
    }
    async fn panics(_: HookEvent) -> Result {
        panic!("a bug in a hook")
    }
    struct Echo;
    impl Bot for Echo {
        async fn message(&self, cx: &mut Context, message: Message) -> Result {
            cx.say(message.text);
            Ok(())
        }
    }
    let seen = Seen::default();
    let app = App::new()
        .bot(Echo)
        .hook("*", fails)
        .hook("*", panics)
        .hook("*", recording(&seen, "all"));
    let stage = Stage::with(app).await;
    for id in 0..3 {
        stage
            .post(other("ONCRMDEALADD", json!({ "FIELDS": { "ID": id } })))
            .await;
        stage.post(message("echo", "27", id + 1, "hi")).await;
    }
    stage.until_idle().await;
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert_eq!(stage.sent.texts("27").len(), 3);
    assert!(
        stage
            .store
            .waiting(None, None, 10)
            .await
            .unwrap()
            .is_empty(),
        "an event whose hook panics ends too"
    );
}

#[tokio::test]
async fn the_json_of_an_event_holds_no_token() {
    let json = Arc::new(Mutex::new(Value::Null));
    let kept = Arc::clone(&json);
    let hook = move |event: HookEvent| {
        *kept.lock().unwrap() = event.to_json();
        std::future::ready(Ok(()))
    };
    let stage = Stage::with(App::new().hook("*", hook)).await;
    stage
        .post(other("ONCRMDEALADD", json!({ "FIELDS": { "ID": 7 } })))
        .await;
    stage.until_idle().await;
    let json = json.lock().unwrap().clone();
    assert_eq!(json["data"], json!({ "FIELDS": { "ID": "7" } }));
    assert!(!json.to_string().contains(super::stage::TOKEN));
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_only_hook_panics_becomes_a_dead_letter() {
    async fn panics(_: HookEvent) -> Result {
        panic!("a bug in a hook")
    }
    let stage = Stage::with(App::new().hook("*", panics)).await;
    stage
        .post(other("ONCRMDEALADD", json!({ "FIELDS": { "ID": 7 } })))
        .await;
    stage.until_idle().await;
    assert!(
        stage
            .store
            .waiting(None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let dead = stage.store.dead_letters(None, 10).await.unwrap();
    assert_eq!(dead[0].error, "the handler panicked: a bug in a hook");
}
