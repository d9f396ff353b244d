//! The receivers and the form of events, compared with the samples of the documentation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::TestPortal;
use crate::event::form;

/// Returns the keys of an event, ids replaced, so that two events can be compared.
fn keys(tree: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", tree, &mut found);
    found
}

fn collect(path: &str, tree: &Value, found: &mut BTreeSet<String>) {
    let Some(fields) = tree.as_object() else {
        found.insert(path.to_owned());
        return;
    };
    for (key, value) in fields {
        let key = if key.parse::<u64>().is_ok() { "#" } else { key };
        collect(&format!("{path}[{key}]"), value, found);
    }
}

/// Compares with a sample: the same keys, except for those that depend on the situation.
#[track_caller]
fn like_sample(event: &Value, sample: &str, differences: &[&str]) {
    let (ours, theirs) = (
        keys(event),
        keys(&form::decode(sample.trim().as_bytes()).expect("a form")),
    );
    let odd: Vec<&String> = ours
        .symmetric_difference(&theirs)
        .filter(|key| !differences.contains(&key.as_str()))
        .collect();
    assert!(odd.is_empty(), "only here or only in the sample: {odd:#?}");
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/events/", $name, ".form"))
    };
}

#[tokio::test]
async fn private_messages_look_like_the_samples() {
    let test = TestPortal::new().await;
    let bot = test.bot_with_change_events("echo").await;
    let id = test
        .portal
        .send(1, &bot.to_string(), "hello")
        .expect("sent");
    like_sample(
        &test.event("ONIMBOTJOINCHAT").await,
        sample!("v1-join-chat-private"),
        &[],
    );
    let event = test.event("ONIMBOTMESSAGEADD").await;
    like_sample(&event, sample!("v1-message-add-private"), &[]);
    let params = &event["data"]["PARAMS"];
    assert_eq!(
        [&params["DIALOG_ID"], &params["TO_USER_ID"]],
        ["1", &*bot.to_string()]
    );
    test.portal.edit(1, id, "hello!").expect("edited");
    like_sample(
        &test.event("ONIMBOTMESSAGEUPDATE").await,
        sample!("v1-message-update-private"),
        &[],
    );
    test.portal.delete(1, id).expect("deleted");
    like_sample(
        &test.event("ONIMBOTMESSAGEDELETE").await,
        sample!("v1-message-delete-private"),
        &[],
    );
}

#[tokio::test]
async fn group_messages_look_like_the_samples_and_reach_only_who_is_mentioned() {
    let test = TestPortal::new().await;
    let bot = test.bot_with_change_events("echo").await;
    let dialog = test.portal.group(1, "Office", &[2, bot]).expect("made");
    like_sample(
        &test.event("ONIMBOTJOINCHAT").await,
        sample!("v1-join-chat-group"),
        &[],
    );
    test.portal
        .send(1, &dialog, "nobody is asked")
        .expect("sent");
    let text = format!("[USER={bot}]echo[/USER] , how are you");
    let id = test.portal.send(1, &dialog, &text).expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    like_sample(&event, sample!("v1-message-add-group-mention"), &[]);
    assert_eq!(event["data"]["PARAMS"]["MESSAGE"], ", how are you");
    assert_eq!(event["data"]["PARAMS"]["MESSAGE_ORIGINAL"], text.as_str());
    test.portal
        .edit(1, id, &format!("{text}?"))
        .expect("edited");
    like_sample(
        &test.event("ONIMBOTMESSAGEUPDATE").await,
        sample!("v1-message-update-group-mention"),
        &[],
    );
    test.portal.delete(1, id).expect("deleted");
    like_sample(
        &test.event("ONIMBOTMESSAGEDELETE").await,
        sample!("v1-message-delete-group"),
        &[],
    );
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_supervisor_gets_all_messages() {
    let test = TestPortal::new().await;
    let bot = test.bot("watch", "S").await;
    let dialog = test.group(bot).await;
    test.portal.send(2, &dialog, "between us").expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    like_sample(
        &event,
        sample!("v1-message-add-group-mention"),
        &["[data][PARAMS][MENTIONED_LIST][#]"],
    );
    assert_eq!(event["data"]["PARAMS"]["TO_USER_ID"], "0");
}

#[tokio::test]
async fn a_command_replaces_the_message_event() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let (private, group) = (test.dialog(bot).await, test.group(bot).await);
    let command = test.command(bot, "/echo").await;
    // The sample is of a person without a position; older editions of the page show the key.
    let position = &["[data][USER][WORK_POSITION]"];
    test.portal.send(1, &private, "/echo test").expect("sent");
    let event = test.event("ONIMCOMMANDADD").await;
    like_sample(&event, sample!("v1-command-add-private"), position);
    let item = &event["data"]["COMMAND"][command.to_string()];
    assert_eq!(
        [
            &item["COMMAND"],
            &item["COMMAND_PARAMS"],
            &item["COMMAND_CONTEXT"]
        ],
        ["echo", "test", "TEXTAREA"]
    );
    test.portal.send(1, &group, "/echo test").expect("sent");
    like_sample(
        &test.event("ONIMCOMMANDADD").await,
        sample!("v1-command-add-group"),
        position,
    );
    test.portal.send(1, &private, "/unknown").expect("sent");
    test.event("ONIMBOTMESSAGEADD").await;
    test.portal.send(1, &private, "/me waves").expect("sent");
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_press_reports_the_message_with_the_keyboard() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let command = test.command(bot, "go").await;
    test.dialog(bot).await;
    let keyboard =
        json!([{ "TYPE": "NEWLINE" }, { "TEXT": "Go", "COMMAND": "go", "COMMAND_PARAMS": "7" }]);
    let params = json!({ "BOT_ID": bot, "DIALOG_ID": 1, "MESSAGE": "well?", "KEYBOARD": keyboard });
    let message = test
        .result("imbot.message.add", params)
        .await
        .as_u64()
        .expect("an id");
    for _ in 0..2 {
        test.portal.press(1, message, 1).expect("pressed");
        let event = test.event("ONIMCOMMANDADD").await;
        let item = &event["data"]["COMMAND"][command.to_string()];
        assert_eq!(
            [&item["COMMAND_CONTEXT"], &item["COMMAND_PARAMS"]],
            ["KEYBOARD", "7"]
        );
        assert_eq!(event["data"]["PARAMS"]["MESSAGE_ID"], message.to_string());
        assert_eq!(event["data"]["PARAMS"]["MESSAGE"], "/go 7");
        assert_eq!(event["data"]["PARAMS"]["TO_CHAT_ID"], Value::Null);
    }
    assert!(test.portal.press(1, message, 0).is_err());
}

