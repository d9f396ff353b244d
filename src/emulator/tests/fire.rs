//! Events sent by hand: any of the catalogue, with a sample or given data, in the real
//! envelope.

use serde_json::json;

use super::TestPortal;

async fn bound(test: &TestPortal, event: &str) {
    let params = json!({ "event": event, "handler": test.handler });
    test.result("event.bind", params).await;
}

#[tokio::test]
async fn an_event_is_fired_with_its_sample_or_given_data() {
    let test = TestPortal::new().await;
    bound(&test, "ONCRMDEALADD").await;
    let cases = [
        (json!({ "event": "onCrmDealAdd" }), "999"),
        (
            json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": 5 } } }),
            "5",
        ),
        (
            json!({ "event": "ONCRMDEALADD", "form": "FIELDS[ID]=6" }),
            "6",
        ),
    ];
    for (body, expected) in cases {
        let (_, fired) = test.post("/emulator/fire", body).await;
        assert_eq!(fired["sent"], 1);
        let event = test.event("ONCRMDEALADD").await;
        assert_eq!(event["data"]["FIELDS"]["ID"], expected);
        assert_eq!(
            event["auth"]["application_token"],
            test.install["auth"]["application_token"]
        );
        assert!(event["auth"]["access_token"].is_string());
        assert!(event["event_handler_id"].is_string());
    }
    let (status, _) = test.post("/emulator/fire", json!({})).await;
    assert_eq!(status, 400, "an event has a name");
}

#[tokio::test]
async fn odd_shapes_arrive_as_they_are() {
    let test = TestPortal::new().await;
    bound(&test, "ONIMCONNECTORLINEDELETE").await;
    bound(&test, "ONSESSIONSTART").await;
    for event in ["ONIMCONNECTORLINEDELETE", "ONSESSIONSTART"] {
        test.portal.fire(event, &test.portal.sample(event));
    }
    assert_eq!(test.event("ONIMCONNECTORLINEDELETE").await["data"], "107");
    let event = test.event("ONSESSIONSTART").await;
    assert_eq!(event["data"]["DATA"]["0"]["session"]["closed"], "N");
    assert!(event["eventId"].is_string() && event["event_handler_id"].is_null());
    assert!(event["auth"]["refresh_token"].is_string());
}

#[tokio::test]
async fn the_page_reads_the_state_of_the_portal() {
    let test = TestPortal::new().await;
    bound(&test, "ONTASKADD").await;
    let (_, answer) = test.get("/emulator/samples").await;
    let events = answer["events"].as_array().expect("a list");
    assert!(events.len() > 200);
    let task = events.iter().find(|one| one["event"] == "ONTASKADD");
    let task = task.expect("the catalogue has it");
    assert_eq!(
        [&task["category"], &task["data"]["FIELDS_BEFORE"]],
        ["Tasks", "undefined"]
    );
    assert_eq!(task["bound"], 1);
}
