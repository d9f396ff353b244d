//! The assistant: its talks, against a language model that is a real server on this machine.

mod faults;
mod lines;
mod tools;

use std::process::Command;
use std::time::Duration;

use bots::Assistant;
use bots::assistant::{HISTORY_CHARS_MAX, Talk};
use imbot::App;
use imbot::event::{BotId, DialogId};
use imbot::libraries::secrecy::SecretString;
use imbot::store::Conversation;
use imbot::testing::{Settings, TestPortal};
use serde_json::json;

use crate::support::log::Log;
use crate::support::model::{Answer, Ending, FakeModel, begins, refuses, says};

/// The key of the model.
const KEY: &str = "sk-test";

/// Returns an assistant with this model.
fn assistant(model: &FakeModel) -> Assistant {
    let key = SecretString::from(KEY);
    Assistant::with_endpoint(&model.url(), "small", Some(&key)).unwrap()
}

/// A portal with an assistant whose model gives these answers. The clock stands still while a
/// handler runs.
async fn start(answers: impl IntoIterator<Item = Answer>) -> (TestPortal, FakeModel) {
    start_with(answers, |_| ()).await
}

/// The same with a clock that goes on when a handler has run for a while, since the model will not
/// say anything then.
async fn start_waiting(answers: impl IntoIterator<Item = Answer>) -> (TestPortal, FakeModel) {
    start_with(answers, |settings| {
        settings.handler_time = Duration::from_secs(10); // the model answers in less, if it does
    })
    .await
}

async fn start_with(
    answers: impl IntoIterator<Item = Answer>,
    change: impl FnOnce(&mut Settings),
) -> (TestPortal, FakeModel) {
    let model = FakeModel::start(answers);
    let assistant = assistant(&model);
    let app = move || App::new().bot(assistant.clone());
    let portal = TestPortal::with_settings(app, |settings| {
        settings.handler_time = Duration::from_secs(600); // however slow the machine is
        change(settings);
    });
    (portal.await, model)
}

