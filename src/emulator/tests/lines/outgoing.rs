//! Messages sent to a client or kept from it, and their states.

use serde_json::json;

use super::{BORIS, CONNECTOR, TestPortal, support};

const ADD: &str = "ONIMCONNECTORMESSAGEADD";

/// A line with a connector that gets events, and a chat on it that Boris has answered.
async fn answered(test: &TestPortal) -> (u64, u64) {
    let line = test.line(support()).await;
    test.bind(&[
        ADD,
        "ONIMCONNECTORMESSAGEUPDATE",
        "ONIMCONNECTORMESSAGEDELETE",
    ])
    .await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.portal.answer(BORIS, chat).expect("answered");
    (line, chat)
}

#[tokio::test]
async fn a_message_is_sending_until_it_is_confirmed_once() {
    let test = TestPortal::new().await;
    let (line, chat) = answered(&test).await;
    let id = test
        .portal
        .send(BORIS, &format!("chat{chat}"), "hi")
        .expect("sent");
    test.event(ADD).await;
    assert_eq!(test.state(chat), json!({ "state": "sending", "ids": [] }));
    test.portal.edit(BORIS, id, "hi!").expect("edited");
    assert!(
        test.is_quiet().await,
        "nobody knows what it is called outside"
    );
    let done = test.confirm(line, id, json!(["out-1", "out-2"])).await;
    assert_eq!(done, json!({ "SUCCESS": true, "DATA": [] }));
    test.confirm(line, id, json!(["too late"])).await;
    let delivered = json!({ "state": "delivered", "ids": ["out-1", "out-2"] });
    assert_eq!(test.state(chat), delivered);
    test.portal.delete(BORIS, id).expect("deleted");
    let event = test.event("ONIMCONNECTORMESSAGEDELETE").await;
    let items = event["data"]["MESSAGES"].as_object().expect("a map");
    assert_eq!(items.len(), 2, "one for each number outside");
    assert_eq!(items["1"]["message"]["id"], "out-2");
}

#[tokio::test]
async fn whispers_notes_and_skipped_messages_are_kept_from_the_client() {
    let test = TestPortal::new().await;
    let (_, chat) = answered(&test).await;
    test.portal.whisper(BORIS, chat, "careful").expect("said");
    assert_eq!(test.state(chat)["state"], "silent");
    let skipped =
        json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": "x", "SKIP_CONNECTOR": "Y" });
    test.portal.join(1, chat).expect("joined");
    test.result("im.message.add", skipped).await;
    test.portal.silence(BORIS, chat, true).expect("silent");
    let dialog = format!("chat{chat}");
    test.portal.send(BORIS, &dialog, "not yet").expect("sent");
    assert!(test.is_quiet().await);
    test.portal.silence(BORIS, chat, false).expect("loud");
    test.portal.send(BORIS, &dialog, "now").expect("sent");
    test.event(ADD).await;
}

#[tokio::test]
async fn signatures_and_system_messages_are_sent_only_if_wanted() {
    let test = TestPortal::new().await;
    let (line, chat) = answered(&test).await;
    let dialog = format!("chat{chat}");
    let system = json!({ "CHAT_ID": chat, "MESSAGE": "We are closed" });
    let say = "imopenlines.bot.session.message.send";
    test.result(say, system.clone()).await;
    let event = test.event(ADD).await;
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["text"], "We are closed", "nobody's name is in front");
    assert_eq!(said["user_id"], "0");
    test.register(json!({ "NEED_SIGNATURE": false, "NEED_SYSTEM_MESSAGES": "N" }))
        .await;
    test.result(say, system).await;
    test.portal.send(BORIS, &dialog, "hi").expect("sent");
    let event = test.event(ADD).await;
    assert_eq!(event["data"]["MESSAGES"]["0"]["message"]["text"], "hi");
    assert_eq!(event["data"]["LINE"], line.to_string());
}

#[tokio::test]
async fn files_are_sent_out_with_their_addresses() {
    let test = TestPortal::new().await;
    let bot = test
        .posted("keeper", json!({ "isSupportOpenline": true }))
        .await;
    let (_, chat) = answered(&test).await;
    test.portal
        .transfer_to_bot(BORIS, chat, bot)
        .expect("handed over");
    test.event("ONIMBOTV2JOINCHAT").await;
    let file = json!({
        "botId": bot,
        "dialogId": format!("chat{chat}"),
        "fields": { "name": "a.txt", "content": "aGVsbG8=", "message": "read it" },
    });
    test.result("imbot.v2.File.upload", file).await;
    let event = test.event(ADD).await;
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["text"], "[b]keeper:[/b] [br]read it");
    let file = &said["files"]["0"];
    assert_eq!(
        [&file["name"], &file["mime"], &file["size"]],
        ["a.txt", "text/plain", "5"]
    );
    assert_eq!(file["link"], file["downloadLink"]);
}

#[tokio::test]
async fn a_connector_without_edits_gets_none() {
    let test = TestPortal::new().await;
    let (line, chat) = answered(&test).await;
    let options = json!({ "EDIT_INTERNAL_MESSAGES": 0, "DEL_INTERNAL_MESSAGES": 0 });
    test.register(options).await;
    let dialog = format!("chat{chat}");
    let id = test.portal.send(BORIS, &dialog, "hi").expect("sent");
    test.event(ADD).await;
    test.confirm(line, id, json!(["out-1"])).await;
    test.portal.edit(BORIS, id, "hi!").expect("edited");
    test.portal.delete(BORIS, id).expect("deleted");
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_connector_that_is_off_gets_no_events() {
    let test = TestPortal::new().await;
    let (line, chat) = answered(&test).await;
    test.portal.switch_off(CONNECTOR, line).expect("off");
    test.portal
        .send(BORIS, &format!("chat{chat}"), "hi")
        .expect("sent");
    assert!(test.is_quiet().await);
    assert_eq!(test.state(chat)["state"], "sending");
}
