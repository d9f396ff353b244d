//! A connector whose messenger is away, and events for other connectors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::engine::PAUSE_MAX;
use imbot::event::MessageId;
use imbot::prelude::*;
use imbot::store::{Call, Operator};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::stage::{Stage, auth};

const HOUR: Duration = Duration::from_secs(3_600);

/// A messenger that is away until a moment, and records what it delivered.
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
        if message.text() == "malformed" {
            return Err(Error::permanent("status 413 of token=x"));
        }
        if Instant::now() < self.back {
            return Err("the pigeons sleep")?;
        }
        self.shown.lock().unwrap().push(message.text());
        Ok(Receipt::one(message.id))
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

/// Lets time pass in steps of the longest pause, each followed by a moment of work: otherwise the
/// tasks that run every second would take too long.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::advance(PAUSE_MAX).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns the calls that were made: the method, and the id of the message.
fn calls(stage: &Stage) -> Vec<(String, Value)> {
    let call = |call: Call<MessageId>| match call {
        Call::Rest { method, params } => (
            method.to_string(),
            params
                .get("MESSAGES")
                .map_or(Value::Null, |it| it[0]["im"]["message_id"].clone()),
        ),
        other => panic!("{other:?}"),
    };
    stage.sent.all().into_iter().map(call).collect()
}

/// The call that writes a notice for the operators.
fn notice() -> (String, Value) {
    ("im.message.add".to_owned(), Value::Null)
}

/// Returns the text of a notice, by the number of its call.
fn text_of(stage: &Stage, call: usize) -> String {
    match &stage.sent.all()[call] {
        Call::Rest { params, .. } => params["MESSAGE"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn delivered(id: u64) -> (String, Value) {
    ("imconnector.send.status.delivery".to_owned(), id.into())
}

#[tokio::test(start_paused = true)]
async fn a_messenger_that_was_away_for_an_hour_gets_all_messages_in_order() {
    let pigeons = Pigeons::away_for(HOUR);
    let stage = stage(&pigeons).await;
    for (id, text) in [(1, "one"), (2, "two"), (3, "three")] {
        stage.post(message("pigeons", "loft", id, text)).await;
    }
    pass(2 * HOUR).await;
    stage.until_idle().await;
    assert_eq!(*pigeons.shown.lock().unwrap(), ["one", "two", "three"]);
    assert_eq!(calls(&stage), [delivered(1), delivered(2), delivered(3)]);
    assert!(stage.store.dead_letters(None, 9).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_day_the_message_is_a_dead_letter_and_the_portal_shows_the_error() {
    let pigeons = Pigeons::away_for(100 * HOUR);
    let stage = stage(&pigeons).await;
    stage.post(message("pigeons", "loft", 1, "one")).await;
    pass(18 * HOUR).await;
    assert!(calls(&stage).is_empty(), "it is still retried");
    pass(10 * HOUR).await;
    stage.until_idle().await;
    let error = ("imconnector.set.error".to_owned(), Value::Null);
    assert_eq!(calls(&stage), [error, notice()]);
    let text = text_of(&stage, 1);
    assert!(text.contains("could not be reached for a day"), "{text}");
    let [dead] = &stage.store.dead_letters(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("the pigeons sleep"), "{}", dead.error);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_permanently_is_a_dead_letter_at_once_and_the_next_is_delivered()
{
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    stage.post(message("pigeons", "loft", 1, "never")).await;
    stage.post(message("pigeons", "loft", 2, "two")).await;
    stage.until_idle().await;
    assert_eq!(calls(&stage), [notice(), delivered(2)]);
    let text = text_of(&stage, 0);
    assert_eq!(
        text,
        "Not delivered to the client: the client has blocked us"
    );
    let [dead] = &stage.store.dead_letters(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!(dead.error, "the client has blocked us");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_a_dead_letter_at_once_and_the_operators_do_not_see_its_text() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    stage.post(message("pigeons", "loft", 1, "malformed")).await;
    stage.post(message("pigeons", "loft", 2, "two")).await;
    stage.until_idle().await;
    assert_eq!(calls(&stage), [notice(), delivered(2)]);
    assert_eq!(
        text_of(&stage, 0),
        "Not delivered to the client: the messenger cannot deliver this message"
    );
    let [dead] = &stage.store.dead_letters(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!(dead.error, "status 413 of token=x");
    assert_eq!(dead.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_is_delivered_once_and_each_message_of_an_event_is_delivered() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    let mut both = message("Pigeons", "loft", 1, "one");
    let other = message("Pigeons", "loft", 2, "two")["data"]["MESSAGES"][0].clone();
    both["data"]["MESSAGES"].as_array_mut().unwrap().push(other);
    stage.post(both.clone()).await;
    both["ts"] = 1_771_940_029.into(); // the portal posts it again, a second later
    stage.post(both).await;
    stage.until_idle().await;
    assert_eq!(calls(&stage), [delivered(1), delivered(2)]);
}

#[tokio::test(start_paused = true)]
async fn broken_forged_and_foreign_events_do_not_reach_the_connector() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    stage.post(message("telegraph", "loft", 1, "one")).await;
    let mut broken = message("pigeons", "loft", 2, "two");
    broken["data"]["LINE"] = "seven".into();
    stage.post(broken).await;
    let mut forged = message("pigeons", "loft", 3, "three");
    forged["auth"]["application_token"] = "x".into();
    assert!(stage.accept(forged).await.is_err());
    let own = json!({ "event": "IMBOT.INWARD", "data": { "what": "Wrote", "connector": "pigeons" }, "auth": auth() });
    stage.post(own).await;
    stage.post(message("pigeons", "loft", 4, "four")).await;
    stage.until_idle().await;
    assert_eq!(calls(&stage), [delivered(4)]);
    let [dead] = &stage.store.dead_letters(None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert!(dead.error.contains("LINE"), "{}", dead.error);
}

#[tokio::test(start_paused = true)]
async fn a_system_message_that_is_refused_causes_no_notice_since_it_may_be_one() {
    let pigeons = Pigeons::away_for(Duration::ZERO);
    let stage = stage(&pigeons).await;
    let mut system = message("pigeons", "loft", 1, "never");
    system["data"]["MESSAGES"][0]["message"]["user_id"] = 0.into();
    stage.post(system).await;
    stage.until_idle().await;
    assert!(calls(&stage).is_empty());
    assert_eq!(stage.store.dead_letters(None, 9).await.unwrap().len(), 1);
}
