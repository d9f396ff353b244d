//! `imbot.v2.Event.get`: stored events, their confirmation, and their fields.

use std::time::Duration;

use serde_json::{Value, json};

use super::{TOKEN, TestPortal, keys};

async fn get(test: &TestPortal, bot: u64, more: Value) -> Value {
    let mut params = json!({ "botId": bot });
    super::extend(&mut params, more);
    test.result("imbot.v2.Event.get", params).await
}

fn ids(answer: &Value) -> Vec<u64> {
    let events = answer["events"].as_array().expect("a list");
    events
        .iter()
        .map(|event| event["eventId"].as_u64().expect("a number"))
        .collect()
}

#[tokio::test]
async fn an_offset_confirms_events_below_it_and_no_offset_confirms_nothing() {
    let test = TestPortal::new().await;
    let (bot, other) = (
        test.bot_v2("a", json!({})).await,
        test.bot_v2("b", json!({})).await,
    );
    let empty = json!({ "events": [], "nextOffset": 0, "hasMore": false });
    assert_eq!(get(&test, bot, json!({})).await, empty);
    for text in ["one", "two"] {
        test.portal.send(1, &bot.to_string(), text).expect("sent");
        test.portal.send(1, &other.to_string(), text).expect("sent");
    }
    let all = get(&test, bot, json!({ "offset": 0 })).await;
    let found = ids(&all);
    assert_eq!(found.len(), 3, "a join and two messages");
    assert!(
        found[2] > found[1] + 1,
        "numbers are given out over all bots"
    );
    assert_eq!(get(&test, bot, json!({})).await, all);
    assert_eq!(
        (&all["nextOffset"], &all["hasMore"]),
        (&json!(found[2] + 1), &json!(false))
    );

    let page = get(&test, bot, json!({ "limit": 2 })).await;
    assert_eq!(
        (ids(&page), &page["hasMore"]),
        (found[..2].to_vec(), &json!(true))
    );
    let next = page["nextOffset"].clone();
    assert_eq!(next, found[1] + 1);
    let rest = get(&test, bot, json!({ "offset": next })).await;
    assert_eq!(ids(&rest), found[2..]);
    assert_eq!(ids(&get(&test, bot, json!({})).await), found[2..]);

    let end = rest["nextOffset"].clone();
    let nothing = json!({ "events": [], "nextOffset": end, "hasMore": false });
    assert_eq!(get(&test, bot, json!({ "offset": end })).await, nothing);
    assert_eq!(ids(&get(&test, other, json!({})).await).len(), 3);
}

#[tokio::test]
async fn the_offset_of_an_event_returns_it_again() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("a", json!({})).await;
    test.portal.open(1, bot).expect("opened");
    let first = ids(&get(&test, bot, json!({})).await);
    assert_eq!(
        ids(&get(&test, bot, json!({ "offset": first[0] })).await),
        first
    );
}

#[tokio::test]
async fn events_older_than_a_day_are_deleted() {
    let test = TestPortal::new().await;
    let fields = json!({ "code": "a", "botToken": TOKEN, "properties": { "name": "a" } });
    let register = json!({ "fields": fields });
    let (_, answer) = test.by_webhook("imbot.v2.Bot.register", register).await;
    let bot = answer["result"]["bot"]["id"].as_u64().expect("an id");
    test.portal.open(1, bot).expect("opened");
    let count = async || {
        let params = json!({ "botToken": TOKEN, "botId": bot });
        let (_, answer) = test.by_webhook("imbot.v2.Event.get", params).await;
        ids(&answer["result"]).len()
    };
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 3600 - 60)).await;
    assert_eq!(count().await, 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_bot_switched_to_the_webhook_loses_its_logged_events() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("a", json!({})).await;
    test.portal.open(1, bot).expect("opened");
    assert_eq!(test.waiting(bot).await.len(), 1);
    for fields in [
        json!({ "eventMode": "webhook", "webhookUrl": test.handler }),
        json!({ "eventMode": "fetch" }),
    ] {
        let params = json!({ "botId": bot, "fields": fields });
        test.result("imbot.v2.Bot.update", params).await;
        assert!(test.waiting(bot).await.is_empty());
    }
    test.portal.send(1, &bot.to_string(), "hi").expect("sent");
    assert_eq!(test.waiting(bot).await.len(), 1);
    assert!(test.is_quiet().await, "the subscriptions are gone");
}

