//! What goes out to a client and what stays; how far it has come.

use serde_json::json;

use super::{BORIS, CONNECTOR, Desk, support};

const ADD: &str = "ONIMCONNECTORMESSAGEADD";

/// A line whose connector hears, and a chat on it that Boris has answered.
async fn answered(desk: &Desk) -> (u64, u64) {
    let line = desk.line(support()).await;
    desk.bind(&[
        ADD,
        "ONIMCONNECTORMESSAGEUPDATE",
        "ONIMCONNECTORMESSAGEDELETE",
    ])
    .await;
    let chat = desk.hear(line, "ext-1", "hello").await;
    desk.portal.answer(BORIS, chat).expect("answered");
    (line, chat)
}

#[tokio::test]
async fn a_message_is_sending_until_it_is_confirmed_once() {
    let desk = Desk::new().await;
    let (line, chat) = answered(&desk).await;
    let id = desk
        .portal
        .send(BORIS, &format!("chat{chat}"), "hi")
        .expect("sent");
    desk.event(ADD).await;
    assert_eq!(desk.passage(chat), json!({ "state": "sending", "ids": [] }));
    desk.portal.edit(BORIS, id, "hi!").expect("edited");
    assert!(
        desk.is_quiet().await,
        "nobody knows what it is called outside"
    );
    let done = desk.confirm(line, id, json!(["out-1", "out-2"])).await;
    assert_eq!(done, json!({ "SUCCESS": true, "DATA": [] }));
    desk.confirm(line, id, json!(["too late"])).await;
    let delivered = json!({ "state": "delivered", "ids": ["out-1", "out-2"] });
    assert_eq!(desk.passage(chat), delivered);
    desk.portal.delete(BORIS, id).expect("deleted");
    let event = desk.event("ONIMCONNECTORMESSAGEDELETE").await;
    let items = event["data"]["MESSAGES"].as_object().expect("a map");
    assert_eq!(items.len(), 2, "one for each number outside");
    assert_eq!(items["1"]["message"]["id"], "out-2");
}

#[tokio::test]
async fn whispers_notes_and_what_is_to_be_skipped_stay_here() {
    let desk = Desk::new().await;
    let (_, chat) = answered(&desk).await;
    desk.portal.whisper(BORIS, chat, "careful").expect("said");
    assert_eq!(desk.passage(chat)["state"], "silent");
    let skipped =
        json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": "x", "SKIP_CONNECTOR": "Y" });
    desk.portal.join(1, chat).expect("joined");
    desk.result("im.message.add", skipped).await;
    desk.portal.silence(BORIS, chat, true).expect("silent");
    let dialog = format!("chat{chat}");
    desk.portal.send(BORIS, &dialog, "not yet").expect("sent");
    assert!(desk.is_quiet().await);
    desk.portal.silence(BORIS, chat, false).expect("loud");
    desk.portal.send(BORIS, &dialog, "now").expect("sent");
    desk.event(ADD).await;
}

#[tokio::test]
async fn signatures_and_words_of_the_portal_are_for_who_wants_them() {
    let desk = Desk::new().await;
    let (line, chat) = answered(&desk).await;
    let dialog = format!("chat{chat}");
    let system = json!({ "CHAT_ID": chat, "MESSAGE": "We are closed" });
    let say = "imopenlines.bot.session.message.send";
    desk.result(say, system.clone()).await;
    let event = desk.event(ADD).await;
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["text"], "We are closed", "nobody's name is in front");
    assert_eq!(said["user_id"], "0");
    desk.register(json!({ "NEED_SIGNATURE": false, "NEED_SYSTEM_MESSAGES": "N" }))
        .await;
    desk.result(say, system).await;
    desk.portal.send(BORIS, &dialog, "hi").expect("sent");
    let event = desk.event(ADD).await;
    assert_eq!(event["data"]["MESSAGES"]["0"]["message"]["text"], "hi");
    assert_eq!(event["data"]["LINE"], line.to_string());
}

#[tokio::test]
async fn files_go_out_with_their_addresses() {
    let desk = Desk::new().await;
    let bot = desk
        .posted("keeper", json!({ "isSupportOpenline": true }))
        .await;
    let (_, chat) = answered(&desk).await;
    desk.portal
        .transfer_to_bot(BORIS, chat, bot)
        .expect("handed over");
    desk.event("ONIMBOTV2JOINCHAT").await;
    let file = json!({
        "botId": bot,
        "dialogId": format!("chat{chat}"),
        "fields": { "name": "a.txt", "content": "aGVsbG8=", "message": "read it" },
    });
    desk.result("imbot.v2.File.upload", file).await;
    let event = desk.event(ADD).await;
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
async fn who_wants_no_edits_gets_none() {
    let desk = Desk::new().await;
    let (line, chat) = answered(&desk).await;
    let wishes = json!({ "EDIT_INTERNAL_MESSAGES": 0, "DEL_INTERNAL_MESSAGES": 0 });
    desk.register(wishes).await;
    let dialog = format!("chat{chat}");
    let id = desk.portal.send(BORIS, &dialog, "hi").expect("sent");
    desk.event(ADD).await;
    desk.confirm(line, id, json!(["out-1"])).await;
    desk.portal.edit(BORIS, id, "hi!").expect("edited");
    desk.portal.delete(BORIS, id).expect("deleted");
    assert!(desk.is_quiet().await);
}

#[tokio::test]
async fn nothing_is_told_to_a_connector_that_is_off() {
    let desk = Desk::new().await;
    let (line, chat) = answered(&desk).await;
    desk.portal.switch_off(CONNECTOR, line).expect("off");
    desk.portal
        .send(BORIS, &format!("chat{chat}"), "hi")
        .expect("sent");
    assert!(desk.is_quiet().await);
    assert_eq!(desk.passage(chat)["state"], "sending");
}
