//! A client writes, which creates chats, sessions and users.

use serde_json::{Value, json};

use super::{BORIS, CLARA, CONNECTOR, TestPortal, support};
use crate::emulator::{Client, NewLine};

#[tokio::test]
async fn a_first_message_creates_a_user_a_chat_and_a_session() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let element = test
        .outside("imconnector.send.messages", line, "ext-1", "hello")
        .await;
    let session = test.portal.session(
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
    let found = test
        .portal
        .line_chat(CONNECTOR, line, "channel-123", "ext-user-42");
    assert_eq!(found, Some(chat));
    let code = format!("{CONNECTOR}|{line}|channel-123|ext-user-42");
    let dialog = test
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
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let first = test.portal.session(chat)["id"].clone();
    assert_eq!(test.receive(line, "ext-2", "still me").await, chat);
    assert_eq!(test.portal.session(chat)["id"], first);
    test.portal.finish(BORIS, chat).expect("finished");
    assert_eq!(test.receive(line, "ext-3", "me again").await, chat);
    let second = test.portal.session(chat);
    assert_ne!(second["id"], first);
    assert_eq!(second["parent"], first);
}

#[tokio::test]
async fn the_same_outside_id_twice_is_two_messages() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    test.receive(line, "ext-1", "hello").await;
    let chat = test.receive(line, "ext-1", "hello").await;
    assert_eq!(texts(&test, chat), ["hello", "hello"]);
}

#[tokio::test]
async fn a_client_edits_and_deletes() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "helo").await;
    let changed = test
        .outside("imconnector.update.messages", line, "ext-1", "hello")
        .await;
    assert_eq!(
        [&changed["SUCCESS"], &changed["session"]],
        [&json!(true), &Value::Null]
    );
    assert_eq!(texts(&test, chat), ["hello"]);
    let unknown = test
        .outside("imconnector.update.messages", line, "ext-9", "?")
        .await;
    assert_eq!(unknown["SUCCESS"], false);
    assert!(unknown["ERRORS"][0].is_string());
    test.outside("imconnector.delete.messages", line, "ext-1", "")
        .await;
    assert_eq!(test.portal.line_history(chat)[0]["deleted"], true);
}

#[tokio::test]
async fn a_bot_gets_the_address_of_a_clients_file() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let line = test.line(support().bot(bot)).await;
    let address = "https://messenger.test/files/bill.pdf";
    let element = json!({
        "user": { "id": "u" },
        "message": { "id": "1", "files": [{ "url": address }] },
        "chat": { "id": "c" },
    });
    let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
    test.result("imconnector.send.messages", params).await;
    test.event("ONIMBOTJOINCHAT").await;
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let files = event["data"]["PARAMS"]["FILES"].as_object().expect("a map");
    let file = files.values().next().expect("a file");
    assert_eq!([&file["name"], &file["urlDownload"]], ["bill.pdf", address]);
}

#[tokio::test]
async fn a_message_can_be_stored_in_the_name_of_an_employee() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    test.bind(&["OnImConnectorMessageAdd"]).await;
    let element = json!({
        "user": { "id": "u" },
        "message": { "id": "1", "text": "said on the phone", "user_id": CLARA },
        "chat": { "id": "c" },
    });
    let params = json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] });
    test.result("imconnector.send.messages", params).await;
    let chat = test.portal.line_chat(CONNECTOR, line, "c", "u");
    let said = test.portal.line_history(chat.expect("a chat"));
    assert_eq!(said[0]["author"], CLARA);
    assert!(test.is_quiet().await, "the messenger has it already");
}

#[tokio::test]
async fn an_invalid_element_fails_alone() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
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
    let answer = test.result("imconnector.send.messages", params).await;
    let results = answer["DATA"]["RESULT"].as_array().expect("a list");
    let done: Vec<&Value> = results.iter().map(|one| &one["SUCCESS"]).collect();
    assert_eq!(done, [true, false]);
}

#[tokio::test]
async fn a_connector_for_groups_has_one_chat_for_all_its_users() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    test.register(json!({ "CHAT_GROUP": true })).await;
    let say = |user: &str| {
        let element = json!({
            "user": { "id": user },
            "message": { "id": "1", "text": "hi" },
            "chat": { "id": "room" },
        });
        json!({ "CONNECTOR": CONNECTOR, "LINE": line, "MESSAGES": [element] })
    };
    for user in ["one", "two"] {
        test.result("imconnector.send.messages", say(user)).await;
    }
    let chat = test.portal.line_chat(CONNECTOR, line, "room", "0");
    let session = test.portal.session(chat.expect("a chat"));
    assert_eq!(session["members"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_queue_asks_one_after_another() {
    let test = TestPortal::new().await;
    let line = test.portal.add_line(support().queue(&[BORIS, CLARA]));
    let operator = |client: &str| {
        let said = test.portal.client_says(&guest(line, client), "hello");
        test.portal.session(said.expect("said").chat)["operator"].clone()
    };
    assert_eq!(
        [operator("a"), operator("b"), operator("c")],
        [BORIS, CLARA, BORIS]
    );
    test.portal
        .set_line(line, "QUEUE_TYPE", "strictly")
        .expect("set");
    assert_eq!([operator("d"), operator("e")], [BORIS, BORIS]);
    test.portal.set_queue(line, &[]).expect("set");
    assert_eq!(operator("f"), 0, "nobody is there: it waits");
}

#[tokio::test]
async fn the_live_chat_needs_no_application() {
    let test = TestPortal::new().await;
    let line = test.portal.add_line(
        NewLine::new("Site")
            .queue(&[BORIS])
            .set("WELCOME_MESSAGE", "Y")
            .set("WELCOME_MESSAGE_TEXT", "Welcome!"),
    );
    let client = guest(line, "visitor");
    let said = test.portal.client_says(&client, "hello").expect("said");
    let dialog = format!("chat{}", said.chat);
    test.portal.answer(BORIS, said.chat).expect("answered");
    test.portal.send(BORIS, &dialog, "hi!").expect("sent");
    test.portal
        .whisper(BORIS, said.chat, "who is it?")
        .expect("whispered");
    test.portal
        .client_edits(&client, said.message, "hello!")
        .expect("edited");
    let seen = test.portal.client_sees(&client);
    let texts: Vec<&Value> = seen.iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["hello!", "Welcome!", "hi!"]);
    test.portal
        .set_line(line, "ACTIVE", "N")
        .expect("switched off");
    let refused = test.portal.client_says(&client, "?").unwrap_err();
    assert_eq!(refused.code(), "NOT_ACTIVE_LINE");
}

fn guest(line: u64, id: &str) -> Client {
    Client {
        line,
        id: id.to_owned(),
        name: "Visitor".to_owned(),
    }
}

fn texts(test: &TestPortal, chat: u64) -> Vec<Value> {
    let said = test.portal.line_history(chat);
    said.into_iter().map(|one| one["text"].clone()).collect()
}
