//! Answers of REST: envelopes, refusals, batches, limits.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Options, TestPortal};

#[tokio::test]
async fn every_success_carries_the_time_it_took() {
    let test = TestPortal::new().await;
    let (_, answer) = test.call_as(test.token(), "SERVER.Time", json!({})).await;
    let mut keys: Vec<&String> = answer["time"].as_object().expect("a map").keys().collect();
    keys.sort();
    let documented = [
        "date_finish",
        "date_start",
        "duration",
        "finish",
        "operating",
        "operating_reset_at",
        "processing",
        "start",
    ];
    assert_eq!(keys, documented);
}

#[tokio::test]
async fn calls_are_refused_in_the_order_of_the_portals_checks() {
    let test = TestPortal::new().await;
    let cases = [
        ("/rest/no.such.method", 404, "ERROR_METHOD_NOT_FOUND"),
        ("/rest/profile", 401, "NO_AUTH_FOUND"),
        ("/rest/profile?auth=nonsense", 401, "invalid_token"),
        ("/rest/1/nonsense/profile", 401, "INVALID_CREDENTIALS"),
    ];
    for (path, status, code) in cases {
        let (found, answer) = test.post(path, json!({})).await;
        assert_eq!(
            (found, answer["error"].as_str()),
            (status, Some(code)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn refusals_of_bot_methods_carry_the_documented_codes() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let say = |more: Value| {
        let mut params = json!({ "BOT_ID": bot, "DIALOG_ID": "1", "MESSAGE": "hi" });
        params
            .as_object_mut()
            .expect("a map")
            .extend(more.as_object().expect("a map").clone());
        params
    };
    let handler = json!({ "CODE": "x", "EVENT_HANDLER": test.handler });
    let cases = [
        ("imbot.register", json!({}), 400, "EVENT_MESSAGE_ADD_ERROR"),
        (
            "imbot.register",
            json!({ "EVENT_HANDLER": test.handler }),
            400,
            "CODE_ERROR",
        ),
        ("imbot.register", handler, 400, "NAME_ERROR"),
        ("imbot.unregister", json!({}), 400, "BOT_ID_ERROR"),
        (
            "imbot.update",
            json!({ "BOT_ID": bot }),
            400,
            "WRONG_REQUEST",
        ),
        (
            "imbot.message.add",
            say(json!({ "BOT_ID": 9999 })),
            400,
            "BOT_ID_ERROR",
        ),
        (
            "imbot.message.add",
            say(json!({ "DIALOG_ID": "" })),
            400,
            "DIALOG_ID_EMPTY",
        ),
        (
            "imbot.message.add",
            say(json!({ "MESSAGE": "  " })),
            400,
            "MESSAGE_EMPTY",
        ),
        (
            "imbot.message.add",
            say(json!({ "DIALOG_ID": "chat99" })),
            400,
            "CANCELED",
        ),
        (
            "imbot.message.add",
            say(json!({ "DIALOG_ID": "999" })),
            400,
            "ERROR_NO_ACCESS",
        ),
        (
            "imbot.message.add",
            say(json!({ "KEYBOARD": [{}] })),
            400,
            "KEYBOARD_ERROR",
        ),
        (
            "imbot.message.update",
            json!({ "BOT_ID": bot }),
            400,
            "MESSAGE_ID_ERROR",
        ),
        (
            "imbot.message.like",
            json!({ "BOT_ID": bot, "MESSAGE_ID": 1 }),
            400,
            "MESSAGE_ID_ERROR",
        ),
        (
            "imbot.command.register",
            json!({ "BOT_ID": bot }),
            400,
            "EVENT_COMMAND_ADD_ERROR",
        ),
        (
            "imbot.command.answer",
            json!({ "COMMAND_ID": 5 }),
            400,
            "COMMAND_ID_ERROR",
        ),
        (
            "imbot.chat.leave",
            json!({ "BOT_ID": bot }),
            400,
            "CHAT_ID_EMPTY",
        ),
        (
            "imbot.chat.user.list",
            json!({ "BOT_ID": bot, "CHAT_ID": 99 }),
            403,
            "ACCESS_ERROR",
        ),
        (
            "event.bind",
            json!({ "event": "ONNOTHING", "handler": test.handler }),
            400,
            "ERROR_EVENT_NOT_FOUND",
        ),
        ("feature.get", json!({}), 400, "CODE_EMPTY"),
    ];
    for (method, params, status, code) in cases {
        assert_eq!(
            test.refusal(method, params.clone()).await,
            (status, code.to_owned()),
            "{method} {params}"
        );
    }
}

#[tokio::test]
async fn registering_a_code_again_returns_the_same_bot() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    assert_eq!(test.bot("echo", "S").await, bot);
    let list = test.result("imbot.bot.list", json!({})).await;
    let item = json!({ "ID": bot, "NAME": "echo", "CODE": "echo", "OPENLINE": "N" });
    assert_eq!(list, json!({ bot.to_string(): item }));
    for code in ["2", "3", "4", "5"] {
        test.bot(code, "B").await;
    }
    let sixth =
        json!({ "CODE": "6", "EVENT_HANDLER": test.handler, "PROPERTIES": { "NAME": "6" } });
    assert_eq!(
        test.refusal("imbot.register", sixth).await.1,
        "MAX_COUNT_ERROR"
    );
}

#[tokio::test]
async fn a_late_answer_to_a_command_returns_true_without_a_message() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let command = test.command(bot, "echo").await;
    let dialog = test.dialog(bot).await;
    let message = test.portal.send(1, &dialog, "/echo x").expect("sent");
    let answer =
        |message: u64| json!({ "COMMAND_ID": command, "MESSAGE_ID": message, "MESSAGE": "x" });
    assert!(
        test.result("imbot.command.answer", answer(message))
            .await
            .as_u64()
            > Some(message)
    );
    assert_eq!(
        test.result("imbot.command.answer", answer(message + 50))
            .await,
        json!(true)
    );
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(601)).await;
    tokio::time::resume();
    assert_eq!(
        test.result("imbot.command.answer", answer(message)).await,
        json!(true)
    );
    assert_eq!(test.portal.history(1, &dialog).len(), 2);
}

