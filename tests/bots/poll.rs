//! The group vote, from the question to its end.

use bots::Poll;
use imbot::App;

use crate::support::{Desk, Line, Person};

const ASK: &str = r#"/poll "Where do we eat?" Pizza Sushi "The usual""#;

async fn desk() -> Desk {
    Desk::with(App::new().bot(Poll)).await
}

async fn asked(ann: &mut Person) -> Line {
    ann.says(ASK).sees("0 · The usual").await
}

#[tokio::test]
async fn a_vote_is_counted_once_a_person_and_may_be_changed() {
    let desk = desk().await;
    let [mut ann, mut boris] = desk.group(["Ann", "Boris"], &["poll"]);
    let poll = asked(&mut ann).await;
    assert_eq!(poll.labels(), ["Pizza", "Sushi", "The usual", "Close"]);
    assert!(poll.text.contains("□□□□□□□□ 0 · Pizza"), "{}", poll.text);
    ann.presses(&poll, "Pizza").sees("■■■■■■■■ 1 · Pizza").await;
    boris
        .presses(&poll, "Sushi")
        .sees("■■■■□□□□ 1 · Sushi")
        .await;
    let both = ann.presses(&poll, "Sushi").sees("■■■■■■■■ 2 · Sushi").await;
    assert!(both.text.contains("0 · Pizza"), "{}", both.text);
    assert_eq!(both.id, poll.id);
    assert_eq!(both.labels(), poll.labels());
}

#[tokio::test]
async fn who_asked_closes_it_and_the_winner_is_told() {
    let desk = desk().await;
    let [mut ann, mut boris] = desk.group(["Ann", "Boris"], &["poll"]);
    let poll = asked(&mut ann).await;
    boris.presses(&poll, "Sushi").sees("1 · Sushi").await;
    boris.presses(&poll, "Close").sees("Only who asked").await;
    ann.presses(&poll, "Close")
        .sees("[b]Sushi[/b], with 1 of 1 votes")
        .await;
    assert!(ann.history().iter().all(|line| line.labels().is_empty()));
    boris
        .says(&format!("/vote {} 0", poll.id))
        .sees("This poll is over")
        .await;
}

#[tokio::test]
async fn a_second_poll_waits_for_the_first_to_be_closed() {
    let desk = desk().await;
    let [mut ann] = desk.group(["Ann"], &["poll"]);
    asked(&mut ann).await;
    let wait = ann
        .says("/poll When? Now Later")
        .sees("First close the poll")
        .await;
    ann.presses(&wait, "Close it")
        .sees("Nobody has voted")
        .await;
    ann.says("/poll When? Now Later").sees("0 · Later").await;
}

#[tokio::test]
async fn commands_typed_by_hand_break_nothing() {
    let desk = desk().await;
    let [mut ann] = desk.group(["Ann"], &["poll"]);
    ann.says("/endpoll").sees("No poll is running").await;
    ann.says("/vote 1 1").sees("This poll is over").await;
    asked(&mut ann).await;
    ann.says("/vote 1 1").sees("This poll is over").await;
    ann.says("/vote Pizza").sees("Usage: [code]/vote").await;
    ann.says("/poll Alone?").sees("First close").await;
    ann.says("/endpoll").sees("Nobody has voted").await;
    ann.says("/poll Alone?").sees("has 2 to 10 options").await;
    ann.says("/poll \"\" Yes No")
        .sees("1 to 200 characters")
        .await;
}

#[tokio::test]
async fn in_a_private_chat_it_explains_itself() {
    let desk = desk().await;
    let mut ann = desk.private("Ann", "poll");
    ann.opens().sees("I let a group vote").await;
    ann.says("hello").sees("I let a group vote").await;
    ann.says(ASK).sees("I let a group vote").await;
}
