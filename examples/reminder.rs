//! Reminders: they are stored with the turn, and survive a restart.
//!
//! ```text
//! Ann     10 take the pizza out
//! Timer   In 10 seconds.
//! Timer   Now: take the pizza out
//! Ann     3600 call Boris
//! Timer   In 3600 seconds.
//! Ann     stop
//! Timer   Stopped.
//! ```
//!
//! A reminder belongs to its turn like a message: it is set when the turn succeeds, and comes once.
//! It survives a restart of the bot if the portal goes on: start `cargo run --example reminder --
//! emulate` in one terminal and the bot in another, with the settings that it prints. Then `run`
//! stores it in a file.
//!
//! Run it with `cargo run --example reminder`.

use std::time::Duration;

use imbot::prelude::*;

struct Timer;

impl Bot<Option<ReminderId>> for Timer {
    async fn message(&self, cx: &mut Context<Option<ReminderId>>, message: Message) -> Result {
        if message.text == "stop" {
            let reminder = cx.state.take().or_tell("There is nothing to stop.")?;
            cx.cancel(reminder);
            cx.say("Stopped.");
            return Ok(());
        }
        let (seconds, what) = message.text.split_once(' ').unwrap_or((&message.text, ""));
        let seconds = seconds.parse().or_tell("Seconds first, please: 10 tea")?;
        cx.state = Some(cx.remind(Duration::from_secs(seconds), what)?);
        cx.say(format!("In {seconds} seconds."));
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Option<ReminderId>>, reminder: Reminder) -> Result {
        let what: String = reminder.read()?;
        cx.state = None;
        cx.say(Text::new().plain("Now: ").plain(what));
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Timer)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn a_reminder_comes_in_time_and_a_stopped_one_does_not() {
        let portal = TestPortal::with(App::new().bot(Timer)).await;
        let mut ann = portal.private("Ann", "timer");
        ann.says("10 take the pizza out")
            .sees("In 10 seconds.")
            .await;
        portal.advance(Duration::from_secs(10)).await;
        ann.sees("Now: take the pizza out").await;
        ann.says("3600 call Boris").sees("In 3600 seconds.").await;
        ann.says("stop").sees("Stopped.").await;
        portal.advance(Duration::from_secs(3_600)).await;
        ann.sees_nothing_more().await;
    }
}
