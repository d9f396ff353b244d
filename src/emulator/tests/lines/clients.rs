//! A client writes: chats, sessions and users come of it.

use serde_json::{Value, json};

use super::{BORIS, CLARA, CONNECTOR, Desk, support};
use crate::emulator::{Client, NewLine};

#[tokio::test]
async fn a_first_word_makes_a_user_a_chat_and_a_session() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    let element = desk
        .outside("imconnector.send.messages", line, "ext-1", "hello")
        .await;
    let session = desk.portal.session(
        element["session"]["CHAT_ID"]
            .as_str()
            .expect("a text")
            .parse()
            .expect("a number"),
    );
    assert_eq!(element["session"]["ID"], session["id"].to_string());
    assert_eq!(element["user"], "ext-user-42");
    assert_eq!(element["message"]["date"], json!({}));
    assert_eq!(element["chat"]["description"], "https://page.test/123");
    assert_eq!(
        [&session["operator"], &session["answered"]],
        [&json!(BORIS), &json!(false)]
    );
    let chat = session["chat"].as_u64().expect("a number");
    let found = desk
        .portal
        .line_chat(CONNECTOR, line, "channel-123", "ext-user-42");
    assert_eq!(found, Some(chat));
    let code = format!("{CONNECTOR}|{line}|channel-123|ext-user-42");
    let dialog = desk
        .result("imopenlines.dialog.get", json!({ "USER_CODE": code }))
        .await;
    assert_eq!(dialog["type"], "lines");
    assert_eq!(dialog["message_type"], "L");
    assert_eq!(dialog["entity_type"], "LINES");
    assert_eq!(dialog["entity_id"], code.as_str());
    assert_eq!(dialog["name"], "Klaus Weber - Support");
    let data = dialog["entity_data_1"].as_str().expect("a text");
    let parts: Vec<&str> = data.split('|').collect();
    assert_eq!(parts[..5], ["N", "NONE", "0", "N", "N"]);
    assert_eq!(parts[5], session["id"].to_string());
}

#[tokio::test]
async fn the_same_client_keeps_its_chat_and_gets_a_new_session_after_the_end() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    let chat = desk.hear(line, "ext-1", "hello").await;
    let first = desk.portal.session(chat)["id"].clone();
    assert_eq!(desk.hear(line, "ext-2", "still me").await, chat);
    assert_eq!(desk.portal.session(chat)["id"], first);
    desk.portal.finish(BORIS, chat).expect("finished");
    assert_eq!(desk.hear(line, "ext-3", "me again").await, chat);
    let second = desk.portal.session(chat);
    assert_ne!(second["id"], first);
    assert_eq!(second["parent"], first);
}

#[tokio::test]
async fn a_number_that_comes_twice_is_two_messages() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    desk.hear(line, "ext-1", "hello").await;
    let chat = desk.hear(line, "ext-1", "hello").await;
    assert_eq!(texts(&desk, chat), ["hello", "hello"]);
}

#[tokio::test]
async fn a_client_edits_and_deletes() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    let chat = desk.hear(line, "ext-1", "helo").await;
    let changed = desk
        .outside("imconnector.update.messages", line, "ext-1", "hello")
        .await;
    assert_eq!(
        [&changed["SUCCESS"], &changed["session"]],
        [&json!(true), &Value::Null]
    );
    assert_eq!(texts(&desk, chat), ["hello"]);
    let unknown = desk
        .outside("imconnector.update.messages", line, "ext-9", "?")
        .await;
    assert_eq!(unknown["SUCCESS"], false);
    assert!(unknown["ERRORS"][0].is_string());
    desk.outside("imconnector.delete.messages", line, "ext-1", "")
        .await;
    assert_eq!(desk.portal.line_history(chat)[0]["deleted"], true);
}

#[tokio::test]
async fn a_bot_is_told_where_a_clients_file_is() {
    let desk = Desk::new().await;
    let bot = desk.line_bot("greeter").await;
    let line = desk.line(support().bot(bot)).await;
    let address = "https://messenger.test/files/bill.pdf";
    let element = json!({
        "user": { "id": "u" },
        "message": { "id": "1", "files": [{ "url": address }] },
        "chat": { "id": "c" },
    });
    let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
    desk.result("imconnector.send.messages", params).await;
    desk.event("ONIMBOTJOINCHAT").await;
    let event = desk.event("ONIMBOTMESSAGEADD").await;
    let files = event["data"]["PARAMS"]["FILES"].as_object().expect("a map");
    let file = files.values().next().expect("a file");
    assert_eq!([&file["name"], &file["urlDownload"]], ["bill.pdf", address]);
}

