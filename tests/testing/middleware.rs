//! Middleware around turns: its order, what it sees, and what it can end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::handler::{Middleware, Next, Turn, TurnKind};
use imbot::prelude::*;
use imbot::testing::TestPortal;

/// Fails, answers or speaks as the message says; counts its messages.
struct Shop;

impl Bot<u32> for Shop {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        match message.text.as_str() {
            "fail" if cx.attempt() == 1 => Err(Error::failed("not yet")),
            "tell" => Err(tell("No.")),
            "later" => {
                cx.remind(Duration::from_secs(60), ())?;
                Ok(())
            }
            text => {
                cx.say(format!("{}: {text}", cx.state));
                Ok(())
            }
        }
    }

    async fn reminded(&self, cx: &mut Context<u32>, _: Reminder) -> Result {
        cx.say("It is time");
        Ok(())
    }
}

/// Notes what it sees.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Noting(&'static str, Notes);

impl Middleware for Noting {
    async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
        let Self(name, notes) = self;
        notes.add(format!("{name} {:?} {}", turn.kind(), turn.attempt()));
        let result = next.run(turn).await;
        let how = match &result {
            Ok(()) => "done",
            Err(error) if error.is_answer() => "told",
            Err(_) => "failed",
        };
        notes.add(format!("{name} {how}"));
        result
    }
}

#[tokio::test]
async fn it_runs_around_every_attempt_and_reminder_outermost_first_and_sees_the_result() {
    let notes = Notes::default();
    let app = App::new()
        .middleware(Noting("outer", notes.clone()))
        .bot(Shop)
        .middleware(Arc::new(Noting("inner", notes.clone())));
    let portal = TestPortal::with(app).await;
    let mut ann = portal.private("Ann", "shop");
    ann.opens();
    portal.settle().await;
    notes.take();
    ann.says("hello").sees("1: hello").await;
    let around = |attempt: u32, kind: &str, how: &str| {
        [
            format!("outer {kind} {attempt}"),
            format!("inner {kind} {attempt}"),
            format!("inner {how}"),
            format!("outer {how}"),
        ]
    };
    assert_eq!(notes.take(), around(1, "Message", "done"));
    ann.says("tell").sees("No.").await;
    assert_eq!(notes.take(), around(1, "Message", "told"));
    ann.says("fail").sees("2: fail").await;
    let twice = [around(1, "Message", "failed"), around(2, "Message", "done")];
    assert_eq!(notes.take(), twice.concat());
    ann.says("later");
    portal.settle().await;
    assert_eq!(notes.take(), around(1, "Message", "done"));
    portal.crash().await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees("It is time").await;
    assert_eq!(notes.take(), around(1, "Reminder", "done"));
    portal.expects_failures(1);
}

/// Lets only some through.
struct Guard;

impl Middleware for Guard {
    async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
        assert_eq!(turn.profile().code(), turn.bot().code);
        if turn.kind() != TurnKind::Message {
            return next.run(turn).await;
        }
        let name = turn.user().and_then(|user| user.first_name.clone());
        match name.as_deref() {
            Some("Boris") => Err(tell("For staff only.")),
            Some("Clara") => Ok(()),
            Some("David") => panic!("nobody expects David"),
            _ => {
                turn.say("Welcome.");
                next.run(turn).await
            }
        }
    }
}

#[tokio::test]
async fn it_can_answer_ignore_or_fail_in_place_of_the_bot_and_speak_in_its_turn() {
    let portal = TestPortal::with(App::new().bot(Shop).middleware(Guard)).await;
    let mut ann = portal.private("Ann", "shop");
    let welcome = ann.says("hello").sees("").await;
    assert_eq!(welcome.text, "Welcome.");
    assert_eq!(ann.sees("").await.text, "1: hello");
    let mut boris = portal.private("Boris", "shop");
    boris.says("hello").sees("For staff only.").await;
    let mut clara = portal.private("Clara", "shop");
    clara.says("hello").sees_nothing_more().await;
    assert_eq!(portal.engine().counts().without_bot.get(), 2);
    let mut david = portal.private("David", "shop");
    david.says("hello");
    portal.advance(Duration::from_secs(120)).await;
    david.sees("Sorry").await;
    portal.expects_failures(5);
    portal.expects_dead_letters(1);
}

/// Waits for ever before the first attempt at a message.
struct Waiting;

impl Middleware for Waiting {
    async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
        if turn.kind() == TurnKind::Message && turn.attempt() == 1 {
            std::future::pending::<()>().await;
        }
        next.run(turn).await
    }
}

#[tokio::test]
async fn its_time_is_that_of_the_turn() {
    let portal = TestPortal::with_settings(App::new().bot(Shop).middleware(Waiting), |settings| {
        settings.handler_time = Duration::ZERO;
    })
    .await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello");
    portal.advance(Duration::from_secs(60)).await;
    ann.sees("1: hello").await;
    portal.expects_failures(1);
}