#[tokio::test]
async fn a_batch_runs_in_order_with_references_to_earlier_results() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let cmd = json!({
        "me": "profile",
        "say": format!("imbot.message.add?BOT_ID={bot}&DIALOG_ID=$result[me][ID]&MESSAGE=hi+%26+bye"),
        "edit": format!("imbot.message.update?BOT_ID={bot}&MESSAGE_ID=$result[say]&MESSAGE=bye"),
        "odd": "no.such.method",
        "nested": "batch?cmd[]=profile",
        "people": "user.get",
    });
    let answer = test.result("batch", json!({ "cmd": cmd, "halt": 0 })).await;
    assert_eq!(answer["result"]["edit"], json!(true), "{answer:#}");
    assert_eq!(
        answer["result_error"]["odd"]["error"],
        "ERROR_METHOD_NOT_FOUND"
    );
    assert_eq!(
        answer["result_error"]["nested"]["error"],
        "ERROR_BATCH_METHOD_NOT_ALLOWED"
    );
    assert_eq!(answer["result_total"], json!({ "people": 5 }));
    assert_eq!(answer["result_next"], json!([]));
    assert_eq!(test.portal.history(1, &bot.to_string())[0]["text"], "bye");
}

#[tokio::test]
async fn a_batch_stops_at_an_error_with_halt_and_after_fifty_commands() {
    let test = TestPortal::new().await;
    let answer = test
        .result(
            "batch",
            json!({ "cmd": ["no.method", "profile"], "halt": 1 }),
        )
        .await;
    assert_eq!(answer["result"], json!([]));
    assert_eq!(answer["result_error"].as_array().map(Vec::len), Some(1));
    let cmd: Vec<&str> = vec!["server.time"; 51];
    let answer = test.result("batch", json!({ "cmd": cmd })).await;
    assert_eq!(answer["result"].as_array().map(Vec::len), Some(50));
    assert_eq!(
        answer["result_error"]["50"]["error"],
        "ERROR_BATCH_LENGTH_EXCEEDED"
    );
}

#[tokio::test]
async fn the_rate_limit_refuses_calls_and_counts_them() {
    let test = TestPortal::with(Options::default()).await;
    let mut codes = Vec::new();
    for _ in 0..52 {
        let (status, answer) = test.call_as(test.token(), "profile", json!({})).await;
        codes.push((status, answer["error"].as_str().map(str::to_owned)));
    }
    assert_eq!(
        codes.last(),
        Some(&(503, Some("QUERY_LIMIT_EXCEEDED".to_owned())))
    );
    assert!(test.portal.rate_counts().refused > 0);
}

