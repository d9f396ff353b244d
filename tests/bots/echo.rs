//! The echo bot: its welcome, its answers, its list with pages, and commands typed by hand.

use bots::Echo;
use imbot::App;
use imbot::testing::TestPortal;

async fn start() -> TestPortal {
    TestPortal::with(App::new().bot(Echo)).await
}

#[tokio::test]
async fn it_greets_a_person_who_opens_the_chat_and_repeats_messages() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "echo");
    let welcome = ann.opens().sees("Hello, [b]Ann[/b]!").await;
    assert_eq!(welcome.buttons, ["What else?", "Colours"]);
    ann.says("Good [b]morning[/b]")
        .sees("Good [b]morning[/b]")
        .await;
    ann.presses(&welcome, "What else?")
        .sees("I also know")
        .await;
}

#[tokio::test]
async fn in_a_group_it_repeats_messages_that_mention_it_without_the_mention() {
    let portal = start().await;
    let [mut ann] = portal.group(["Ann"], &["echo"]);
    ann.sees("Hello, everybody!").await;
    ann.says("not for the bot")
        .tells("echo", "for the bot")
        .sees("for the bot")
        .await;
    let texts: Vec<String> = ann.history().into_iter().map(|line| line.text).collect();
    assert_eq!(texts.last().map(String::as_str), Some("for the bot"));
    assert!(
        !texts[..texts.len() - 1].contains(&"for the bot".to_owned()),
        "{texts:?}"
    );
}

#[tokio::test]
async fn the_command_repeats_its_text_and_shows_its_usage_without_one() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "echo");
    ann.says("/echo  as it  stands").sees("as it  stands").await;
    ann.says("/echo")
        .sees("Usage: [code]/echo <text>[/code]")
        .await;
}

#[tokio::test]
async fn turning_the_colour_list_edits_one_message() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "echo");
    let first = ann.says("/colors").sees("page 1 of 4").await;
    assert_eq!(
        first.buttons,
        ["Red", "Green", "Mint", "Light blue", "‹", "›"]
    );
    let mint = ann.presses(&first, "Mint").sees("#4ba984").await;
    let last = ann.presses(&mint, "‹").sees("page 4 of 4").await;
    assert_eq!((mint.id, last.id), (first.id, first.id));
    assert!(last.is_edited);
    ann.presses(&last, "›").sees("page 1 of 4").await;
}

#[tokio::test]
async fn the_commands_of_buttons_can_be_typed_by_hand() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "echo");
    ann.says("/page 7").sees("page 4 of 4").await;
    ann.says("/color 99").sees("no such colour").await;
    ann.says("/color red").sees("is not a whole number").await;
}