#[tokio::test]
async fn it_answers_in_the_context_of_the_talk_until_a_new_one_begins() {
    let (portal, model) = start([says("Hello, **Ann**."), says("Hi."), says("Nothing.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.opens().sees("Ask me anything").await;
    ann.says("Hi").sees("Hello, [b]Ann[/b].").await;
    ann.says("What did I say?").sees("Hi.").await;
    ann.says("/new").sees("a new talk").await;
    ann.says("And now?").sees("Nothing.").await;
    let asked = model.asked();
    assert_eq!(asked[0].path, "/v1/chat/completions");
    assert!(asked[0].headers.contains("authorization: Bearer sk-test\n"));
    let body = &asked[0].body;
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&json!("small"), &json!(true))
    );
    let instructions = asked[0].messages()[0]["content"].as_str().unwrap();
    assert!(
        instructions.ends_with("Today is Monday, 2026-03-02."),
        "{instructions}"
    );
    assert_eq!(
        asked[1].texts(),
        ["Hi", "Hello, **Ann**.", "What did I say?"]
    );
    assert_eq!(asked[1].messages()[2]["role"], "assistant");
    assert_eq!(asked[2].texts(), ["And now?"]);
    assert_eq!(asked[2].messages()[0]["role"], "system");
}

#[tokio::test]
async fn the_oldest_messages_are_forgotten_and_the_instructions_stay() {
    let long = "long ".repeat(HISTORY_CHARS_MAX / 5 / 2);
    let answers = [says(&long), says(&long), says("Short.")];
    let (portal, model) = start(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    for (question, answer) in [("one", "long"), ("two", "long"), ("three", "Short.")] {
        ann.says(question).sees(answer).await;
    }
    let asked = model.asked();
    assert_eq!(asked[2].texts(), ["two", long.trim(), "three"]);
    assert_eq!(asked[2].messages()[0]["role"], "system");
}

#[tokio::test]
async fn an_answer_grows_and_the_person_stops_it() {
    let answers = [begins("Once upon ", Ending::Silence), says("Gladly.")];
    let (portal, model) = start_waiting(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    let seen = ann.says("A story").sees("Once upon").await;
    assert_eq!(seen.buttons, ["Stop"]);
    ann.presses(&seen, "Stop");
    let ended = ann.sees("Once upon").await;
    assert_eq!((ended.id, ended.buttons.len()), (seen.id, 0));
    ann.says("Another").sees("Gladly.").await;
    assert_eq!(
        model.asked()[1].texts(),
        ["A story", "Once upon", "Another"]
    );
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn in_a_group_each_message_has_its_author() {
    let (portal, model) = start([says("One."), says("Two.")]).await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["assistant"]);
    ann.tells("assistant", "first").sees("One.").await;
    boris.tells("assistant", "second").sees("Two.").await;
    let asked = model.asked();
    let expected = ["Ann Meyer: first", "One.", "Boris Petrov: second"];
    assert_eq!(asked[1].texts(), expected);
}

#[tokio::test]
async fn it_speaks_the_language_of_the_portal() {
    let (portal, _) = start_with([], |settings| settings.portal.language = "de".into()).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.opens().sees("Fragen Sie mich").await;
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_understood() {
    let message = json!({ "role": "assistant", "content": "At once." });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let body = json!({ "object": "chat.completion", "choices": [choice] });
    let answer = Answer::Whole(200, "", "application/json", body.to_string());
    let (portal, _) = start([answer]).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("At once.").await;
}

#[test]
fn the_key_is_in_no_log_no_state_and_no_message() {
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let test = "bots::assistant::everything_is_logged_while_a_key_is_used";
    let output = alone.args([test, "--exact", "--ignored"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "the test above gives it a process of its own: its log would hold what other tests log"]
async fn everything_is_logged_while_a_key_is_used() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    subscriber.init(); // for the whole process, with the logs of libraries
    let answers = [refuses(401, ""), says("Hello.")];
    let (portal, model) = start(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("no answer").await;
    ann.says("!").sees("Hello.").await;
    assert!(model.asked()[1].headers.contains(KEY));
    assert!(log.has(&["WARN", "status 401"]), "{}", log.text());
    let engine = portal.engine();
    let conversation = Conversation {
        portal: engine.portals().remove(0),
        bot: BotId(portal.bot("assistant")),
        dialog: DialogId::from(ann.user()),
    };
    let state = engine.store().state(&conversation).await.unwrap().unwrap();
    let state = String::from_utf8_lossy(&state.bytes).into_owned();
    assert!(state.contains("Hello."), "{state}");
    for text in [
        log.text(),
        ann.transcript(),
        state,
        format!("{:?}", assistant(&model)),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn without_a_model_a_script_shows_what_it_can_do() {
    let app = App::new().bot(Assistant::scripted());
    let portal = TestPortal::with_settings(app, |settings| {
        settings.handler_time = Duration::from_millis(1);
    })
    .await;
    let task = imbot::emulator::NewTask::new("Call the printer", 1);
    portal.emulator().add_task(task);
    let mut ann = portal.private("Ann", "assistant");
    let seen = ann.says("Hello").sees("scripted model").await;
    ann.presses(&seen, "Stop");
    portal.settle().await;
    assert!(
        !ann.transcript().contains("ASSISTANT_URL"),
        "{}",
        ann.transcript()
    );
    ann.says("Which tasks do I have?")
        .sees("Call the printer")
        .await;
    ann.says("Who is Boris?")
        .sees("Boris Petrov (Support engineer)")
        .await;
    let offer = ann.says("Create a task: water the plants");
    let offer = offer.sees("Create this task for you?").await;
    assert_eq!(offer.buttons, ["Create", "No"]);
    ann.presses(&offer, "Create")
        .sees("The task was created: ")
        .await;
    ann.says("My tasks").sees("water the plants").await;
}

#[tokio::test]
async fn a_talk_is_stored_as_before() {
    let stored = r#"{"said":[{"by":"person","text":"Hi"},{"by":"assistant","text":"Hello"}]}"#;
    let talk: Talk = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_string(&talk).unwrap(), stored);
}
