//! Answers that grow: what people see of them, what ends them, and that their end is certain.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use imbot::prelude::*;
use imbot::testing::{Settings, TestPortal};

const SECOND: Duration = Duration::from_secs(1);

/// One step of what a model writes.
#[derive(Clone, Debug)]
enum Step {
    Says(&'static str),
    Waits(Duration),
    Fails(&'static str),
}
use Step::{Fails, Says, Waits};

/// The answers of the model, one for each attempt.
type Script = Arc<Mutex<VecDeque<Vec<Step>>>>;

/// Answers with what the script says, and remembers it.
struct Writer(Script);

impl Bot<Vec<String>> for Writer {
    async fn message(&self, cx: &mut Context<Vec<String>>, message: Message) -> Result {
        if message.text == "what?" {
            cx.say(format!("{:?}", cx.state));
            return Ok(());
        }
        let steps = self.0.lock().unwrap().pop_front().unwrap_or_default();
        let tokens = stream::unfold(steps.into_iter(), async |mut steps| {
            loop {
                match steps.next()? {
                    Says(token) => return Some((Ok(token.to_owned()), steps)),
                    Waits(time) => tokio::time::sleep(time).await,
                    Fails(why) => return Some((Err(Error::failed(why)), steps)),
                }
            }
        });
        let answer = cx
            .stream(tokens)
            .markdown()
            .stop_button()
            .stops_at("enough")
            .await?;
        cx.state
            .push(format!("{} {}", answer.text, answer.is_stopped));
        Ok(())
    }
}

/// A portal with a writer of these answers, whose handlers do not hold the clock.
async fn writer(answers: &[&[Step]]) -> (TestPortal, Script) {
    writer_with(answers, |_| ()).await
}

async fn writer_with(
    answers: &[&[Step]],
    change: impl FnOnce(&mut Settings),
) -> (TestPortal, Script) {
    let script: Script = Arc::default();
    let answers = answers.iter().map(|steps| steps.to_vec());
    script.lock().unwrap().extend(answers);
    let for_app = Arc::clone(&script);
    let app = move || App::new().bot(Writer(Arc::clone(&for_app)));
    let portal = TestPortal::with_settings(app, |settings| {
        settings.handler_time = Duration::from_millis(1);
        change(settings);
    });
    (portal.await, script)
}

/// How often a method of bots was called.
fn count(portal: &TestPortal, method: &str) -> usize {
    portal
        .calls(&format!("imbot.v2.Chat.Message.{method}"))
        .len()
}

#[tokio::test]
async fn a_short_answer_is_an_ordinary_message() {
    let (portal, _) = writer(&[&[Says("**Hi**"), Says(", Ann")]]).await;
    let mut ann = portal.private("Ann", "writer");
    let seen = ann.says("?").sees("[b]Hi[/b], Ann").await;
    assert!(!seen.is_edited);
    assert_eq!(seen.buttons, [""; 0]);
    assert_eq!((count(&portal, "send"), count(&portal, "update")), (1, 0));
    ann.says("what?").sees("[\"**Hi**, Ann false\"]").await;
}

#[tokio::test]
async fn an_answer_grows_at_most_once_a_second_and_ends_whole() {
    let mut steps = vec![Says("One")];
    for _ in 0..50 {
        steps.extend([Waits(SECOND / 10), Says(" more")]);
    }
    let (portal, _) = writer(&[&steps]).await;
    let mut ann = portal.private("Ann", "writer");
    let first = ann.says("?").sees("One").await;
    assert_eq!(first.buttons, ["Stop"]);
    assert!(first.text.len() < 40, "{}", first.text);
    let whole = format!("One{}", " more".repeat(50));
    let last = ann.sees(&whole).await;
    assert_eq!((last.id, last.buttons.len()), (first.id, 0));
    assert_eq!(count(&portal, "send"), 1);
    let edits = count(&portal, "update");
    assert!((3..=6).contains(&edits), "{edits} edits in five seconds");
}

#[tokio::test]
async fn a_button_and_words_of_the_person_end_it() {
    let long = [Says("Once"), Waits(60 * SECOND), Says(" upon a time")];
    let (portal, _) = writer(&[&long, &long, &long]).await;
    let mut ann = portal.private("Ann", "writer");
    let seen = ann.says("1").sees("Once").await;
    ann.presses(&seen, "Stop");
    let ended = ann.sees("Once").await;
    assert_eq!((ended.id, ended.buttons.len()), (seen.id, 0));
    for word in ["STOP", "Enough"] {
        ann.says("2").sees("Once").await;
        ann.says(word).sees("Once").await;
    }
    ann.says("what?")
        .sees(r#"["Once true", "Once true", "Once true"]"#)
        .await;
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn only_who_asked_can_end_it() {
    let long = [Says("Once"), Waits(5 * SECOND), Says(" upon a time")];
    let (portal, _) = writer(&[&long]).await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["writer"]);
    let seen = ann.tells("writer", "?").sees("Once").await;
    boris.presses(&seen, "Stop");
    ann.sees("Once upon a time").await;
    boris.sees("This button is for somebody else.").await;
}

#[tokio::test]
async fn a_retry_and_a_restart_continue_in_the_same_message() {
    let begins = [Says("Half"), Waits(SECOND), Fails("the model broke")];
    let hangs = [Says("Again half"), Waits(600 * SECOND)];
    let (portal, _) = writer(&[&begins, &hangs, &[Says("Whole")]]).await;
    portal.expects_failures(1);
    let mut ann = portal.private("Ann", "writer");
    let half = ann.says("?").sees("Half").await;
    ann.sees("Again half").await;
    portal.crash().await;
    let whole = ann.sees("Whole").await;
    assert_eq!((whole.id, whole.buttons.len()), (half.id, 0));
    assert_eq!(ann.transcript(), "Ann: ?\nWriter: Whole\n");
    assert_eq!(count(&portal, "send"), 1);
}

#[tokio::test]
async fn an_apology_takes_the_place_of_an_answer_that_fails_for_good() {
    let broken = [Says("Half"), Waits(SECOND), Fails("the model broke")];
    let (portal, _) = writer_with(&[&broken, &broken], |settings| {
        settings.config.attempts = 2;
    })
    .await;
    portal.expects_failures(2);
    portal.expects_dead_letters(1);
    let mut ann = portal.private("Ann", "writer");
    let half = ann.says("?").sees("Half").await;
    let sorry = ann.sees("Sorry").await;
    assert_eq!((sorry.id, sorry.buttons.len()), (half.id, 0));
    ann.says("what?").sees("[]").await;
}

#[tokio::test]
async fn a_refused_edit_comes_later_and_the_end_comes_all_the_same() {
    let steps = [
        Says("One"),
        Waits(2 * SECOND),
        Says(" two"),
        Waits(2 * SECOND),
        Says(" three"),
    ];
    let (portal, _) = writer(&[&steps]).await;
    let mut ann = portal.private("Ann", "writer");
    ann.says("?").sees("One").await;
    portal.refuse(1, "ACCESS_DENIED");
    ann.sees("One two three").await;
    assert_eq!(ann.transcript(), "Ann: ?\nWriter: One two three\n");
}

#[tokio::test]
async fn a_text_too_long_for_one_message_becomes_several() {
    let word: &'static str = Box::leak("word ".repeat(3_000).into_boxed_str());
    let steps = [Says(word), Waits(SECOND), Says(word), Waits(2 * SECOND)];
    let (portal, _) = writer(&[&steps]).await;
    let mut ann = portal.private("Ann", "writer");
    ann.says("?").sees("word").await;
    portal.advance(10 * SECOND).await;
    let said: Vec<_> = ann.history().into_iter().skip(1).collect();
    assert_eq!(said.len(), 2);
    let words = said
        .iter()
        .map(|message| message.text.split_whitespace().count());
    assert_eq!(words.sum::<usize>(), 6_000);
}

#[tokio::test]
async fn many_answers_at_once_are_not_refused() {
    const CHATS: usize = 40;
    let mut steps = vec![Says("One")];
    for _ in 0..20 {
        steps.extend([Waits(SECOND / 2), Says(" more")]);
    }
    let answers = vec![&*steps; CHATS];
    let (portal, _) = writer(&answers).await;
    let mut chats: Vec<_> = (0..CHATS)
        .map(|_| {
            let [ann] = portal.group(["Ann"], &["writer"]);
            ann
        })
        .collect();
    for ann in &mut chats {
        ann.tells("writer", "?");
    }
    let whole = format!("One{}", " more".repeat(20));
    for ann in &mut chats {
        ann.sees(&whole).await;
    }
    let refused = portal.emulator().traffic_log();
    let refused = refused.iter().filter(|entry| {
        let answer = entry["answer"].to_string();
        answer.contains("QUERY_LIMIT_EXCEEDED") || answer.contains("OPERATION_TIME_LIMIT")
    });
    assert_eq!(refused.count(), 0);
}
