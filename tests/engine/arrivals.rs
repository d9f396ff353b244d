//! Accepted events are counted by name, handled or not; unproven ones are not counted.

use imbot::prelude::*;
use imbot::store::Operator;
use serde_json::json;

use super::stage::{Stage, auth, message};

struct Silent;

impl Bot for Silent {}

#[tokio::test(start_paused = true)]
async fn every_accepted_event_is_counted_by_its_name() {
    let stage = Stage::with(App::new().bot(Silent)).await;
    for id in 1..=2 {
        stage.post(message("silent", "27", id, "hi")).await;
    }
    let deal = json!({ "event": "onCrmDealAdd", "data": { "FIELDS": { "ID": 7 } }, "ts": 1 });
    let mut proven = deal.clone();
    proven["auth"] = auth();
    stage.post(proven).await; // no hook handles it
    stage.accept(deal).await.unwrap_err();
    stage.until_idle().await;
    tokio::time::sleep(imbot::engine::NOTICE_INTERVAL * 2).await; // on a paused clock
    let mut arrived = stage.store.arrived(Vec::new()).await.unwrap();
    arrived.sort_by(|one, other| one.name.cmp(&other.name));
    let counts: Vec<_> = arrived
        .iter()
        .map(|it| (it.name.as_str(), it.count))
        .collect();
    assert_eq!(counts, [("ONCRMDEALADD", 1), ("ONIMBOTMESSAGEADD", 2)]);
}

#[tokio::test]
async fn a_stop_stores_the_last_counts() {
    let stage = Stage::with(App::new().bot(Silent)).await;
    stage.post(message("silent", "27", 1, "hi")).await;
    assert!(stage.engine.stop(std::time::Duration::from_secs(5)).await);
    let arrived = stage.store.arrived(Vec::new()).await.unwrap();
    assert_eq!(arrived[0].count, 1);
}
