//! Reminders that repeat: over daylight saving, crashes and failures, until they are cancelled.

use std::time::Duration;

use imbot::prelude::*;
use imbot::store::Time;
use imbot::testing::{BEGINNING, Person, TestPortal};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Sets the reminder that a message names, and keeps its number.
struct Alarm;

impl Bot<Option<ReminderId>> for Alarm {
    async fn message(&self, cx: &mut Context<Option<ReminderId>>, message: Message) -> Result {
        let every = match message.text.as_str() {
            "nightly" => Every::day_at(2, 30, "Europe/Berlin"),
            "nowhere" => Every::day_at(2, 30, "Europe/Bielefeld"),
            "stop" => {
                cx.state.take().into_iter().for_each(|id| cx.cancel(id));
                cx.say("Stopped");
                return Ok(());
            }
            "stop slowly" => {
                tokio::time::sleep(Duration::from_secs(15)).await;
                cx.state.take().into_iter().for_each(|id| cx.cancel(id));
                cx.say("Stopped");
                return Ok(());
            }
            _ => Every::interval(Duration::from_secs(10)),
        };
        cx.state = Some(cx.remind(every, &message.text)?);
        cx.say("Set");
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Option<ReminderId>>, reminder: Reminder) -> Result {
        assert_eq!(cx.state.unwrap_or(reminder.id), reminder.id);
        match reminder.read::<String>()?.as_str() {
            "slow" => tokio::time::sleep(Duration::from_secs(35)).await,
            "hang" if cx.attempt() == 1 => std::future::pending().await,
            "break" => return Err(Error::permanent("broken")),
            "once" => cx.cancel(reminder.id),
            _ => {}
        }
        cx.say(format!("Due {}", reminder.due));
        Ok(())
    }
}

async fn alarm(begins_at: Time) -> (TestPortal, Person) {
    let portal = TestPortal::with_settings(App::new().bot(Alarm), |settings| {
        settings.begins_at = begins_at;
        settings.handler_time = Duration::ZERO;
    })
    .await;
    let ann = portal.private("Ann", "alarm");
    (portal, ann)
}

/// Returns when the reminders were due that a person has seen.
fn seen(ann: &Person) -> Vec<String> {
    let texts = ann.history().into_iter();
    let due = texts.filter_map(|message| message.text.strip_prefix("Due ").map(str::to_owned));
    due.collect()
}

#[tokio::test]
async fn a_night_without_0230_has_the_reminder_at_0300() {
    let (portal, mut ann) = alarm(Time(1_774_742_400_000)).await; // 2026-03-29T00:00:00Z
    ann.says("nightly").sees("Set").await;
    portal.advance(HOUR / 2).await;
    portal.crash().await;
    portal.advance(2 * HOUR).await;
    assert_eq!(seen(&ann), ["2026-03-29T01:00:00.000Z"]);
}

#[tokio::test]
async fn a_night_with_two_0230_has_the_reminder_once() {
    let (portal, mut ann) = alarm(Time(1_792_886_400_000)).await; // 2026-10-25T00:00:00Z
    ann.says("nightly").sees("Set").await;
    portal.advance(3 * HOUR).await;
    assert_eq!(seen(&ann), ["2026-10-25T00:30:00.000Z"]);
}

#[tokio::test]
async fn it_comes_again_after_crashes_until_it_is_cancelled() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("often").sees("Set").await;
    for _ in 0..3 {
        portal.crash().await;
        ann.sees("Due").await;
    }
    portal.redeliver().await;
    ann.says("stop").sees("Stopped").await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn its_own_turn_can_end_it() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("once").sees("Set").await;
    ann.sees("Due").await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn one_that_is_cancelled_while_its_event_waits_comes_no_more_after_that() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("often").sees("Set").await;
    ann.says("stop slowly");
    portal.advance(Duration::from_secs(15)).await;
    ann.sees("Stopped").await;
    ann.sees("Due").await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn what_was_missed_comes_once() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("slow").sees("Set").await;
    portal.advance(Duration::from_secs(130)).await;
    let seconds = seen(&ann).into_iter().map(|due| due[15..19].to_owned());
    // Each turn takes 35 seconds, and the next is due when the last one began, or on the grid.
    assert_eq!(seconds.collect::<Vec<_>>(), ["0:10", "0:20", "0:50"]);
    ann.says("stop");
    portal.advance(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_crash_or_a_failure_of_its_turn_does_not_end_it() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("hang").sees("Set").await;
    portal.advance(Duration::from_secs(11)).await;
    portal.crash().await;
    ann.sees("Due").await;
    portal.crash().await;
    portal.advance(Duration::from_secs(11)).await;
    portal.crash().await;
    ann.sees("Due").await;
    ann.says("stop").sees("Stopped").await;
    ann.says("break").sees("Set").await;
    portal.advance(Duration::from_secs(25)).await;
    ann.sees("Sorry").await;
    ann.sees("Sorry").await;
    portal.expects_failures(2);
    portal.expects_dead_letters(2);
}

#[tokio::test]
async fn a_time_zone_that_does_not_exist_fails_at_once() {
    let (portal, mut ann) = alarm(BEGINNING).await;
    ann.says("nowhere").sees("Sorry").await;
    portal.expects_failures(1);
    portal.expects_dead_letters(1);
}
