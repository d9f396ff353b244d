//! What has arrived is counted, whatever becomes of it, and nothing that is not proven.

use imbot::prelude::*;
use imbot::store::Operator;
use serde_json::json;

use super::stage::{Stage, auth, message};

struct Silent;

impl Bot for Silent {}

#[tokio::test(start_paused = true)]
async fn every_event_that_is_taken_in_is_counted_by_its_name() {
    let stage = Stage::with(App::new().bot(Silent)).await;
    for id in 1..=2 {
        stage.hears(message("silent", "27", id, "hi")).await;
    }
    let deal = json!({ "event": "onCrmDealAdd", "data": { "FIELDS": { "ID": 7 } }, "ts": 1 });
    let mut proven = deal.clone();
    proven["auth"] = auth();
    stage.hears(proven).await; // no hook is for it
    stage.accept(deal).await.unwrap_err();
    stage.rests().await;
    tokio::time::sleep(imbot::engine::LOOK_INTERVAL * 2).await; // on a paused clock
    let mut arrived = stage.store.arrived(Vec::new()).await.unwrap();
    arrived.sort_by(|one, other| one.name.cmp(&other.name));
    let counts: Vec<_> = arrived
        .iter()
        .map(|it| (it.name.as_str(), it.count))
        .collect();
    assert_eq!(counts, [("ONCRMDEALADD", 1), ("ONIMBOTMESSAGEADD", 2)]);
}

#[tokio::test]
async fn a_stop_counts_what_came_last() {
    let stage = Stage::with(App::new().bot(Silent)).await;
    stage.hears(message("silent", "27", 1, "hi")).await;
    assert!(stage.engine.stop(std::time::Duration::from_secs(5)).await);
    let arrived = stage.store.arrived(Vec::new()).await.unwrap();
    assert_eq!(arrived[0].count, 1);
}
