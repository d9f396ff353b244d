//! The poll bot, from the question to the result.

use bots::Poll;
use imbot::App;
use imbot::testing::{Person, SeenMessage, TestPortal};

const ASK: &str = r#"/poll "Where do we eat?" Pizza Sushi "The usual""#;

async fn start() -> TestPortal {
    TestPortal::with(App::new().bot(Poll)).await
}

async fn start_poll(ann: &mut Person) -> SeenMessage {
    ann.says(ASK).sees("0 · The usual").await
}

#[tokio::test]
async fn each_person_has_one_vote_and_can_change_it() {
    let portal = start().await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["poll"]);
    let poll = start_poll(&mut ann).await;
    assert_eq!(poll.buttons, ["Pizza", "Sushi", "The usual", "Close"]);
    assert!(poll.text.contains("□□□□□□□□ 0 · Pizza"), "{}", poll.text);
    ann.presses(&poll, "Pizza").sees("■■■■■■■■ 1 · Pizza").await;
    boris
        .presses(&poll, "Sushi")
        .sees("■■■■□□□□ 1 · Sushi")
        .await;
    let both = ann.presses(&poll, "Sushi").sees("■■■■■■■■ 2 · Sushi").await;
    assert!(both.text.contains("0 · Pizza"), "{}", both.text);
    assert_eq!(both.id, poll.id);
    assert_eq!(both.buttons, poll.buttons);
}

#[tokio::test]
async fn only_the_person_who_started_it_closes_it_and_the_result_is_shown() {
    let portal = start().await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["poll"]);
    let poll = start_poll(&mut ann).await;
    boris.presses(&poll, "Sushi").sees("1 · Sushi").await;
    boris
        .presses(&poll, "Close")
        .sees("Only the person who started")
        .await;
    ann.presses(&poll, "Close")
        .sees("[b]Sushi[/b], with 1 of 1 votes")
        .await;
    assert!(ann.history().iter().all(|line| line.buttons.is_empty()));
    boris
        .says(&format!("/vote {} 0", poll.id))
        .sees("This poll is over")
        .await;
}

#[tokio::test]
async fn a_second_poll_is_refused_until_the_first_is_closed() {
    let portal = start().await;
    let [mut ann] = portal.group(["Ann"], &["poll"]);
    start_poll(&mut ann).await;
    let wait = ann
        .says("/poll When? Now Later")
        .sees("First close the running poll")
        .await;
    ann.presses(&wait, "Close it")
        .sees("Nobody has voted")
        .await;
    ann.says("/poll When? Now Later").sees("0 · Later").await;
}

#[tokio::test]
async fn invalid_commands_typed_by_hand_are_refused() {
    let portal = start().await;
    let [mut ann] = portal.group(["Ann"], &["poll"]);
    ann.says("/endpoll").sees("No poll is running").await;
    ann.says("/vote 1 1").sees("This poll is over").await;
    start_poll(&mut ann).await;
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
async fn in_a_private_chat_it_explains_how_to_use_it() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "poll");
    ann.opens().sees("I run polls in groups").await;
    ann.says("hello").sees("I run polls in groups").await;
    ann.says(ASK).sees("I run polls in groups").await;
}
