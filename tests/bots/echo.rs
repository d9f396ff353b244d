//! The bot that repeats, alone and in a group.

use bots::Echo;
use imbot::App;

use crate::support::Desk;

async fn desk() -> Desk {
    Desk::with(App::new().bot(Echo)).await
}

#[tokio::test]
async fn it_greets_whoever_opens_its_chat_and_repeats_what_they_say() {
    let desk = desk().await;
    let mut ann = desk.private("Ann", "echo");
    let welcome = ann.opens().sees("Hello, [b]Ann[/b]!").await;
    assert_eq!(welcome.labels(), ["What else?", "Colours"]);
    ann.says("Good [b]morning[/b]")
        .sees("Good [b]morning[/b]")
        .await;
    ann.presses(&welcome, "What else?")
        .sees("I also know")
        .await;
}

#[tokio::test]
async fn in_a_group_it_repeats_what_is_said_to_it_without_the_mention() {
    let desk = desk().await;
    let [mut ann] = desk.group(["Ann"], &["echo"]);
    ann.sees("Hello, everybody!").await;
    ann.says("not for the bot")
        .tells("echo", "for the bot")
        .sees("for the bot")
        .await;
    let said: Vec<String> = ann.history().into_iter().map(|line| line.text).collect();
    assert_eq!(said.last().map(String::as_str), Some("for the bot"));
    assert!(
        !said[..said.len() - 1].contains(&"for the bot".to_owned()),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_follows_the_command_is_repeated_and_nothing_gets_the_usage() {
    let desk = desk().await;
    let mut ann = desk.private("Ann", "echo");
    ann.says("/echo  as it  stands").sees("as it  stands").await;
    ann.says("/echo")
        .sees("Usage: [code]/echo <text>[/code]")
        .await;
}

#[tokio::test]
async fn the_colour_list_is_turned_in_one_message() {
    let desk = desk().await;
    let mut ann = desk.private("Ann", "echo");
    let first = ann.says("/colors").sees("page 1 of 4").await;
    assert_eq!(
        first.labels(),
        ["Red", "Green", "Mint", "Light blue", "‹", "›"]
    );
    let mint = ann.presses(&first, "Mint").sees("#4ba984").await;
    let last = ann.presses(&mint, "‹").sees("page 4 of 4").await;
    assert_eq!((mint.id, last.id), (first.id, first.id));
    assert!(last.is_edited);
    ann.presses(&last, "›").sees("page 1 of 4").await;
}

#[tokio::test]
async fn a_buttons_command_typed_by_hand_is_answered_and_breaks_nothing() {
    let desk = desk().await;
    let mut ann = desk.private("Ann", "echo");
    ann.says("/page 7").sees("page 4 of 4").await;
    ann.says("/color 99").sees("no such colour").await;
    ann.says("/color red").sees("is not a whole number").await;
}
