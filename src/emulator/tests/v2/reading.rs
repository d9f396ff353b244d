//! Messages that bots may look up: `Message.read`, `.get` and `.getContext`.

use serde_json::{Value, json};

use super::TestPortal;

#[tokio::test]
async fn messages_a_bot_has_read_are_counted_and_shown_as_viewed() {
    let test = TestPortal::new().await;
    let bot = test.bot_v2("helper", json!({})).await;
    let dialog = bot.to_string();
    let said: Vec<u64> = ["a", "b", "c"]
        .iter()
        .map(|text| test.portal.send(1, &dialog, text).expect("sent"))
        .collect();
    let read = async |more: Value| {
        let mut params = json!({ "botId": bot, "dialogId": "1" });
        super::extend(&mut params, more);
        test.result("imbot.v2.Chat.Message.read", params).await
    };
    let answer = read(json!({ "messageId": said[1] })).await;
    let received = [
        &answer["lastId"],
        &answer["counter"],
        &answer["viewedMessages"],
    ];
    assert_eq!(received, [&json!(said[1]), &json!(1), &json!(said[..2])]);
    let answer = read(json!({})).await;
    let received = [
        &answer["lastId"],
        &answer["counter"],
        &answer["viewedMessages"],
    ];
    assert_eq!(received, [&json!(said[2]), &json!(0), &json!(said[2..])]);
    assert_eq!(
        read(json!({ "messageId": said[0] })).await["lastId"],
        said[2],
        "never backwards"
    );
    test.portal.edit(1, said[2], "c!").expect("edited");
    let event = test.fetched(bot, "ONIMBOTV2MESSAGEUPDATE").await;
    assert_eq!(event["data"]["message"]["viewedByOthers"], true);
    let params = json!({ "botId": bot, "dialogId": "1", "messageId": 1 });
    let refused = test.refusal("imbot.v2.Chat.Message.read", params).await;
    assert_eq!(refused, (400, "MESSAGE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_supervisor_reads_the_messages_around_a_message() {
    let test = TestPortal::new().await;
    let (bot, watch) = (
        test.bot_v2("helper", json!({})).await,
        test.bot_v2("watch", json!({ "type": "supervisor" })).await,
    );
    let group = test.portal.group(1, "Office", &[2, watch]).expect("made");
    let said: Vec<u64> = (0..5)
        .map(|number| {
            test.portal
                .send(1 + number % 2, &group, "hi")
                .expect("sent")
        })
        .collect();
    let context = async |message: u64, range: u64| {
        let params = json!({ "botId": watch, "messageId": message, "range": range });
        let answer = test
            .result("imbot.v2.Chat.Message.getContext", params)
            .await;
        let messages = answer["messages"].as_array().expect("a list").clone();
        let ids: Vec<u64> = messages
            .iter()
            .filter_map(|one| one["id"].as_u64())
            .collect();
        (
            ids,
            answer["hasPrevPage"] == true,
            answer["hasNextPage"] == true,
        )
    };
    assert_eq!(context(said[2], 1).await, (said[1..4].to_vec(), true, true));
    assert_eq!(context(said[4], 2).await, (said[2..].to_vec(), true, false));
    let (ids, before, after) = context(said[0], 50).await;
    assert!(
        ids.ends_with(&said) && !before && !after,
        "and what the portal said first"
    );

    let params = json!({ "botId": watch, "messageId": said[1] });
    let found = test.result("imbot.v2.Chat.Message.get", params).await;
    assert_eq!(
        [&found["message"]["id"], &found["user"]["id"]],
        [&json!(said[1]), &json!(2)]
    );
    assert_eq!(found["message"]["unread"], true);
    let elsewhere = test.portal.send(1, "2", "private").expect("sent");
    let cases = [
        (bot, said[1], "BOT_TYPE_NOT_ALLOWED"),
        (watch, 1, "MESSAGE_NOT_FOUND"),
        (watch, elsewhere, "MESSAGE_ACCESS_DENIED"),
    ];
    for (bot, message, code) in cases {
        let params = json!({ "botId": bot, "messageId": message });
        let refused = test
            .refusal("imbot.v2.Chat.Message.getContext", params)
            .await;
        assert_eq!(refused, (400, code.to_owned()));
    }
}
