//! Operators, through the API and through `imopenlines.operator.*` and `.session.*`.

use serde_json::{Value, json};

use super::{BORIS, CLARA, CONNECTOR, TestPortal, support};

fn operator(test: &TestPortal, chat: u64) -> Value {
    test.portal.session(chat)["operator"].clone()
}

#[tokio::test]
async fn a_session_is_taken_passed_on_transferred_and_finished() {
    let test = TestPortal::new().await;
    let line = test.line(support().queue(&[BORIS, CLARA])).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.portal.answer(BORIS, chat).expect("answered");
    assert_eq!(test.portal.session(chat)["answered"], true);
    test.portal.skip(BORIS, chat).expect("passed on");
    assert_eq!(operator(&test, chat), CLARA);
    assert_eq!(
        test.portal.skip(BORIS, chat).unwrap_err().code(),
        "ACCESS_DENIED_KICK"
    );
    test.portal
        .transfer_to_user(CLARA, chat, 4)
        .expect("handed over");
    assert_eq!(operator(&test, chat), 4);
    test.portal
        .transfer_to_queue(4, chat, line)
        .expect("handed over");
    assert_eq!(operator(&test, chat), BORIS);
    test.portal.finish(BORIS, chat).expect("finished");
    let refused = test.portal.answer(BORIS, chat).unwrap_err();
    assert_eq!(refused.code(), "CHAT_ID", "there is nothing to take");
}

#[tokio::test]
async fn a_user_without_access_to_a_line_is_refused() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let refused = test.portal.answer(CLARA, chat).unwrap_err();
    assert_eq!(refused.code(), "ACCESS_DENIED");
    let refused = test.portal.transfer_to_user(BORIS, chat, 99).unwrap_err();
    assert_eq!(refused.code(), "OPERATOR_WRONG");
    let group = test.portal.group(1, "Office", &[BORIS]).expect("made");
    let group: u64 = group["chat".len()..].parse().expect("a number");
    let refused = test.portal.answer(1, group).unwrap_err();
    assert_eq!(refused.code(), "CHAT_TYPE");
}

#[tokio::test]
async fn an_operator_who_writes_first_starts_a_session() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let dialog = format!("chat{chat}");
    test.portal.send(BORIS, &dialog, "yes?").expect("sent");
    assert_eq!(test.portal.session(chat)["answered"], true);
    test.portal.finish(BORIS, chat).expect("finished");
    let first = test.portal.session(chat)["id"].clone();
    test.portal
        .send(BORIS, &dialog, "one more thing")
        .expect("sent");
    let second = test.portal.session(chat);
    assert_eq!(
        [&second["parent"], &second["operator"]],
        [&first, &json!(BORIS)]
    );
}

#[tokio::test]
async fn the_user_of_a_token_acts_as_an_operator() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let at = json!({ "CHAT_ID": chat });
    for method in [
        "session.join",
        "operator.answer",
        "session.mode.pin",
        "session.mode.silent",
        "session.intercept",
    ] {
        let done = test
            .result(&format!("imopenlines.{method}"), at.clone())
            .await;
        assert_eq!(done, true, "{method}");
    }
    assert_eq!(operator(&test, chat), 1);
    let session = test.portal.session(chat);
    let unpinned = test
        .result("imopenlines.session.mode.unpinAll", json!({}))
        .await;
    assert_eq!(unpinned, json!([session["id"]]));
    let to = json!({ "CHAT_ID": chat, "TRANSFER_ID": BORIS });
    test.result("imopenlines.operator.transfer", to).await;
    assert_eq!(operator(&test, chat), BORIS);
    assert_eq!(
        test.refusal("imopenlines.operator.skip", at.clone()).await,
        (400, "ACCESS_DENIED_KICK".to_owned())
    );
    test.result("imopenlines.operator.another.finish", at.clone())
        .await;
    assert_eq!(test.portal.session(chat)["closed"], true);
    test.result("imopenlines.session.start", at.clone()).await;
    assert_eq!(operator(&test, chat), 1);
    for (params, expected) in [
        (json!({}), "CHAT_ID"),
        (json!({ "CHAT_ID": 999 }), "CHAT_ID"),
    ] {
        let found = test.refusal("imopenlines.operator.answer", params).await;
        assert_eq!(found, (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn a_session_can_be_found_read_and_rated() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let code = format!("{CONNECTOR}|{line}|channel-123|ext-user-42");
    let opened = test
        .result("imopenlines.session.open", json!({ "USER_CODE": code }))
        .await;
    assert_eq!(opened, json!({ "chatId": chat.to_string() }));
    let session = test.portal.session(chat)["id"].clone();
    let history = test
        .result(
            "imopenlines.session.history.get",
            json!({ "SESSION_ID": session }),
        )
        .await;
    assert_eq!(
        [&history["chatId"], &history["sessionId"]],
        [&json!(chat), &session]
    );
    let said = history["message"].as_object().expect("a map");
    let first = said.values().next().expect("a message");
    assert_eq!(
        [&first["textlegacy"], &first["chatid"]],
        ["hello", &*chat.to_string()]
    );
    assert_eq!(history["files"], json!([]));
    let by_chat = test
        .result(
            "imopenlines.session.history.get",
            json!({ "CHAT_ID": chat }),
        )
        .await;
    assert_eq!(by_chat["sessionId"], session);
    for (params, expected) in [
        (json!({}), "MISSING_REQUIRED_PARAM"),
        (json!({ "SESSION_ID": 9 }), "INVALID_SESSION_ID"),
    ] {
        let found = test
            .refusal("imopenlines.session.history.get", params)
            .await;
        assert_eq!(found, (400, expected.to_owned()));
    }
    let vote = json!({ "SESSION_ID": session, "RATING": 5, "COMMENT": "well done" });
    test.result("imopenlines.session.head.vote", vote).await;
    let nothing = json!({ "SESSION_ID": session });
    assert_eq!(
        test.refusal("imopenlines.session.head.vote", nothing).await,
        (400, "EMPTY_VOTE_PARAMS".to_owned())
    );
}