#[tokio::test]
async fn faults_happen_when_a_test_plans_them() {
    let test = TestPortal::new().await;
    test.portal.refuse(1, 503, "OVERLOAD_LIMIT");
    assert_eq!(
        test.refusal("profile", json!({})).await,
        (503, "OVERLOAD_LIMIT".to_owned())
    );
    test.portal.charge(&test.app.client_id, "profile", 421.0);
    assert_eq!(
        test.refusal("profile", json!({})).await,
        (429, "OPERATION_TIME_LIMIT".to_owned())
    );
    test.result("server.time", json!({})).await;
}

#[tokio::test]
async fn bots_manage_their_groups() {
    let test = TestPortal::new().await;
    let bot = test.bot("host", "B").await;
    let new = json!({ "BOT_ID": bot, "TITLE": "Party", "USERS": [1, 2], "COLOR": "PINK", "MESSAGE": "Welcome" });
    let chat = test.result("imbot.chat.add", new).await;
    let with = |more: Value| {
        let mut params = json!({ "BOT_ID": bot, "CHAT_ID": chat });
        params
            .as_object_mut()
            .expect("a map")
            .extend(more.as_object().expect("a map").clone());
        params
    };
    assert_eq!(
        test.result("imbot.chat.user.list", with(json!({}))).await,
        json!([bot, 1, 2])
    );
    test.result("imbot.chat.user.add", with(json!({ "USERS": [3] })))
        .await;
    test.result("imbot.chat.user.delete", with(json!({ "USER_ID": 2 })))
        .await;
    test.result(
        "imbot.chat.updateTitle",
        with(json!({ "TITLE": " Quiet party " })),
    )
    .await;
    test.result("imbot.chat.setManager", with(json!({ "USER_ID": 3 })))
        .await;
    assert_eq!(
        test.refusal("imbot.chat.updateColor", with(json!({ "COLOR": "PINK" })))
            .await
            .1,
        "WRONG_REQUEST"
    );
    let dialog = json!({ "DIALOG_ID": format!("chat{chat}") });
    let described = test.result("imbot.dialog.get", dialog).await;
    assert_eq!(
        [&described["name"], &described["manager_list"]],
        [&json!("Quiet party"), &json!([3])]
    );
    test.result("imbot.chat.setOwner", with(json!({ "USER_ID": 1 })))
        .await;
    test.result("imbot.chat.leave", with(json!({}))).await;
    assert_eq!(
        test.refusal("imbot.chat.leave", with(json!({}))).await.1,
        "ACCESS_ERROR"
    );
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_repeated_template_id_shows_the_message_once() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    let send = |message: &str, template: &str| {
        let fields = json!({ "message": message, "templateId": template });
        let params = json!({ "botId": bot, "dialogId": "1", "fields": fields });
        test.result("imbot.v2.Chat.Message.send", params)
    };
    let id = "5b1b2a3c-8d5e-4f60-9a7b-0c1d2e3f4a5b";
    let first = send("once", id).await;
    let again = send("once", id).await;
    assert_eq!(
        (&first["id"], &first["uuidMap"][id]),
        (&again["id"], &first["id"])
    );
    let no_template = "5b1b2a3c-8d5e-5f60-9a7b-0c1d2e3f4a5b"; // of version 5, which the portal passes over
    assert_ne!(
        send("twice", no_template).await["id"],
        send("twice", no_template).await["id"]
    );
    let texts: Vec<Value> = test.portal.history(1, &dialog);
    let texts: Vec<&str> = texts
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(texts, ["once", "twice", "twice"]);
}

#[tokio::test]
async fn a_swallowed_answer_hides_that_the_call_was_run() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    test.portal.swallow(1);
    let params = json!({ "BOT_ID": bot, "DIALOG_ID": "1", "MESSAGE": "said" });
    let path = format!("/rest/imbot.message.add?auth={}", test.token());
    let response = test.client.post(path).body_json(&params).send().await;
    response.assert_status(poem::http::StatusCode::BAD_GATEWAY);
    assert_eq!(test.portal.history(1, &dialog).len(), 1);
}

#[tokio::test]
async fn people_are_found_by_beginnings_of_names_and_positions() {
    let test = TestPortal::new().await;
    let find = async |words: &str| {
        let found = test.result("user.search", json!({ "FILTER": { "FIND": words } }));
        let found = found.await.as_array().expect("a list").clone();
        let ids = found.iter().filter_map(|user| user["ID"].as_str());
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(find("bor").await, ["2"]);
    assert_eq!(find("MEYER ann").await, ["1"]);
    assert_eq!(find("accountant").await, ["3"]);
    assert!(find("nobody").await.is_empty());
}
