//! Pauses of a bot in a chat.

use std::time::Duration;

use imbot::handler::Until;
use imbot::prelude::*;
use imbot::testing::TestPortal;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts messages, and is quiet for ten minutes if it is told so.
struct Parrot;

impl Bot<u32> for Parrot {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        cx.say(format!("{}: {}", cx.state, message.text));
        match message.text.as_str() {
            "quiet" => cx.pause_bot(10 * MINUTE),
            "fail" => {
                cx.pause_bot(Until::Resumed);
                return Err(tell("No."));
            }
            _ => {
                cx.remind(5 * MINUTE, &message.text)?;
            }
        }
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<u32>, reminder: Reminder) -> Result {
        cx.say(format!("reminded of {}", reminder.read::<String>()?));
        Ok(())
    }
}

#[tokio::test]
async fn a_paused_bot_says_nothing_until_its_time_and_reminders_wait() {
    let portal = TestPortal::with(|| App::new().bot(Parrot)).await;
    let mut ann = portal.private("Ann", "parrot");
    let mut boris = portal.private("Boris", "parrot");
    ann.says("tea").sees("1: tea").await;
    ann.says("quiet").sees("2: quiet").await;
    ann.says("hello?").sees_nothing_more().await;
    boris.says("hello").sees("1: hello").await;
    portal.crash().await;
    ann.says("hello??").sees_nothing_more().await;
    portal.advance(7 * MINUTE).await;
    ann.sees_nothing_more().await;
    boris.sees("reminded of hello").await;
    portal.advance(4 * MINUTE).await;
    ann.sees("reminded of tea").await;
    ann.says("back").sees("3: back").await;
    assert!(portal.engine().counts().paused.get() >= 1);
}

#[tokio::test]
async fn the_handle_pauses_and_resumes() {
    let app = App::new().bot(Parrot);
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let mut ann = portal.private("Ann", "parrot");
    ann.says("one").sees("1: one").await;
    let chat = handle.bot("parrot").chat(ann.user());
    chat.pause(Until::Resumed).await.unwrap();
    ann.says("two").sees_nothing_more().await;
    let said = chat.say("From the shop.").await.unwrap();
    portal.settle().await;
    assert_eq!(said.outcome().await, imbot::engine::RequestOutcome::Skipped);
    portal.restart().await;
    ann.says("three").sees_nothing_more().await;
    assert!(chat.resume().await.unwrap());
    ann.says("four").sees("2: four").await;
    assert!(!chat.resume().await.unwrap());
    portal.advance(6 * MINUTE).await;
    ann.sees("reminded of one").await;
}

#[tokio::test]
async fn a_turn_that_fails_does_not_pause() {
    let portal = TestPortal::with(App::new().bot(Parrot)).await;
    let mut ann = portal.private("Ann", "parrot");
    ann.says("fail").sees("No.").await;
    ann.says("hello").sees("1: hello").await;
}

/// A bot of an open channel.
struct Porter;

impl Bot for Porter {
    fn profile(&self) -> Profile {
        Profile::new("porter", "Porter").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("heard {}", message.text));
        Ok(())
    }
}

#[tokio::test]
async fn an_operator_who_takes_over_during_a_pause_has_the_chat_after_it() {
    let app = App::new().bot(Porter);
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let mut eve = portal.visitor("Eve", "porter");
    eve.says("hi").sees("heard hi").await;
    let number = portal.emulator().lines()["sessions"][0]["chat"].as_u64();
    let number = number.expect("a session");
    let dialog = format!("chat{number}");
    let chat = handle.bot("porter").chat(dialog.as_str());
    chat.pause(Until::Resumed).await.unwrap();
    eve.says("anybody?").sees_nothing_more().await;
    let boris = portal.emulator().person("Boris").expect("Boris");
    portal.emulator().join(boris, number).expect("an operator");
    portal
        .emulator()
        .send(boris, &dialog, "I am here")
        .expect("a member");
    eve.sees("I am here").await;
    chat.resume().await.unwrap();
    eve.says("thanks").sees_nothing_more().await;
}
