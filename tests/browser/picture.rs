//! The README's picture, made with `cargo test --test it -- --ignored readme_picture`.

use imbot::prelude::*;

use super::page::Page;
use crate::e2e::stage::until;
use crate::support::Desk;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.assets/chat.png");
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;

#[tokio::test]
#[ignore = "it changes the README's picture"]
async fn readme_picture() {
    let app = App::new()
        .bot(bots::Echo)
        .bot(bots::Menu::office())
        .bot(bots::Poll);
    let desk = Desk::with(app).await;
    let group = lunch(&desk).await;
    let page = Page::sized(&desk.portal, WIDTH, HEIGHT)
        .await
        .expect("a browser");
    let frame = page.run("window.outerHeight - window.innerHeight").await;
    let height = HEIGHT + frame.as_u64().expect("pixels") as u32;
    let resized = page.client.set_window_size(WIDTH, height).await;
    resized.expect("the picture's size");
    page.goto(&format!("/?as=1#{group}")).await;
    page.sees("other", "Sushi it is").await;
    show_last_update(&page).await;
    let picture = page.client.screenshot().await.expect("a picture");
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../.assets")).expect("a folder");
    std::fs::write(PICTURE, picture).expect("written");
}

/// Four colleagues and two bots decide where to eat.
async fn lunch(desk: &Desk) -> String {
    let mut ann = desk.private("Ann", "menu");
    let menu = ann.opens().sees("What do you need?").await;
    ann.presses(&menu, "1 Lunch")
        .sees("What would you like?")
        .await;
    let mut alone = desk.private("Ann", "echo");
    alone.opens().sees("I am Echo").await;
    alone.says("Good morning").sees("Good morning").await;

    let people = ["Ann", "Boris", "Clara", "David"];
    let [mut ann, mut boris, mut clara, mut david] = desk.group(people, &["echo", "poll"]);
    let group = ann.dialog().to_owned();
    let title = "Friday lunch";
    let renamed = reqwest::Client::new()
        .post(format!("{}/chat/rename", desk.portal.url()))
        .json(&serde_json::json!({ "as": 1, "dialog": group, "title": title }))
        .send();
    assert!(renamed.await.unwrap().status().is_success());
    ann.sees("I run polls").await;
    boris.says("Is anybody else hungry?");
    ann.tells("echo", "who is coming along?")
        .sees("who is coming along?")
        .await;
    ann.says("/help").sees("I also know").await;
    let poll = ann
        .says(r#"/poll "Where do we eat?" Pizza Sushi "The usual""#)
        .sees("0 · The usual")
        .await;
    boris.presses(&poll, "Sushi").sees("1 · Sushi").await;
    clara.presses(&poll, "Pizza").sees("1 · Pizza").await;
    david.presses(&poll, "Sushi").sees("2 · Sushi").await;
    ann.presses(&poll, "Sushi").sees("3 · Sushi").await;
    clara.says("Sushi it is! I book a table for four at noon, and we meet at the door.");
    let last = ann.sees("Sushi it is").await;
    for person in [1, desk.user("Boris")] {
        desk.portal.like(person, last.id).expect("liked");
    }
    until("everything to be told", || desk.engine.waiting() == (0, 0)).await;
    group
}

/// Opens the last edit in the traffic log, to show the bot's call.
async fn show_last_update(page: &Page) {
    let last = "[...document.querySelectorAll('[data-name=\"imbot.v2.chat.message.update\"] summary')].at(-1)";
    page.until(last).await;
    page.run(&format!("{last}.click()")).await;
    page.run("document.querySelector('.traffic-body').scrollTo(0, 1e6)")
        .await;
    page.run("document.activeElement.blur()").await;
}
