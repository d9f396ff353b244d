//! Bots on a line: the welcome, the messages they get, and transfers. See
//! protocol/server-behaviour.md 6.2.

use serde_json::{Value, json};

use super::{BORIS, CLARA, TestPortal, support};

const JOIN: &str = "ONIMBOTJOINCHAT";
const ADD: &str = "ONIMBOTMESSAGEADD";

/// A line whose welcome bot is a v1 bot, and the chat of a client who has written; both events
/// are received.
async fn greeted(test: &TestPortal) -> (u64, u64, u64) {
    let bot = test.line_bot("greeter").await;
    let line = test.line(support().bot(bot)).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.event(JOIN).await;
    test.event(ADD).await;
    (bot, line, chat)
}

/// Returns the operator of a chat's session.
fn operator(test: &TestPortal, chat: u64) -> Value {
    test.portal.session(chat)["operator"].clone()
}

fn is_there(test: &TestPortal, chat: u64, user: u64) -> bool {
    let members = test.portal.session(chat)["members"].clone();
    members
        .as_array()
        .is_some_and(|all| all.contains(&json!(user)))
}

#[tokio::test]
async fn the_welcome_bot_joins_before_it_gets_the_first_message() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let line = test.line(support().bot(bot)).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let join = test.event(JOIN).await;
    let params = &join["data"]["PARAMS"];
    assert_eq!(params["CHAT_ENTITY_TYPE"], "LINES");
    assert_eq!(
        [&params["CHAT_TYPE"], &params["DIALOG_ID"]],
        ["L", &*format!("chat{chat}")]
    );
    assert_eq!(join["data"]["USER"], Value::Null, "nobody brought it in");
    let event = test.event(ADD).await;
    let params = &event["data"]["PARAMS"];
    assert_eq!(params["MESSAGE"], "hello");
    assert_eq!(
        [&params["CHAT_TYPE"], &params["CHAT_ENTITY_TYPE"]],
        ["L", "LINES"]
    );
    let code = format!("myconnector|{line}|channel-123|ext-user-42");
    assert_eq!(params["CHAT_ENTITY_ID"], code.as_str());
    let data = params["CHAT_ENTITY_DATA_1"].as_str().expect("a text");
    let session = test.portal.session(chat);
    assert_eq!(data.split('|').nth(5), Some(&*session["id"].to_string()));
    assert_eq!(
        params["CHAT_ENTITY_DATA_2"],
        "LEAD|0|COMPANY|0|CONTACT|0|DEAL|0"
    );
    let user = &event["data"]["USER"];
    assert_eq!([&user["IS_CONNECTOR"], &user["IS_EXTRANET"]], ["Y", "Y"]);
    assert_eq!(user["NAME"], "Klaus Weber");
    assert_eq!(operator(&test, chat), bot);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn v2_bots_get_the_same_event_posted_and_polled() {
    let test = TestPortal::new().await;
    let supports = json!({ "isSupportOpenline": true });
    let posted = test.posted("posted", supports.clone()).await;
    let polled = test.bot_v2("polled", supports).await;
    let line = test.line(support().bot(posted)).await;
    test.receive(line, "ext-1", "hello").await;
    test.event("ONIMBOTV2JOINCHAT").await;
    let event = test.event("ONIMBOTV2MESSAGEADD").await;
    let chat = &event["data"]["chat"];
    assert_eq!([&chat["type"], &chat["messageType"]], ["lines", "L"]);
    assert_eq!([&chat["entityType"], &chat["owner"]], ["LINES", "0"]);
    let user = &event["data"]["user"];
    assert_eq!([&user["connector"], &user["type"]], ["1", "extranet"]);
    assert_eq!(user["externalAuthId"], "imconnector");
    test.portal
        .set_line(line, "WELCOME_BOT_ID", &polled.to_string())
        .expect("set");
    let other = json!({
        "CONNECTOR": "myconnector",
        "LINE": line,
        "MESSAGES": [{
            "user": { "id": "another" },
            "message": { "id": "1", "text": "hi" },
            "chat": { "id": "another" },
        }],
    });
    test.result("imconnector.send.messages", other).await;
    let join = test.fetched(polled, "ONIMBOTV2JOINCHAT").await;
    assert_eq!(join["data"]["chat"]["entityType"], "LINES");
    let said = test.fetched(polled, "ONIMBOTV2MESSAGEADD").await;
    assert_eq!(said["data"]["user"]["connector"], true);
    assert_eq!(said["data"]["message"]["text"], "hi");
}

