//! The menu: by buttons and by words, in a private chat and in a group.

use bots::Menu;
use imbot::App;
use imbot::testing::TestPortal;

async fn start() -> TestPortal {
    TestPortal::with(App::new().bot(Menu::office())).await
}

#[tokio::test]
async fn buttons_lead_down_and_back_by_editing_one_message() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "menu");
    let home = ann.opens().sees("Welcome! What do you need?").await;
    assert_eq!(
        home.buttons,
        ["1 Lunch", "2 A room", "3 IT help", "4 Holidays"]
    );
    let lunch = ann
        .presses(&home, "1 Lunch")
        .sees("What would you like?")
        .await;
    assert_eq!(lunch.buttons, ["1 Pizza", "2 Soup", "‹ Back"]);
    let soup = ann.presses(&lunch, "2 Soup").sees("Which soup?").await;
    assert_eq!(soup.buttons, ["1 Tomato", "2 Pumpkin", "‹ Back", "« Home"]);
    let lunch = ann
        .presses(&soup, "‹ Back")
        .sees("What would you like?")
        .await;
    let pizza = ann
        .presses(&lunch, "1 Pizza")
        .sees("[b]Lunch › Pizza[/b]")
        .await;
    assert_eq!(pizza.id, home.id);
    assert_eq!(pizza.buttons, ["« Home"]);
}

#[tokio::test]
async fn numbers_and_words_select_like_buttons() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "menu");
    ann.says("lunch").sees("What would you like?").await;
    ann.says("back").sees("What do you need?").await;
    ann.says("1").sees("What would you like?").await;
    ann.says("SOUP").sees("Which soup?").await;
    ann.says("pump").sees("Lunch › Soup › Pumpkin").await;
    ann.says("2").sees("For how many people?").await;
    ann.says("home").sees("What do you need?").await;
}

#[tokio::test]
async fn an_unknown_text_is_escaped_and_the_question_repeated() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "menu");
    ann.says("1").sees("What would you like?").await;
    let again = ann.says("[b]7[/b]").sees("There is no “[\u{2060}b]7").await;
    assert!(again.text.ends_with("What would you like?"));
    ann.says("2").sees("Which soup?").await;
}

#[tokio::test]
async fn a_group_shares_one_menu_and_old_buttons_still_work() {
    let portal = start().await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["menu"]);
    let home = ann.sees("What do you need?").await;
    ann.tells("menu", "lunch")
        .sees("What would you like?")
        .await;
    boris.sees("What would you like?").await;
    boris.tells("menu", "2").sees("Which soup?").await;
    boris
        .presses(&home, "3 IT help")
        .sees("What does not work?")
        .await;
    boris.tells("menu", "1").sees("IT help › Password").await;
}

#[tokio::test]
async fn a_path_that_does_not_exist_leads_to_the_start() {
    let portal = start().await;
    let mut ann = portal.private("Ann", "menu");
    ann.says("/go 0 9 9").sees("What do you need?").await;
    ann.says("/menu").sees("What do you need?").await;
}
