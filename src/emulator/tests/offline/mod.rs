//! Offline events: stored, merged, fetched by one process at a time, returned as errors.

mod binding;

use serde_json::{Value, json};

use super::TestPortal;

const DEAL: &str = "ONCRMDEALADD";

impl TestPortal {
    /// A portal whose application stores events about deals.
    async fn with_queue() -> TestPortal {
        let test = TestPortal::new().await;
        let bind = json!({ "event": "onCrmDealAdd", "event_type": "offline" });
        test.result("event.bind", bind).await;
        test
    }

    fn deal(&self, id: u64) {
        let data = json!({ "FIELDS": { "ID": id } });
        assert_eq!(self.portal.fire(DEAL, &data), 1);
    }

    async fn fetch(&self, params: Value) -> Value {
        self.result("event.offline.get", params).await
    }

    /// Fetches deals.
    async fn deals(&self, params: Value) -> Vec<u64> {
        deals_in(&self.fetch(params).await["events"])
    }

    /// Returns the whole queue: deal, whether it is taken, whether it is an error.
    async fn queue(&self) -> Vec<(u64, bool, String)> {
        let list = self.result("event.offline.list", json!({})).await;
        let rows = list.as_array().expect("a list");
        rows.iter()
            .map(|row| {
                let error = row["ERROR"].as_str().expect("a text").to_owned();
                (deal_in(row), row["PROCESS_ID"] != "", error)
            })
            .collect()
    }
}

fn deal_in(event: &Value) -> u64 {
    event["EVENT_DATA"]["FIELDS"]["ID"].as_u64().expect("an id")
}

fn deals_in(events: &Value) -> Vec<u64> {
    let events = events.as_array().expect("a list");
    events.iter().map(deal_in).collect()
}

#[tokio::test]
async fn a_change_is_stored_once_and_deleted_when_fetched() {
    let test = TestPortal::with_queue().await;
    test.deal(7);
    test.deal(8);
    test.deal(7);
    let fetched = test.fetch(json!({})).await;
    assert_eq!(fetched["process_id"], Value::Null);
    let first = &fetched["events"][0];
    let message = first["MESSAGE_ID"].as_str().expect("a text").to_owned();
    assert_eq!(message.len(), 32);
    let stamp = first["TIMESTAMP_X"].as_str().expect("a text");
    assert!(stamp.ends_with("+00:00"), "{stamp}");
    let expected = json!({
        "ID": "1",
        "TIMESTAMP_X": stamp,
        "EVENT_NAME": DEAL,
        "EVENT_DATA": { "FIELDS": { "ID": 7 } },
        "EVENT_ADDITIONAL": { "user_id": "1" },
        "MESSAGE_ID": message,
    });
    assert_eq!(first, &expected);
    assert_eq!(deals_in(&fetched["events"]), [7, 8]);
    assert!(test.deals(json!({})).await.is_empty());
    test.deal(7);
    let again = test.fetch(json!({})).await;
    assert_eq!(again["events"][0]["MESSAGE_ID"], message.as_str());
    assert!(test.is_quiet().await, "nothing was posted");
}

#[tokio::test]
async fn records_of_a_process_are_its_own_and_can_be_read_again() {
    let test = TestPortal::with_queue().await;
    for id in 1..=3 {
        test.deal(id);
    }
    let one = test.fetch(json!({ "clear": 0, "limit": 2 })).await;
    assert_eq!(deals_in(&one["events"]), [1, 2]);
    let process = one["process_id"].as_str().expect("an id");
    assert_eq!(process.len(), 32);
    assert_eq!(test.deals(json!({ "clear": "0" })).await, [3]);
    assert!(test.deals(json!({ "clear": 0 })).await.is_empty());
    let again = test
        .fetch(json!({ "clear": 0, "process_id": process }))
        .await;
    assert_eq!(again, one);
    test.deal(1);
    let queue = test.queue().await;
    let free = || "0".to_owned();
    let taken = |id| (id, true, free());
    assert_eq!(queue, [taken(1), taken(2), taken(3), (1, false, free())]);
    let id = &one["events"][0]["ID"];
    let some = json!({ "process_id": process, "id": [id] });
    assert_eq!(test.result("event.offline.clear", some).await, json!(true));
    assert_eq!(test.queue().await, [taken(2), taken(3), (1, false, free())]);
    test.result("event.offline.clear", json!({ "process_id": process }))
        .await;
    assert_eq!(test.queue().await, [taken(3), (1, false, free())]);
}

#[tokio::test]
async fn a_record_marked_as_an_error_is_fetched_only_with_error() {
    let test = TestPortal::with_queue().await;
    test.deal(1);
    test.deal(2);
    let taken = test.fetch(json!({ "clear": 0 })).await;
    test.deal(1);
    let bad = json!({
        "process_id": taken["process_id"],
        "message_id": [taken["events"][0]["MESSAGE_ID"]],
    });
    assert_eq!(test.result("event.offline.error", bad).await, json!(true));
    let expected = [(1, false, "1".to_owned()), (2, true, "0".to_owned())];
    assert_eq!(test.queue().await, expected);
    assert!(test.deals(json!({})).await.is_empty());
    assert_eq!(test.deals(json!({ "error": 1 })).await, [1]);
}

#[tokio::test]
async fn records_are_filtered_ordered_and_paged() {
    let test = TestPortal::with_queue().await;
    for id in 1..=52 {
        test.deal(id);
    }
    let wanted =
        json!({ "clear": 0, "filter": { ">ID": 10, "<=ID": 12 }, "order": { "ID": "DESC" } });
    assert_eq!(test.deals(wanted).await, [12, 11]);
    let (_, page) = test
        .call_as(test.token(), "event.offline.list", json!({ "start": 50 }))
        .await;
    assert_eq!(deals_in(&page["result"]), [51, 52]);
    assert_eq!((&page["total"], page.get("next")), (&json!(52), None));
    let (_, page) = test
        .call_as(
            test.token(),
            "event.offline.list",
            json!({ "filter": { "PROCESS_ID": "" } }),
        )
        .await;
    assert_eq!((&page["total"], page.get("next")), (&json!(50), None));
    assert_eq!(test.deals(json!({})).await.len(), 50);
}