#[tokio::test]
async fn a_bot_without_open_lines_does_not_greet() {
    let test = TestPortal::new().await;
    let bot = test.bot("plain", "B").await;
    let line = test.line(support().bot(bot)).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    assert_eq!(operator(&test, chat), BORIS);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_bot_for_new_clients_does_not_join_the_second_session() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let line = support().bot(bot).set("WELCOME_BOT_JOIN", "first");
    let line = test.line(line).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.event(JOIN).await;
    test.event(ADD).await;
    test.portal.finish(1, chat).expect("finished");
    test.receive(line, "ext-2", "again").await;
    assert_eq!(operator(&test, chat), BORIS);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_bots_message_is_sent_to_the_client_with_its_name() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    test.bind(&["OnImConnectorMessageAdd"]).await;
    let say = json!({ "BOT_ID": bot, "DIALOG_ID": format!("chat{chat}"), "MESSAGE": "Hi!" });
    test.result("imbot.message.add", say).await;
    let event = test.event("ONIMCONNECTORMESSAGEADD").await;
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["text"], "[b]greeter:[/b] [br]Hi!");
    assert_eq!(said["user_id"], bot.to_string());
}

#[tokio::test]
async fn a_zero_passes_the_session_to_the_queue_after_the_bot_got_it() {
    let test = TestPortal::new().await;
    let (bot, line, chat) = greeted(&test).await;
    test.receive(line, "ext-2", "0").await;
    let event = test.event(ADD).await;
    assert_eq!(event["data"]["PARAMS"]["MESSAGE"], "0");
    assert_eq!(operator(&test, chat), BORIS);
    assert!(!is_there(&test, chat, bot));
    test.receive(line, "ext-3", "hello?").await;
    assert!(test.is_quiet().await, "the bot is gone");
}

#[tokio::test]
async fn the_queue_takes_over_when_the_bots_time_is_over() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let line = test
        .line(support().bot(bot).set("WELCOME_BOT_TIME", "1"))
        .await;
    let mut updates = test.portal.subscribe(BORIS);
    let chat = test.receive(line, "ext-1", "hello").await;
    assert_eq!(operator(&test, chat), bot);
    while operator(&test, chat) == bot {
        updates.next().await.expect("news");
    }
    assert_eq!(operator(&test, chat), BORIS);
    assert!(!is_there(&test, chat, bot));
}

#[tokio::test]
async fn a_bot_that_stays_gets_messages_of_clients_and_operators() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("greeter").await;
    let line = support().bot(bot).set("WELCOME_BOT_LEFT", "close");
    let line = test.line(line).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.event(JOIN).await;
    test.event(ADD).await;
    test.portal.end_bot_time(chat).expect("over");
    assert_eq!(operator(&test, chat), BORIS);
    assert!(is_there(&test, chat, bot));
    test.portal.answer(BORIS, chat).expect("answered");
    test.portal
        .send(BORIS, &format!("chat{chat}"), "I am here")
        .expect("sent");
    let event = test.event(ADD).await;
    assert_eq!(event["data"]["USER"]["IS_CONNECTOR"], "N");
    test.portal.whisper(BORIS, chat, "psst").expect("said");
    let event = test.event(ADD).await;
    assert_eq!(event["data"]["PARAMS"]["SILENT_CONNECTOR"], "Y");
    test.portal.finish(BORIS, chat).expect("finished");
    assert!(!is_there(&test, chat, bot), "the end is the end");
}

#[tokio::test]
async fn a_bot_calls_an_operator_once() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    let call = json!({ "CHAT_ID": chat });
    let done = test
        .result("imopenlines.bot.session.operator", call.clone())
        .await;
    assert_eq!(done, true);
    assert_eq!(operator(&test, chat), BORIS);
    assert!(!is_there(&test, chat, bot));
    let again = test.refusal("imopenlines.bot.session.operator", call).await;
    assert_eq!(again, (400, "WRONG_CHAT".to_owned()));
    let nowhere = test
        .refusal("imopenlines.bot.session.operator", json!({}))
        .await;
    assert_eq!(nowhere, (400, "CHAT_ID_EMPTY".to_owned()));
}

#[tokio::test]
async fn the_welcome_bot_leaves_when_a_person_takes_over() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    let transfer = json!({ "CHAT_ID": chat, "USER_ID": CLARA, "LEAVE": "N" });
    test.result("imopenlines.bot.session.transfer", transfer)
        .await;
    let session = test.portal.session(chat);
    assert_eq!(
        [&session["operator"], &session["answered"]],
        [&json!(CLARA), &json!(true)]
    );
    assert!(!is_there(&test, chat, bot));
}

#[tokio::test]
async fn another_bot_stays_after_a_transfer_unless_it_leaves() {
    let test = TestPortal::new().await;
    let bot = test.line_bot("guest").await;
    for (leave, stays) in [("N", true), ("Y", false)] {
        let line = test.line(support()).await;
        let chat = test.receive(line, "ext-1", "hello").await;
        test.portal
            .transfer_to_bot(BORIS, chat, bot)
            .expect("handed over");
        test.event(JOIN).await;
        let queue = format!("queue{line}");
        let transfer = json!({ "CHAT_ID": chat, "TRANSFER_ID": queue, "LEAVE": leave });
        test.result("imopenlines.bot.session.transfer", transfer)
            .await;
        assert_eq!(operator(&test, chat), BORIS);
        assert_eq!(is_there(&test, chat, bot), stays, "LEAVE={leave}");
        test.portal.finish(BORIS, chat).expect("finished");
    }
}

