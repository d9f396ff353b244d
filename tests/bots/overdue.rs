//! The overdue bot: the tasks of the person who asks, from the portal's list.

use std::time::Duration;

use bots::Overdue;
use imbot::App;
use imbot::emulator::NewTask;
use imbot::testing::{BEGINNING, TestPortal};

async fn start() -> TestPortal {
    TestPortal::with(App::new().bot(Overdue)).await
}

/// Returns a task of Ann that is this many hours overdue.
fn late(title: &str, hours: u64) -> NewTask {
    let deadline = BEGINNING.before(Duration::from_secs(3600 * hours));
    NewTask::new(title, 1).deadline(deadline.into())
}

#[tokio::test]
async fn the_tasks_of_the_person_are_listed_with_links_until_they_are_done() {
    let portal = start().await;
    let printer = portal.emulator().add_task(late("Call the printer", 2));
    portal
        .emulator()
        .add_task(late("Tidy up the archive", 1_000));
    portal.emulator().add_task(NewTask::new("Some day", 1));
    let mut ann = portal.private("Ann", "overdue");
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
    portal.emulator().complete_task(printer);
    ann.says("/overdue").sees("One task is overdue").await;
    let mut boris = portal.private("Boris", "overdue");
    boris.says("and mine?").sees("Nothing is overdue.").await;
}

#[tokio::test]
async fn without_the_permission_it_explains_how_to_add_it() {
    let app = App::new().bot(Overdue);
    let portal = TestPortal::with_settings(app, |settings| {
        settings.app.scope = "imbot,im".to_owned();
    })
    .await;
    let mut ann = portal.private("Ann", "overdue");
    ann.says("What is overdue?")
        .sees("add the permission [b]task[/b]")
        .await;
}

#[tokio::test]
async fn in_a_group_it_answers_the_person_who_asks() {
    let portal = start().await;
    portal.emulator().add_task(late("Call the printer", 2));
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["overdue"]);
    ann.tells("overdue", "what is overdue?")
        .sees("Call the printer")
        .await;
    boris
        .tells("overdue", "what is overdue?")
        .sees("Nothing is overdue.")
        .await;
}
