//! The entries of the traffic log.

use serde_json::json;

use super::TestPortal;

#[tokio::test]
async fn empty_polls_are_one_entry_of_the_traffic_log() {
    let test = TestPortal::new().await;
    let fields = json!({ "code": "poll", "eventMode": "fetch", "properties": { "name": "Poll" } });
    let bot = test
        .result("imbot.v2.Bot.register", json!({ "fields": fields }))
        .await;
    let bot = bot["bot"]["id"].as_u64().expect("an id");
    let poll = async || {
        test.result("imbot.v2.Event.get", json!({ "botId": bot }))
            .await
    };
    let polls = || {
        let traffic = test.portal.traffic_log();
        let polls = traffic
            .iter()
            .filter(|entry| entry["name"] == "imbot.v2.event.get");
        polls
            .map(|entry| entry["polls"].as_u64())
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        poll().await;
        test.result("profile", json!({})).await;
    }
    assert_eq!(polls(), [Some(3)]);
    test.portal.open(1, bot).expect("opened");
    for _ in 0..2 {
        poll().await;
    }
    assert_eq!(polls(), [Some(3), None, None]);
    let mut live = test.portal.subscribe(1);
    live.next().await;
    let offset = json!({ "botId": bot, "offset": 1_000_000 });
    for _ in 0..2 {
        test.result("imbot.v2.Event.get", offset.clone()).await;
    }
    assert_eq!(polls(), [Some(3), None, None, Some(2)]);
    let first = live.next().await.expect("an entry");
    let second = live.next().await.expect("an entry");
    assert_eq!(second["entry"]["replaces"], first["entry"]["id"]);
}
