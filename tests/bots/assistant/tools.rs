//! The assistant's tools: they read what the person who asks may see, and change nothing without
//! that person's press.

use std::time::Duration;

use bots::Assistant;
use bots::assistant::{OFFERS_MAX, TOOL_ROUNDS_MAX, Talk};
use imbot::App;
use imbot::emulator::{NewTask, Refusal};
use imbot::prelude::*;
use imbot::testing::TestPortal;
use serde_json::{Value, json};

use super::{assistant, start};
use crate::support::model::{FakeModel, calls, says};

const BORIS: u64 = 2;

/// Returns the results of tools in the last request, as the model reads them.
fn results(model: &FakeModel) -> Vec<String> {
    let asked = model.asked();
    let messages = asked.last().unwrap().messages();
    let tools = messages.iter().filter(|message| message["role"] == "tool");
    let texts = tools.map(|message| message["content"].as_str().unwrap());
    texts.map(str::to_owned).collect()
}

/// Boris asks, the model calls this tool, and its result is returned.
async fn result(portal: &TestPortal, model: &FakeModel) -> String {
    let mut boris = portal.private("Boris", "assistant");
    boris.says("?").sees("Done.").await;
    results(model).remove(0)
}

/// A portal whose model calls a tool once.
async fn with_call(tool: &str, arguments: Value) -> (TestPortal, FakeModel) {
    let started = start([calls("", &[(tool, arguments)]), says("Done.")]).await;
    let mine = NewTask::new("Boris's task", BORIS);
    started.0.emulator().add_task(mine);
    let others = NewTask::new("Ann's task", 1);
    started.0.emulator().add_task(others);
    started
}

#[tokio::test]
async fn a_person_gets_their_own_open_tasks_whatever_the_model_asks_for() {
    let arguments = json!({ "person": 1, "RESPONSIBLE_ID": 1 });
    let (portal, model) = with_call("my_tasks", arguments).await;
    let done = portal.emulator().add_task(NewTask::new("Old", BORIS));
    portal.emulator().complete_task(done);
    let result = result(&portal, &model).await;
    let expected =
        json!({ "tasks": [{ "title": "Boris's task", "deadline": null }], "are_more": false });
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), expected);
    let asked = model.asked();
    assert_eq!(
        asked[0].tools(),
        ["my_tasks", "find_colleague", "propose_task"]
    );
    let called = &asked[1].messages()[2];
    assert_eq!(called["tool_calls"][0]["function"]["name"], "my_tasks");
    assert_eq!(
        called["tool_calls"][0]["id"],
        asked[1].messages()[3]["tool_call_id"]
    );
}

#[tokio::test]
async fn a_colleague_is_found_by_name_or_position_without_addresses() {
    let (portal, model) = with_call("find_colleague", json!({ "name": "account" })).await;
    let result = result(&portal, &model).await;
    let people = json!([{ "name": "Clara Diaz", "position": "Accountant" }]);
    let expected = json!({ "people": people, "are_more": false });
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), expected);
}

#[tokio::test]
async fn a_person_whom_the_portal_does_not_confirm_gets_nothing() {
    let (portal, model) = with_call("my_tasks", json!({})).await;
    portal.answers("im.dialog.messages.get", |_| json!({ "messages": [] }));
    let result = result(&portal, &model).await;
    assert!(result.contains("does not confirm who asks"), "{result}");
    assert!(portal.calls("tasks.task.list").is_empty());
}

#[tokio::test]
async fn a_token_of_another_person_is_not_used() {
    let (portal, model) = with_call("my_tasks", json!({})).await;
    portal.answers("profile", |_| json!({ "ID": "3", "ADMIN": true }));
    let result = result(&portal, &model).await;
    assert!(result.contains("does not confirm who asks"), "{result}");
    assert!(portal.calls("tasks.task.list").is_empty());
}

#[tokio::test]
async fn what_the_portal_refuses_is_a_sentence_for_the_model() {
    let (portal, model) = with_call("my_tasks", json!({})).await;
    portal.answers("tasks.task.list", |_| {
        Err::<Value, _>(Refusal::new("ACCESS_DENIED", "Access denied!"))
    });
    let result = result(&portal, &model).await;
    assert!(
        result.contains("The portal does not allow this"),
        "{result}"
    );
}

