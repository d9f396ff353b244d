//! A connector whose messenger is away, and events that are not for it: nothing is lost, nothing breaks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::engine::{PAUSE_MAX, Speech};
use imbot::prelude::*;
use imbot::store::Operator;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::stage::{Stage, auth};

const HOUR: Duration = Duration::from_secs(3_600);

/// A messenger that is away until a moment, and shows what it took.
#[derive(Clone)]
struct Pigeons {
    back: Instant,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Pigeons {
    fn away_for(time: Duration) -> Pigeons {
        Pigeons {
            back: Instant::now() + time,
            shown: Arc::default(),
        }
    }
}

impl Connector for Pigeons {
    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        if message.text() == "never" {
            return Err(tell("the client has blocked us"));
        }
        if Instant::now() < self.back {
            return Err("the pigeons sleep")?;
        }
        self.shown.lock().unwrap().push(message.text());
        Ok(Receipt::as_one(message.id))
    }
}

fn message(connector: &str, chat: &str, id: u64, text: &str) -> Value {
    let item = json!({
        "im": { "chat_id": 42, "message_id": id }, "message": { "user_id": 5, "text": text }, "chat": { "id": chat },
    });
    let data = json!({ "CONNECTOR": connector, "LINE": 7, "MESSAGES": [item] });
    json!({ "event": "ONIMCONNECTORMESSAGEADD", "data": data, "ts": 1_771_940_028, "auth": auth() })
}

async fn stage(pigeons: &Pigeons) -> Stage {
    Stage::with(App::new().connector(pigeons.clone())).await
}

/// Lets time pass in steps of the longest pause, each with a moment in which things happen: what runs every second would take
/// for ever otherwise.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::advance(PAUSE_MAX).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The calls that went out, by method and the number of the message that they are about.
fn calls(stage: &Stage) -> Vec<(String, Value)> {
    let call = |speech: Speech<'static>| match speech {
        Speech::Rest { method, params } => (
            method.into_owned(),
            params
                .get("MESSAGES")
                .map_or(Value::Null, |it| it[0]["im"]["message_id"].clone()),
        ),
        other => panic!("{other:?}"),
    };
    stage.spoken.all().into_iter().map(call).collect()
}

fn delivered(id: u64) -> (String, Value) {
    ("imconnector.send.status.delivery".to_owned(), id.into())
}

#[tokio::test(start_paused = true)]
async fn a_messenger_that_is_away_for_an_hour_misses_nothing_and_gets_it_in_order() {
    let pigeons = Pigeons::away_for(HOUR);
    let stage = stage(&pigeons).await;
    for (id, text) in [(1, "one"), (2, "two"), (3, "three")] {
        stage.hears(message("pigeons", "loft", id, text)).await;
    }
    pass(2 * HOUR).await;
    stage.rests().await;
    assert_eq!(*pigeons.shown.lock().unwrap(), ["one", "two", "three"]);
    assert_eq!(calls(&stage), [delivered(1), delivered(2), delivered(3)]);
    assert!(stage.store.dead(None, 9).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_day_the_message_rests_and_the_portal_shows_the_error() {
    let pigeons = Pigeons::away_for(100 * HOUR);
    let stage = stage(&pigeons).await;
    stage.hears(message("pigeons", "loft", 1, "one")).await;
    pass(18 * HOUR).await;
    assert!(calls(&stage).is_empty(), "it is still tried");
    pass(10 * HOUR).await;
    stage.rests().await;
    assert_eq!(
        calls(&stage),
        [("imconnector.set.error".to_owned(), Value::Null)]
    );
    let [dead] = &stage.store.dead(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("the pigeons sleep"), "{}", dead.error);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_rests_at_once_and_holds_nobody_up() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    stage.hears(message("pigeons", "loft", 1, "never")).await;
    stage.hears(message("pigeons", "loft", 2, "two")).await;
    stage.rests().await;
    assert_eq!(calls(&stage), [delivered(2)]);
    let [dead] = &stage.store.dead(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!(dead.error, "the client has blocked us");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_twice_is_carried_once_and_several_in_one_are_carried_each() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    let mut both = message("Pigeons", "loft", 1, "one");
    let other = message("Pigeons", "loft", 2, "two")["data"]["MESSAGES"][0].clone();
    both["data"]["MESSAGES"].as_array_mut().unwrap().push(other);
    stage.hears(both.clone()).await;
    both["ts"] = 1_771_940_029.into(); // the portal says it again, a second later
    stage.hears(both).await;
    stage.rests().await;
    assert_eq!(calls(&stage), [delivered(1), delivered(2)]);
}

#[tokio::test(start_paused = true)]
async fn events_of_foreign_connectors_and_without_meaning_harm_nothing() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    stage.hears(message("telegraph", "loft", 1, "one")).await;
    let mut broken = message("pigeons", "loft", 2, "two");
    broken["data"]["LINE"] = "seven".into();
    stage.hears(broken).await;
    let mut forged = message("pigeons", "loft", 3, "three");
    forged["auth"]["application_token"] = "x".into();
    assert!(stage.accept(forged).await.is_err());
    let own = json!({ "event": "IMBOT.INWARD", "data": { "what": "Wrote", "connector": "pigeons" }, "auth": auth() });
    stage.hears(own).await;
    stage.hears(message("pigeons", "loft", 4, "four")).await;
    stage.rests().await;
    assert_eq!(calls(&stage), [delivered(4)]);
    let [dead] = &stage.store.dead(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("LINE"), "{}", dead.error);
}