#[tokio::test]
async fn a_join_event_is_sent_once_even_if_the_bot_wrote_first() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    test.result(
        "imbot.message.add",
        json!({ "BOT_ID": bot, "DIALOG_ID": "2", "MESSAGE": "hi" }),
    )
    .await;
    let event = test.event("ONIMBOTJOINCHAT").await;
    assert_eq!(
        [
            &event["data"]["PARAMS"]["USER_ID"],
            &event["auth"]["user_id"]
        ],
        ["2", "1"]
    );
    test.portal.open(2, bot).expect("opened");
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn bots_of_one_application_share_an_event() {
    let test = TestPortal::new().await;
    let (one, two) = (test.bot("one", "S").await, test.bot("two", "S").await);
    let dialog = test.portal.group(1, "Both", &[one, two]).expect("made");
    test.event("ONIMBOTJOINCHAT").await;
    test.event("ONIMBOTJOINCHAT").await;
    test.portal.send(1, &dialog, "all").expect("sent");
    let event = test.event("ONIMBOTMESSAGEADD").await;
    let bots: Vec<_> = event["data"]["BOT"]
        .as_object()
        .expect("a map")
        .keys()
        .cloned()
        .collect();
    assert_eq!(bots, [one.to_string(), two.to_string()]);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn every_event_has_new_tokens_and_the_same_application_token() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    let mut tokens = BTreeSet::new();
    for _ in 0..2 {
        test.portal.send(1, &dialog, "hi").expect("sent");
        let event = test.event("ONIMBOTMESSAGEADD").await;
        let item = &event["data"]["BOT"][bot.to_string()];
        assert_eq!(item["AUTH"]["access_token"], item["access_token"]);
        assert_eq!(
            event["auth"]["application_token"],
            test.install["auth"]["application_token"]
        );
        tokens.extend([
            event["auth"]["access_token"].to_string(),
            item["access_token"].to_string(),
        ]);
    }
    assert_eq!(tokens.len(), 4);
}

#[tokio::test]
async fn a_chain_of_events_is_cut_after_seven_links() {
    let test = TestPortal::new().await;
    let (host, guest) = (test.bot("host", "B").await, test.bot("guest", "B").await);
    let mut token = test.token().to_owned();
    let group = json!({ "BOT_ID": host, "TITLE": "link", "USERS": [guest] });
    for _ in 0..7 {
        assert_eq!(
            test.call_as(&token, "imbot.chat.add", group.clone())
                .await
                .0,
            200
        );
        let event = test.event("ONIMBOTJOINCHAT").await;
        event["auth"]["access_token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut token);
    }
    assert_eq!(test.call_as(&token, "imbot.chat.add", group).await.0, 200);
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn a_lost_event_is_not_sent_again_and_a_repeated_one_is_equal() {
    let test = TestPortal::new().await;
    let bot = test.bot("echo", "B").await;
    let dialog = test.dialog(bot).await;
    test.portal.lose(1);
    test.portal.send(1, &dialog, "lost").expect("sent");
    test.portal.repeat(1);
    test.portal.send(1, &dialog, "twice").expect("sent");
    let first = test.event("ONIMBOTMESSAGEADD").await;
    assert_eq!(first["data"]["PARAMS"]["MESSAGE"], "twice");
    assert_eq!(test.event("ONIMBOTMESSAGEADD").await, first);
    assert!(test.is_quiet().await);
}
