//! Models that are busy, broken, silent or endless: the person gets a sentence, and the next
//! question its answer.

use std::time::Duration;

use bots::assistant::{ANSWER_CHARS_MAX, RETRIES_MAX};
use imbot::testing::{Person, TestPortal};
use serde_json::json;

use super::{start, start_waiting};
use crate::support::model::{Answer, Ending, FakeModel, begins, event, refuses, says, words};

const BUSY: &str = "too much to do at the moment";
const NO_ANSWER: &str = "I get no answer from the language model";
const BROKEN_OFF: &str = "[i]The answer broke off here.";

/// Asks a model with this answer, waits for a sentence, and checks that the next question is
/// answered as if nothing had been asked before.
async fn is_told(answer: Answer, sentence: &str) {
    let shown = format!("{answer:?}");
    let (portal, model) = start([answer, says("Fine.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("lost").sees(sentence).await;
    ann.says("next").sees("Fine.").await;
    ann.sees_nothing_more().await;
    let asked = model.asked();
    assert_eq!(asked[1].texts(), ["next"], "after {shown}");
    assert_eq!(asked.len(), 2, "after {shown}");
}

/// Checks that an answer ends with a sentence, which the model does not see later.
async fn ends_with(answer: Answer, beginning: &str, sentence: &str) {
    let (portal, model) = start([answer, says("Fine.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let seen = ann.says("first").sees(sentence).await;
    assert!(seen.text.starts_with(beginning), "{}", seen.text);
    ann.says("next").sees("Fine.").await;
    assert_eq!(model.asked()[1].texts(), ["first", beginning, "next"]);
}

#[tokio::test]
async fn a_busy_model_is_asked_again_after_the_pause_that_it_names() {
    let busy = "Retry-After: 0\r\n";
    let answers = [refuses(429, busy), refuses(503, busy), says("Now.")];
    let (portal, model) = start(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("?").sees("Now.").await;
    let asked = model.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].body, asked[2].body);
}

#[tokio::test]
async fn a_model_that_stays_busy_is_not_asked_for_ever() {
    let times = RETRIES_MAX as usize + 1;
    let mut answers = vec![refuses(429, "Retry-After: 0\r\n"); times];
    answers.push(says("Fine."));
    let (portal, model) = start(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("lost").sees(BUSY).await;
    assert_eq!(model.asked().len(), times);
    ann.says("next").sees("Fine.").await;
    assert_eq!(model.asked()[times].texts(), ["next"]);
}

#[tokio::test]
async fn a_long_pause_is_not_waited_for() {
    is_told(refuses(429, "Retry-After: 3600\r\n"), BUSY).await;
}

#[tokio::test]
async fn a_refusal_and_a_redirect_are_not_repeated() {
    is_told(refuses(401, ""), NO_ANSWER).await;
    let elsewhere = "Location: http://127.0.0.1:1/v1\r\n";
    is_told(refuses(307, elsewhere), NO_ANSWER).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_none() {
    let half = r#"{"choices":[{"delta":{"content":"Ha"#.to_owned();
    let error = json!({ "error": { "message": "overloaded" } }).to_string();
    for answer in [
        Answer::Closes,
        begins("", Ending::Cut),
        begins("", Ending::Done),
        Answer::Stream(vec![half.clone()], Ending::Done),
        Answer::Stream(vec![error], Ending::Done),
        Answer::Stream(vec!["<html>".to_owned()], Ending::Done),
        Answer::Whole(200, "", "text/html", "<html>Maintenance</html>".to_owned()),
        Answer::Whole(200, "", "application/json", half),
        Answer::Whole(200, "", "application/json", "[]".to_owned()),
        Answer::Whole(204, "", "application/json", String::new()),
    ] {
        is_told(answer, NO_ANSWER).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_what_has_come() {
    ends_with(begins("Once upon", Ending::Cut), "Once upon", BROKEN_OFF).await;
    let mut events = words("Once upon");
    events.push("{\"choices\":[{".to_owned());
    let answer = Answer::Stream(events, Ending::Done);
    ends_with(answer, "Once upon", BROKEN_OFF).await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let mut answer = begins("", Ending::Endless);
    if let Answer::Stream(events, _) = &mut answer {
        *events = vec![event(&json!({ "content": "again ".repeat(100) }), None)];
    }
    let (portal, model) = start([answer, says("Fine.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let seen = ann.says("first").sees("[i]The answer was too long").await;
    assert!(seen.text.starts_with("again again"));
    ann.says("next").sees("Fine.").await;
    let asked = model.asked();
    let answer = asked[1].texts()[1];
    assert!(answer.chars().count() <= ANSWER_CHARS_MAX);
    assert!(answer.len() > ANSWER_CHARS_MAX - 10);
}

#[tokio::test]
async fn an_answer_that_the_endpoint_cuts_is_marked() {
    let mut events = words("Once upon");
    events.push(event(&json!({}), Some("length")));
    let answer = Answer::Stream(events, Ending::Done);
    ends_with(answer, "Once upon", "[i]The answer was too long").await;
}

#[tokio::test]
async fn a_model_that_never_answers_is_waited_for_only_so_long() {
    let (portal, model) = start_waiting([Answer::Hangs, says("Fine.")]).await;
    waits_for(&portal, NO_ANSWER).await;
    assert_eq!(model.asked().len(), 1);
}

#[tokio::test]
async fn a_model_that_falls_silent_is_waited_for_only_so_long() {
    let silent = begins("Once upon", Ending::Silence);
    let (portal, _) = start_waiting([silent, says("Fine.")]).await;
    let mut ann = waits_for(&portal, BROKEN_OFF).await;
    ann.says("next").sees("Fine.").await;
}

/// Asks, and waits for a minute of the clock.
async fn waits_for(portal: &TestPortal, sentence: &str) -> Person {
    let mut ann = portal.private("Ann", "assistant");
    ann.says("first");
    portal.advance(Duration::from_secs(60)).await;
    ann.sees(sentence).await;
    ann
}

#[tokio::test]
async fn a_model_that_cannot_be_reached_is_tried_again_and_then_reported() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", port.local_addr().unwrap());
    drop(port); // nobody listens there now
    let assistant = bots::Assistant::with_endpoint(&url, "small", None).unwrap();
    let app = imbot::App::new().bot(assistant);
    let portal = TestPortal::with_settings(app, |settings| {
        settings.handler_time = Duration::from_millis(1);
    })
    .await;
    waits_for(&portal, NO_ANSWER).await;
}

#[tokio::test]
async fn a_slow_model_delays_nobody_else() {
    let (portal, model) = start_waiting([Answer::Hangs, says("Fine.")]).await;
    let mut ann = portal.private("Ann", "assistant");
    let mut boris = portal.private("Boris", "assistant");
    ann.says("first");
    until_asked(&portal, &model, 1).await;
    boris.says("second").sees("Fine.").await;
}

#[tokio::test]
async fn a_crash_does_not_pay_twice_for_what_was_complete() {
    let answers = [
        crate::support::model::calls("Let me look.", &[("my_tasks", json!({}))]),
        Answer::Hangs,
        says("You have none."),
    ];
    let (portal, model) = start_waiting(answers).await;
    let mut ann = portal.private("Ann", "assistant");
    ann.says("Which tasks do I have?");
    until_asked(&portal, &model, 2).await;
    portal.crash().await;
    let seen = ann.sees("You have none.").await;
    assert!(
        seen.text.starts_with("Let me look.\n\nYou"),
        "{}",
        seen.text
    );
    let asked = model.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].body, asked[2].body);
    assert_eq!(portal.calls("tasks.task.list").len(), 1);
}

/// Waits until a model has got this many requests. The clock moves by a millisecond at a time.
async fn until_asked(portal: &TestPortal, model: &FakeModel, times: usize) {
    while model.asked().len() < times {
        portal.settle().await;
    }
}
