//! The events of connectors, lines and sessions have exactly the keys of the documentation's
//! samples.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{BORIS, CLARA, CONNECTOR, TestPortal, support};
use crate::event::form;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../tests/fixtures/events/rest-",
            $name,
            ".form"
        ))
    };
}

/// Returns the path of every text in an event, in order.
fn paths(tree: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", tree, &mut found);
    found
}

fn walk(path: &str, tree: &Value, found: &mut Vec<String>) {
    match tree.as_object() {
        None => found.push(path.to_owned()),
        Some(fields) => {
            for (key, value) in fields {
                walk(&format!("{path}[{key}]"), value, found);
            }
        }
    }
}

/// Compares with a sample: the same keys, in the same order outside `auth`, where the order
/// differs from page to page.
#[track_caller]
fn like_sample(event: &Value, sample: &str) {
    let sample = form::decode(sample.trim().as_bytes()).expect("a form");
    let (ours, theirs) = (paths(event), paths(&sample));
    let set = |paths: &[String]| paths.iter().cloned().collect::<BTreeSet<_>>();
    let (known, expected) = (set(&ours), set(&theirs));
    let odd: Vec<_> = known.symmetric_difference(&expected).collect();
    assert!(odd.is_empty(), "only here or only in the sample: {odd:#?}");
    let body = |paths: Vec<String>| -> Vec<String> {
        let mut paths = paths;
        paths.retain(|path| !path.starts_with("[auth]"));
        paths
    };
    assert_eq!(body(ours), body(theirs));
}

#[tokio::test]
async fn messages_to_a_client_look_like_the_samples() {
    let test = TestPortal::new().await;
    let line = test.line(support()).await;
    test.bind(&[
        "OnImConnectorMessageAdd",
        "OnImConnectorMessageUpdate",
        "OnImConnectorMessageDelete",
        "OnImConnectorStatusDelete",
        "OnImConnectorLineDelete",
        "OnOpenLineMessageUpdate",
        "OnOpenLineMessageDelete",
    ])
    .await;
    let chat = test.receive(line, "ext-1", "hello").await;
    test.portal.answer(BORIS, chat).expect("answered");
    let dialog = format!("chat{chat}");
    let id = test
        .portal
        .send(BORIS, &dialog, "Guten Tag!")
        .expect("sent");
    let event = test.event("ONIMCONNECTORMESSAGEADD").await;
    like_sample(&event, sample!("onimconnectormessageadd"));
    let said = &event["data"]["MESSAGES"]["0"];
    assert_eq!(
        said["message"]["text"],
        "[b]Boris Petrov:[/b] [br]Guten Tag!"
    );
    assert_eq!(said["message"]["user_id"], BORIS.to_string());
    assert_eq!(said["chat"]["id"], "channel-123");
    assert_eq!(said["im"]["message_id"], id.to_string());
    test.confirm(line, id, json!(["out-1"])).await;

    test.portal.edit(BORIS, id, "Guten Abend!").expect("edited");
    let event = test.event("ONIMCONNECTORMESSAGEUPDATE").await;
    like_sample(&event, sample!("onimconnectormessageupdate"));
    let said = &event["data"]["MESSAGES"]["0"]["message"];
    assert_eq!(said["id"], json!({ "0": "out-1" }));
    assert_eq!(said["text"], "[b]Boris Petrov:[/b][br] Guten Abend!");
    let event = test.event("ONOPENLINEMESSAGEUPDATE").await;
    like_sample(&event, sample!("onopenlinemessageupdate"));

    test.portal.delete(BORIS, id).expect("deleted");
    let event = test.event("ONIMCONNECTORMESSAGEDELETE").await;
    assert_eq!(event["data"]["MESSAGES"]["0"]["message"]["id"], "out-1");
    let event = test.event("ONOPENLINEMESSAGEDELETE").await;
    like_sample(&event, sample!("onopenlinemessagedelete"));

    test.portal.switch_off(CONNECTOR, line).expect("off");
    let event = test.event("ONIMCONNECTORSTATUSDELETE").await;
    like_sample(&event, sample!("onimconnectorstatusdelete"));
    test.join(line).await;
    test.portal.delete_line(line).expect("deleted");
    let event = test.event("ONIMCONNECTORLINEDELETE").await;
    assert_eq!(event["data"], line.to_string(), "a bare number");
    assert!(test.is_quiet().await);
}

#[tokio::test]
async fn the_beginning_and_the_end_of_a_session_look_like_the_samples() {
    let test = TestPortal::new().await;
    let line = test.line(support().queue(&[CLARA])).await;
    test.bind(&[
        "OnImConnectorDialogStart",
        "OnImConnectorDialogFinish",
        "OnSessionStart",
        "OnSessionFinish",
    ])
    .await;
    let chat = test.receive(line, "ext-1", "hello").await;
    let event = test.event("ONIMCONNECTORDIALOGSTART").await;
    like_sample(&event, sample!("onimconnectordialogstart"));
    let item = &event["data"]["DATA"]["0"];
    assert_eq!(item["session"]["closed"], "N");
    assert_eq!(item["connector"]["chat_id"], "channel-123");
    assert_eq!(item["user"]["id"], "ext-user-42");
    let event = test.event("ONSESSIONSTART").await;
    like_sample(&event, sample!("onsessionstart"));
    test.portal.finish(CLARA, chat).expect("finished");
    let event = test.event("ONIMCONNECTORDIALOGFINISH").await;
    assert_eq!(event["data"]["DATA"]["0"]["session"]["closed"], "Y");
    let event = test.event("ONSESSIONFINISH").await;
    like_sample(&event, sample!("onsessionfinish"));
    assert!(test.is_quiet().await);
}