#[tokio::test]
async fn wrong_calls_are_answered_to_the_model() {
    let wrong = [
        ("delete_everything", json!({})),
        ("find_colleague", json!("{\"name\":")),
        ("find_colleague", json!({})),
        ("propose_task", json!({ "deadline": "soon" })),
    ];
    let (portal, model) = start([calls("", &wrong), says("Done.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("Done.").await;
    ann.sees_nothing_more().await;
    let results = results(&model);
    for (result, part) in results
        .iter()
        .zip(["no such tool", "not valid", "missing", "a title"])
    {
        assert!(result.contains(part), "{result}");
    }
    assert_eq!(results.len(), 4);
}

#[tokio::test]
async fn rounds_of_tools_end() {
    let calling = || calls("", &[("my_tasks", json!({}))]);
    let (portal, model) = start((0..=TOOL_ROUNDS_MAX).map(|_| calling())).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("too many steps").await;
    let asked = model.asked();
    assert_eq!(asked.len(), TOOL_ROUNDS_MAX + 1);
    let choices = asked
        .iter()
        .map(|asked| asked.body["tool_choice"].as_str().unwrap());
    let mut expected = vec!["auto"; TOOL_ROUNDS_MAX];
    expected.push("none");
    assert_eq!(choices.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_task_is_created_by_the_press_of_the_person_who_asked_and_once() {
    let task = json!({ "title": "Water the [b]plants[/b]", "deadline": "2026-03-04" });
    let (portal, model) = start([calls("", &[("propose_task", task)]), says("Here.")]).await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["assistant"]);
    boris.tells("assistant", "Remind me").sees("Here.").await;
    let offer = boris.sees("Create this task for you?").await;
    assert!(offer.text.ends_with(", 2026-03-04"), "{}", offer.text);
    ann.presses(&offer, "Create")
        .sees("for somebody else")
        .await;
    assert!(portal.calls("tasks.task.add").is_empty());
    let done = boris
        .presses(&offer, "Create")
        .sees("The task was created")
        .await;
    assert_eq!((done.id, done.buttons.len()), (offer.id, 0));
    portal.redeliver().await;
    let added = portal.calls("tasks.task.add");
    assert_eq!(added.len(), 1);
    let fields = &added[0]["request"]["fields"];
    assert_eq!(fields["TITLE"], "Water the [b]plants[/b]");
    assert_eq!(fields["RESPONSIBLE_ID"], BORIS);
    assert_eq!(fields["DEADLINE"], "2026-03-04T18:00:00");
    assert!(results(&model)[0].contains("not created yet"));
}

#[tokio::test]
async fn a_task_that_is_not_wanted_or_not_pressed_in_time_is_not_created() {
    let task = || calls("", &[("propose_task", json!({ "title": "Chairs" }))]);
    let (portal, _) = start([task(), says("Here."), task(), says("Here.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let offer = ann.says("Chairs?").sees("Create this task").await;
    ann.presses(&offer, "No").sees("No task was created.").await;
    let offer = ann.says("Chairs?").sees("Create this task").await;
    portal
        .advance(bots::assistant::OFFER_LASTS + Duration::from_secs(1))
        .await;
    ann.presses(&offer, "Create")
        .sees("does not work any more")
        .await;
    assert!(portal.calls("tasks.task.add").is_empty());
}

#[tokio::test]
async fn a_press_whose_sender_is_not_confirmed_creates_nothing() {
    let task = calls("", &[("propose_task", json!({ "title": "Chairs" }))]);
    let (portal, _) = start([task, says("Here.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let offer = ann.says("Chairs?").sees("Create this task").await;
    portal.answers("profile", |_| json!({ "ID": "3" }));
    ann.presses(&offer, "Create").sees("does not confirm").await;
    assert!(portal.calls("tasks.task.add").is_empty());
}

#[tokio::test]
async fn a_refused_task_is_reported_and_the_button_stays() {
    let task = calls("", &[("propose_task", json!({ "title": "Chairs" }))]);
    let (portal, _) = start([task, says("Here.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let offer = ann.says("Chairs?").sees("Create this task").await;
    portal.answers("tasks.task.add", |_| {
        Err::<Value, _>(Refusal::new("ACCESS_DENIED", "Access denied!"))
    });
    ann.presses(&offer, "Create")
        .sees("refused to create")
        .await;
    portal.answers("tasks.task.add", |_| json!({ "task": { "id": "7" } }));
    ann.presses(&offer, "Create").sees("task/view/7/").await;
}

#[tokio::test]
async fn only_some_tasks_are_proposed_at_once() {
    let tasks: Vec<_> = (0..=OFFERS_MAX)
        .map(|number| ("propose_task", json!({ "title": format!("Task {number}") })))
        .collect();
    let (portal, model) = start([calls("", &tasks), says("Here.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("Here.").await;
    for number in 0..OFFERS_MAX {
        ann.sees(&format!("Task {number}")).await;
    }
    ann.sees_nothing_more().await;
    assert!(results(&model)[OFFERS_MAX].contains("No more than"));
}

/// The assistant as a bot that polls, whose events have no tokens of people.
struct Polling(Assistant);

impl Bot<Talk> for Polling {
    fn profile(&self) -> Profile {
        self.0.profile().event_mode(EventMode::Fetch)
    }

    async fn message(&self, cx: &mut Context<Talk>, message: Message) -> Result {
        self.0.message(cx, message).await
    }
}

async fn polling() -> (TestPortal, FakeModel) {
    let tools = [
        ("my_tasks", json!({})),
        ("find_colleague", json!({ "name": "Clara" })),
    ];
    let model = FakeModel::start([calls("", &tools), says("Done.")]);
    let app = App::new().bot(Polling(assistant(&model)));
    let portal = TestPortal::with_settings(app, |settings| {
        settings.handler_time = Duration::from_secs(600);
    });
    let portal = portal.await;
    portal
        .emulator()
        .add_task(NewTask::new("Boris's task", BORIS));
    portal.emulator().add_task(NewTask::new("Ann's task", 1));
    (portal, model)
}

#[tokio::test]
async fn without_tokens_an_employee_gets_their_own_tasks_only() {
    let (portal, model) = polling().await;
    let tasks = result(&portal, &model).await;
    assert!(
        tasks.contains("Boris's task") && !tasks.contains("Ann's task"),
        "{tasks}"
    );
    assert!(results(&model)[1].contains("Clara Diaz"));
}

#[tokio::test]
async fn without_tokens_somebody_who_is_no_employee_gets_nothing() {
    for person in [
        json!([{ "ID": "2", "ACTIVE": true, "USER_TYPE": "extranet" }]),
        json!([{ "ID": "2", "ACTIVE": false, "USER_TYPE": "employee" }]),
        json!([]),
    ] {
        let (portal, model) = polling().await;
        portal.answers("user.get", move |_| person.clone());
        let tasks = result(&portal, &model).await;
        assert!(tasks.contains("does not list this person"), "{tasks}");
        assert!(portal.calls("tasks.task.list").is_empty());
        assert!(portal.calls("user.search").is_empty());
    }
}
