//! The assistant on an open channel: clients get answers and people, and nothing of the portal.

use imbot::testing::TestPortal;
use serde_json::{Value, json};

use super::start;
use crate::support::model::{calls, refuses, says};

const BORIS: u64 = 2;

fn session(portal: &TestPortal) -> Value {
    portal.emulator().lines()["sessions"][0].clone()
}

/// Returns the notes that operators read and the client does not.
fn notes(portal: &TestPortal) -> Vec<String> {
    let chat = session(portal)["chat"].as_u64().unwrap();
    let mut said = portal.emulator().line_history(chat);
    said.retain(|message| message["outside"]["state"] == "silent");
    let texts = said.iter().filter_map(|message| message["text"].as_str());
    texts.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_client_is_greeted_answered_and_handed_over_at_their_word() {
    let (portal, model) = start([says("From nine to six.")]).await;
    let mut eve = portal.visitor("Eve", "assistant");
    eve.says("When are you open?")
        .sees("I am an automatic assistant")
        .await;
    eve.sees("From nine to six.").await;
    assert_eq!(model.asked()[0].tools(), ["call_operator"]);
    eve.says("Operator!").sees("I will call somebody").await;
    assert_eq!(session(&portal)["operator"], BORIS);
    eve.says("Hello?");
    eve.sees_nothing_more().await;
    assert_eq!(model.asked().len(), 1);
}

#[tokio::test]
async fn the_model_hands_a_client_over_with_a_note() {
    let reason = json!({ "reason": "The bill is [b]wrong[/b]" });
    let (portal, model) = start([calls("I understand.", &[("call_operator", reason)])]).await;
    let mut eve = portal.visitor("Eve", "assistant");
    eve.says("My bill is wrong").sees("I understand.").await;
    eve.sees("I will call somebody").await;
    assert_eq!(session(&portal)["operator"], BORIS);
    assert_eq!(notes(&portal), ["The bill is [\u{2060}b]wrong[\u{2060}/b]"]);
    assert!(!eve.transcript().contains("[\u{2060}b]"));
    assert_eq!(model.asked().len(), 1);
}

#[tokio::test]
async fn a_client_gets_nothing_of_the_portal() {
    let tools = [
        ("my_tasks", json!({})),
        ("find_colleague", json!({ "name": "Ann" })),
        ("propose_task", json!({ "title": "Chairs" })),
    ];
    let (portal, model) = start([calls("", &tools), says("I cannot.")]).await;
    let mut eve = portal.visitor("Eve", "assistant");
    eve.says("Who works there?").sees("I cannot.").await;
    eve.sees_nothing_more().await;
    for method in [
        "tasks.task.list",
        "user.search",
        "user.get",
        "tasks.task.add",
    ] {
        assert!(portal.calls(method).is_empty(), "{method}");
    }
    let asked = model.asked();
    let results = asked[1].messages().iter().filter(|it| it["role"] == "tool");
    let results: Vec<_> = results.map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(results, ["There is no such tool here."; 3]);
}

#[tokio::test]
async fn a_client_whose_question_the_model_cannot_answer_gets_a_person() {
    let (portal, _) = start([refuses(401, "")]).await;
    let mut eve = portal.visitor("Eve", "assistant");
    eve.says("?")
        .sees("no answer from the language model")
        .await;
    eve.sees("I will call somebody").await;
    assert_eq!(session(&portal)["operator"], BORIS);
}
