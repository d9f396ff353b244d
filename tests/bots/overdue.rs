//! The overdue bot: the tasks of the person who asks, from the portal's list.

use std::time::{Duration, SystemTime};

use bots::Overdue;
use imbot::App;
use imbot::emulator::{NewTask, Options};

use crate::support::Desk;

async fn desk() -> Desk {
    Desk::with(App::new().bot(Overdue)).await
}

/// Returns a task of Ann that is this many hours overdue.
fn late(title: &str, hours: u64) -> NewTask {
    let deadline = SystemTime::now() - Duration::from_secs(3600 * hours);
    NewTask::new(title, 1).deadline(deadline)
}

#[tokio::test]
async fn the_tasks_of_the_person_are_listed_with_links_until_they_are_done() {
    let desk = desk().await;
    let printer = desk.portal.add_task(late("Call the printer", 2));
    desk.portal.add_task(late("Tidy up the archive", 1_000));
    desk.portal.add_task(NewTask::new("Some day", 1));
    let mut ann = desk.private("Ann", "overdue");
    ann.opens().sees("Ask me").await;
    let answer = ann
        .says("What is overdue?")
        .sees("2 tasks are overdue")
        .await
        .text;
    let place = |words: &str| {
        answer
            .find(words)
            .unwrap_or_else(|| panic!("no {words} in {answer}"))
    };
    assert!(place("For a week or longer") < place("Tidy up the archive"));
    assert!(place("Tidy up the archive") < place("For hours"));
    place(&format!(
        "[url=/company/personal/user/1/tasks/task/view/{printer}/]Call the printer[/url]"
    ));
    desk.portal.complete_task(printer);
    ann.says("/overdue").sees("One task is overdue").await;
    let mut boris = desk.private("Boris", "overdue");
    boris.says("and mine?").sees("Nothing is overdue.").await;
}

#[tokio::test]
async fn without_the_permission_it_explains_how_to_add_it() {
    let app = App::new().bot(Overdue);
    let desk = Desk::of(app, Options::default(), |app| {
        app.scope = "imbot,im".to_owned()
    })
    .await;
    let mut ann = desk.private("Ann", "overdue");
    ann.says("What is overdue?")
        .sees("add the permission [b]task[/b]")
        .await;
}

#[tokio::test]
async fn in_a_group_it_answers_the_person_who_asks() {
    let desk = desk().await;
    desk.portal.add_task(late("Call the printer", 2));
    let [mut ann, mut boris] = desk.group(["Ann", "Boris"], &["overdue"]);
    ann.tells("overdue", "what is overdue?")
        .sees("Call the printer")
        .await;
    boris
        .tells("overdue", "what is overdue?")
        .sees("Nothing is overdue.")
        .await;
}