#[tokio::test]
async fn a_message_may_be_kept_in_the_name_of_an_employee() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    desk.bind(&["OnImConnectorMessageAdd"]).await;
    let element = json!({
        "user": { "id": "u" },
        "message": { "id": "1", "text": "said on the phone", "user_id": CLARA },
        "chat": { "id": "c" },
    });
    let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
    desk.result("imconnector.send.messages", params).await;
    let chat = desk.portal.line_chat(CONNECTOR, line, "c", "u");
    let said = desk.portal.line_history(chat.expect("a chat"));
    assert_eq!(said[0]["author"], CLARA);
    assert!(desk.is_quiet().await, "the messenger has it already");
}

#[tokio::test]
async fn an_element_fails_by_itself() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    let element = |id: &str| {
        json!({
            "USER": { "ID": id },
            "MESSAGE": { "ID": "1", "TEXT": "hi" },
            "CHAT": { "ID": "c" },
        })
    };
    let params = json!({
        "CONNECTOR": CONNECTOR,
        "LINE": line,
        "MESSAGES": [element("u"), element("")],
    });
    let answer = desk.result("imconnector.send.messages", params).await;
    let results = answer["DATA"]["RESULT"].as_array().expect("a list");
    let done: Vec<&Value> = results.iter().map(|one| &one["SUCCESS"]).collect();
    assert_eq!(done, [true, false]);
}

#[tokio::test]
async fn a_connector_of_groups_has_one_chat_for_all_who_write_in_it() {
    let desk = Desk::new().await;
    let line = desk.line(support()).await;
    desk.register(json!({ "CHAT_GROUP": true })).await;
    let say = |user: &str| {
        let element = json!({
            "user": { "id": user },
            "message": { "id": "1", "text": "hi" },
            "chat": { "id": "room" },
        });
        json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] })
    };
    for user in ["one", "two"] {
        desk.result("imconnector.send.messages", say(user)).await;
    }
    let chat = desk.portal.line_chat(CONNECTOR, line, "room", "0");
    let session = desk.portal.session(chat.expect("a chat"));
    assert_eq!(session["members"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_queue_asks_one_after_another() {
    let desk = Desk::new().await;
    let line = desk.portal.add_line(support().queue(&[BORIS, CLARA]));
    let operator = |client: &str| {
        let said = desk.portal.client_says(&guest(line, client), "hello");
        desk.portal.session(said.expect("said").chat)["operator"].clone()
    };
    assert_eq!(
        [operator("a"), operator("b"), operator("c")],
        [BORIS, CLARA, BORIS]
    );
    desk.portal
        .set_line(line, "QUEUE_TYPE", "strictly")
        .expect("set");
    assert_eq!([operator("d"), operator("e")], [BORIS, BORIS]);
    desk.portal.set_queue(line, &[]).expect("set");
    assert_eq!(operator("f"), 0, "nobody is there: it waits");
}

#[tokio::test]
async fn the_live_chat_needs_no_application() {
    let desk = Desk::new().await;
    let line = desk.portal.add_line(
        NewLine::new("Site")
            .queue(&[BORIS])
            .set("WELCOME_MESSAGE", "Y")
            .set("WELCOME_MESSAGE_TEXT", "Welcome!"),
    );
    let client = guest(line, "visitor");
    let said = desk.portal.client_says(&client, "hello").expect("said");
    let dialog = format!("chat{}", said.chat);
    desk.portal.answer(BORIS, said.chat).expect("answered");
    desk.portal.send(BORIS, &dialog, "hi!").expect("sent");
    desk.portal
        .whisper(BORIS, said.chat, "who is it?")
        .expect("whispered");
    desk.portal
        .client_edits(&client, said.message, "hello!")
        .expect("edited");
    let seen = desk.portal.client_sees(&client);
    let texts: Vec<&Value> = seen.iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["hello!", "Welcome!", "hi!"]);
    desk.portal
        .set_line(line, "ACTIVE", "N")
        .expect("switched off");
    let refused = desk.portal.client_says(&client, "?").unwrap_err();
    assert_eq!(refused.code(), "NOT_ACTIVE_LINE");
}

fn guest(line: u64, id: &str) -> Client {
    Client {
        line,
        id: id.to_owned(),
        name: "Visitor".to_owned(),
    }
}

fn texts(desk: &Desk, chat: u64) -> Vec<Value> {
    let said = desk.portal.line_history(chat);
    said.into_iter().map(|one| one["text"].clone()).collect()
}
