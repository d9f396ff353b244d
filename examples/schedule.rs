//! A reminder that comes every working day, in the person's time zone.
//!
//! ```text
//! Ann      /daily 9 Europe/Berlin
//! Standup  Every working day at 9:00.
//! (Monday, 9 o'clock in Berlin)
//! Standup  What will you do today?
//! Ann      /stop
//! Standup  No more questions.
//! ```
//!
//! The time is that of the clock in the zone, also after clocks are set forward or back. The series
//! survives restarts; what was missed while the program was away comes once.
//!
//! Run it with `cargo run --example schedule`.

use imbot::prelude::*;
use imbot::store::Weekday;

struct Standup;

impl Bot<Option<ReminderId>> for Standup {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("daily", "Asks every working day").params("<hour> <time zone>"),
            CommandSpec::new("stop", "Asks no more"),
        ]
    }

    async fn command(&self, cx: &mut Context<Option<ReminderId>>, command: Command) -> Result {
        if let Some(before) = cx.state.take() {
            cx.cancel(before);
        }
        if command.name == "stop" {
            cx.say("No more questions.");
            return Ok(());
        }
        let (hour, zone): (u8, String) = command.args()?;
        let daily = Every::week_at(Weekday::MONDAY_TO_FRIDAY, hour, 0, zone);
        let set = cx.remind(daily, ());
        cx.state = Some(set.or_tell("There is no such hour or time zone.")?);
        cx.say(format!("Every working day at {hour}:00."));
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Option<ReminderId>>, _: Reminder) -> Result {
        cx.say("What will you do today?");
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Standup)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use imbot::testing::TestPortal;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn a_question_comes_five_times_a_week_until_it_is_stopped() {
        let portal = TestPortal::with(|| App::new().bot(Standup)).await;
        let mut ann = portal.private("Ann", "standup");
        ann.says("/daily 9 Mars/Olympus").sees("no such hour").await;
        ann.says("/daily 9 Europe/Berlin")
            .sees("Every working day")
            .await;
        let asked = |ann: &imbot::testing::Person| {
            let questions = ann.history().into_iter();
            questions.filter(|it| it.text.contains("today?")).count()
        };
        portal.advance(7 * DAY).await;
        assert_eq!(asked(&ann), 5);
        portal.crash().await;
        portal.advance(7 * DAY).await;
        assert_eq!(asked(&ann), 10);
        ann.says("/stop").sees("No more questions.").await;
        portal.advance(7 * DAY).await;
        assert_eq!(asked(&ann), 10);
    }
}
