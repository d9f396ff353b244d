//! The flood limit.

use std::time::Duration;

use imbot::handler::RateLimit;
use imbot::prelude::*;
use imbot::testing::TestPortal;

const MINUTE: Duration = Duration::from_secs(60);

/// Repeats what was said, and has a reminder and a button.
struct Echo;

impl Bot for Echo {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        match message.text.as_str() {
            "later" => {
                cx.remind(Duration::from_secs(10), ())?;
            }
            "fail" if cx.attempt() == 1 => return Err(Error::failed("not yet")),
            text => {
                let button = Button::command_once("Press", "press", "");
                cx.say(text).keyboard(button);
            }
        }
        Ok(())
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("press", "Press").hidden()]
    }

    async fn command(&self, cx: &mut Context, _: Command) -> Result {
        cx.say("Pressed");
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context, _: Reminder) -> Result {
        cx.say("It is time");
        Ok(())
    }
}

fn limited() -> App {
    App::new()
        .bot(Echo)
        .middleware(RateLimit::per_user(3, MINUTE))
}

#[tokio::test]
async fn over_the_limit_there_is_one_answer_in_a_window_and_others_are_not_affected() {
    let portal = TestPortal::with(limited()).await;
    let mut ann = portal.private("Ann", "echo");
    for text in ["1", "2", "3"] {
        ann.says(text).sees(text).await;
    }
    ann.says("4").sees("That was a lot at once.").await;
    ann.says("5").says("6").sees_nothing_more().await;
    let mut boris = portal.private("Boris", "echo");
    boris.says("hello").sees("hello").await;
    assert_eq!(portal.engine().counts().without_bot.get(), 3);
    portal.advance(MINUTE).await;
    ann.says("7").sees("7").await;
}

#[tokio::test]
async fn the_answer_is_in_the_language_of_the_portal() {
    let portal = TestPortal::with_settings(limited(), |settings| {
        settings.portal.language = "de".to_owned();
    })
    .await;
    let mut ann = portal.private("Ann", "echo");
    ann.says("1").says("2").says("3").says("4");
    ann.sees("Das war viel auf einmal.").await;
}

#[tokio::test]
async fn reminders_and_retries_do_not_count() {
    let portal = TestPortal::with(limited()).await;
    let mut ann = portal.private("Ann", "echo");
    ann.says("later").says("fail").sees("fail").await;
    ann.says("3").sees("3").await;
    ann.says("4").sees("That was a lot at once.").await;
    portal.advance(Duration::from_secs(10)).await;
    ann.sees("It is time").await;
    portal.expects_failures(1);
}

#[tokio::test]
async fn what_the_program_says_is_not_limited() {
    let app = App::new()
        .bot(Echo)
        .middleware(RateLimit::per_user(0, MINUTE));
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let mut ann = portal.private("Ann", "echo");
    let chat = handle.bot("echo").chat(ann.user());
    chat.say("news").await.unwrap();
    ann.sees("news").await;
    ann.says("hello").sees("That was a lot at once.").await;
}

#[tokio::test]
async fn a_button_that_works_once_is_not_limited() {
    let portal = TestPortal::with(limited()).await;
    let mut ann = portal.private("Ann", "echo");
    let offer = ann.says("1").sees("1").await;
    ann.says("2").says("3").sees("3").await;
    ann.says("4").sees("That was a lot at once.").await;
    ann.presses(&offer, "Press").sees("Pressed").await;
}