#[tokio::test]
async fn supervisors_and_personal_bots_get_all_messages_and_plain_bots_get_mentions() {
    let test = TestPortal::new().await;
    let mut incoming = Vec::new();
    for kind in ["bot", "supervisor", "personal"] {
        let bot = test.bot_v2(kind, json!({ "type": kind })).await;
        let group = test.portal.group(1, "Office", &[2, bot]).expect("made");
        test.portal.send(1, &group, "between us").expect("sent");
        let text = format!("[USER={bot}]Bot[/USER] hi");
        test.portal.send(1, &group, &text).expect("sent");
        let events = test.waiting(bot).await;
        incoming.push(events.len());
        assert_eq!(
            events.last().expect("one")["data"]["message"]["text"],
            text,
            "mentions stay"
        );
    }
    assert_eq!(incoming, [2, 3, 3]);
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../tests/fixtures/events/v2-fetch-",
            $name,
            ".json"
        ))
    };
}

/// Checks that an event has all keys of the documentation's sample, with values of the same types.
#[track_caller]
fn like_sample(event: &Value, sample: &str) {
    let sample: Value = serde_json::from_str(sample).expect("JSON");
    let sample = &sample["result"]["events"][0];
    let (ours, theirs) = (keys(event), keys(sample));
    let context = |key: &&String| !key.starts_with(".data.context.");
    let missing: Vec<&String> = theirs.difference(&ours).filter(context).collect();
    assert!(missing.is_empty(), "only in the sample: {missing:?}");
    for key in theirs.iter().filter(context) {
        let pointer = key.replace('.', "/");
        let (our, their) = (event.pointer(&pointer), sample.pointer(&pointer));
        let same = std::mem::discriminant(our.expect("a value"))
            == std::mem::discriminant(their.expect("a value"));
        // PHP's empty array, and a position, which Ann has as well as the sample's person.
        assert!(
            same || key == ".data.message.params",
            "{key}: {our:?} instead of {their:?}"
        );
    }
}

#[tokio::test]
async fn events_have_what_the_samples_have() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let fields = json!({ "command": "go", "title": { "en": "Go" } });
    test.result(
        "imbot.v2.Command.register",
        json!({ "botId": bot, "fields": fields }),
    )
    .await;
    let dialog = bot.to_string();
    let id = test.portal.send(1, &dialog, "hi").expect("sent");
    test.portal.edit(1, id, "hi!").expect("edited");
    test.portal.delete(1, id).expect("deleted");
    test.portal.send(1, &dialog, "/go there").expect("sent");
    like_sample(
        &test.fetched(bot, "ONIMBOTV2JOINCHAT").await,
        sample!("join-chat"),
    );
    like_sample(
        &test.fetched(bot, "ONIMBOTV2MESSAGEADD").await,
        sample!("message-add"),
    );
    let edited = test.fetched(bot, "ONIMBOTV2MESSAGEUPDATE").await;
    like_sample(&edited, sample!("message-update"));
    assert_eq!(edited["data"]["message"]["text"], "hi!");
    let gone = test.fetched(bot, "ONIMBOTV2MESSAGEDELETE").await;
    like_sample(&gone, sample!("message-delete"));
    assert_eq!(gone["data"]["messageId"], id);
    let command = test.fetched(bot, "ONIMBOTV2COMMANDADD").await;
    like_sample(&command, sample!("command-add"));
    assert_eq!(command["data"]["chat"]["dialogId"], "1");
    assert_eq!(command["data"]["bot"]["auth"], Value::Null);
    let context = json!({ "entityId": 164, "more": { "deep": [1, true] } });
    test.portal
        .open_with_context(1, bot, &context)
        .expect("opened");
    let opened = test.fetched(bot, "ONIMBOTV2CONTEXTGET").await;
    like_sample(&opened, sample!("context-get"));
    assert_eq!(opened["data"]["context"], context, "types stay as they are");
    let params = json!({ "botId": bot, "dialogId": "1", "fields": { "message": "done" } });
    let said = test.result("imbot.v2.Chat.Message.send", params).await;
    let said = said["id"].as_u64().expect("an id");
    test.portal.react(1, said, "fire").expect("reacted");
    let reaction = test.fetched(bot, "ONIMBOTV2REACTIONCHANGE").await;
    like_sample(&reaction, sample!("reaction-change"));
    assert_eq!(reaction["data"]["message"]["id"], said);
}