#[tokio::test]
async fn sessions_of_a_removed_bot_go_to_the_queue() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    test.result("imbot.unregister", json!({ "BOT_ID": bot }))
        .await;
    assert_eq!(operator(&test, chat), BORIS);
}

#[tokio::test]
async fn a_bot_that_leaves_the_chat_loses_the_session() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    let leave = json!({ "BOT_ID": bot, "CHAT_ID": chat });
    test.result("imbot.chat.leave", leave).await;
    assert_eq!(operator(&test, chat), BORIS);
}

#[tokio::test]
async fn a_transfer_uses_the_first_bot_of_the_application() {
    let test = TestPortal::new().await;
    let first = test.line_bot("first").await;
    let second = test.line_bot("second").await;
    let line = test.line(support().bot(second)).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.event(JOIN).await;
    test.event(ADD).await;
    let transfer = json!({ "CHAT_ID": chat, "USER_ID": CLARA, "LEAVE": "Y", "BOT_ID": second });
    test.result("imopenlines.bot.session.transfer", transfer)
        .await;
    assert_eq!(operator(&test, chat), CLARA);
    test.receive(line, "ext-2", "are you there?").await;
    let event = test.event(ADD).await;
    let bots = event["data"]["BOT"].as_object().expect("a map");
    assert!(
        bots.contains_key(&second.to_string()),
        "it was not the one to leave"
    );
    let finish = json!({ "CHAT_ID": chat, "BOT_ID": second });
    test.result("imopenlines.bot.session.finish", finish).await;
    let session = test.portal.session(chat);
    assert_eq!(session["closed"], true);
    assert_eq!(session["operator"], first);
}

#[tokio::test]
async fn a_failed_transfer_has_a_code() {
    let test = TestPortal::new().await;
    let (bot, _, chat) = greeted(&test).await;
    let cases = [
        (json!({}), "CHAT_ID_EMPTY"),
        (json!({ "chat_id": chat }), "CHAT_ID_EMPTY"),
        (json!({ "CHAT_ID": chat }), "TRANSFER_ID_EMPTY"),
        (json!({ "CHAT_ID": chat, "USER_ID": 0 }), "USER_ID_EMPTY"),
        (json!({ "CHAT_ID": chat, "QUEUE_ID": "" }), "QUEUE_ID_EMPTY"),
        (json!({ "CHAT_ID": chat, "USER_ID": bot }), "OPERATOR_WRONG"),
        (json!({ "CHAT_ID": chat, "QUEUE_ID": 99 }), "OPERATOR_WRONG"),
    ];
    for (params, expected) in cases {
        let found = test
            .refusal("imopenlines.bot.session.transfer", params.clone())
            .await;
        assert_eq!(found, (400, expected.to_owned()), "{params}");
    }
}

#[tokio::test]
async fn a_webhook_names_its_bot_by_client_id_or_bot_token() {
    let test = TestPortal::new().await;
    let fields = json!({
        "code": "hooked",
        "botToken": "my token",
        "isSupportOpenline": true,
        "properties": { "name": "Hooked" },
    });
    let params = json!({ "fields": fields });
    let (_, made) = test.by_webhook("imbot.v2.Bot.register", params).await;
    let bot = made["result"]["bot"]["id"].as_u64().expect("an id");
    let line = test.line(support().bot(bot)).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let finish = |client: Option<&str>| json!({ "CHAT_ID": chat, "CLIENT_ID": client });
    let method = "imopenlines.bot.session.finish";
    assert_eq!(test.by_webhook(method, finish(None)).await.0, 403);
    let (_, other) = test.by_webhook(method, finish(Some("other"))).await;
    assert_eq!(other["error"], "BOT_ID_ERROR");
    let (status, done) = test.by_webhook(method, finish(Some("my token"))).await;
    assert_eq!((status, &done["result"]), (200, &json!(true)));
    assert_eq!(test.portal.session(chat)["closed"], true);
}

#[tokio::test]
async fn the_client_sees_the_lines_greeting() {
    let test = TestPortal::new().await;
    let (_, line, chat) = greeted(&test).await;
    test.bind(&["OnImConnectorMessageAdd"]).await;
    test.portal
        .set_line(line, "WELCOME_MESSAGE_TEXT", "Welcome!")
        .expect("set");
    let say = json!({ "CHAT_ID": chat, "NAME": "WELCOME", "MESSAGE": "not this" });
    test.result("imopenlines.bot.session.message.send", say)
        .await;
    let event = test.event("ONIMCONNECTORMESSAGEADD").await;
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["text"], "Welcome!");
    let nothing = json!({ "CHAT_ID": chat, "NAME": "DEFAULT", "MESSAGE": "" });
    let done = test
        .result("imopenlines.bot.session.message.send", nothing)
        .await;
    assert_eq!(done, true);
    assert!(test.is_quiet().await);
}
