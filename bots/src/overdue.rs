//! A bot that lists the overdue tasks of the person who asks.
//!
//! ```text
//! Ann      What is overdue?
//! Overdue  3 tasks are overdue.
//!          For a week or longer
//!          · Tidy up the archive, by 2026-03-01
//!          For days
//!          · Invoice for Boris, by 2026-11-23
//!          For hours
//!          · Call the printer, by 2026-11-26
//! Ann      /overdue
//! Overdue  Nothing is overdue.
//! ```
//!
//! It calls the portal, so the application or the inbound webhook needs the permission `task` in
//! addition to `imbot`. Without the rights of an administrator, a call returns only the person's
//! own tasks (page `b24restdocs: api-reference/tasks/tasks-task-list.md`), which are all that it
//! needs.

use imbot::handler::BotColor;
use imbot::portal;
use imbot::prelude::*;
use imbot::store::Time;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Maximum number of tasks in an answer.
pub const NAMED_MAX: usize = 10;
/// Size of a page of the portal's list. If a page is full, there may be more tasks.
const PAGE: usize = 50;
/// The portal's `STATE_COMPLETED`.
const COMPLETED: u8 = 5;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Lists overdue tasks.
#[derive(Clone, Copy, Debug)]
pub struct Overdue;

/// The `filter` of `tasks.task.list`.
#[derive(Serialize)]
struct Filter {
    #[serde(rename = "RESPONSIBLE_ID")]
    responsible: UserId,
    #[serde(rename = "<DEADLINE")]
    before: String,
    #[serde(rename = "!REAL_STATUS")]
    is_not: u8,
}

#[derive(Serialize)]
struct Order {
    #[serde(rename = "DEADLINE")]
    deadline: &'static str,
}

#[derive(Deserialize)]
struct TaskList {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    id: String,
    title: String,
    deadline: Option<String>,
}

impl Bot for Overdue {
    fn profile(&self) -> Profile {
        Profile::new("overdue", "Overdue")
            .color(BotColor::Red)
            .work_position("Lists overdue tasks")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("overdue", "What is overdue?")]
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        let question = Text::new().send("What is overdue?", "What is overdue?");
        cx.say(Text::new().plain("Ask me: ").bb(question.to_string()));
        Ok(())
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        answer(cx).await
    }

    async fn command(&self, cx: &mut Context, _: Command) -> Result {
        answer(cx).await
    }
}

async fn answer(cx: &mut Context) -> Result {
    let person = cx.sender().ok_or("the sender is unknown")?;
    let now = timestamp(cx.now())?;
    let filter = Filter {
        responsible: person,
        before: now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        is_not: COMPLETED,
    };
    let list = cx
        .call::<TaskList>("tasks.task.list")
        .with("filter", filter)
        .with("order", Order { deadline: "asc" })
        .with("select", ["ID", "TITLE", "DEADLINE"])
        .await;
    match list {
        Ok(list) => cx.say(summary(&list.tasks, person, now)),
        Err(error) if is_denied(&error) => cx.say(denied()),
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

/// Returns true if a permission is missing, or the portal has no tasks.
fn is_denied(error: &portal::Error) -> bool {
    let codes = ["insufficient_scope", "ERROR_METHOD_NOT_FOUND"];
    error.is_access_denied() || codes.iter().any(|code| error.is(code))
}

fn denied() -> Text {
    Text::new()
        .plain("I am not allowed to read tasks here. Ask an administrator to add the permission ")
        .bold("task")
        .plain(" to this application, or to its inbound webhook, under Developer resources. Then ask me again.")
}

/// Returns the answer. The tasks keep their order, the longest overdue first.
fn summary(tasks: &[Task], person: UserId, now: Timestamp) -> Text {
    let number = match tasks.len() {
        0 => return Text::new().plain("Nothing is overdue."),
        1 => "One task is overdue.".to_owned(),
        PAGE.. => format!("{PAGE} tasks are overdue, or more."),
        number => format!("{number} tasks are overdue."),
    };
    let mut text = Text::new().bold(number);
    let groups = [
        ("For a week or longer", WEEK..SignedDuration::MAX),
        ("For days", DAY..WEEK),
        ("For hours", SignedDuration::ZERO..DAY),
    ];
    let mut left = NAMED_MAX;
    for (title, span) in groups {
        let late = |task: &&Task| span.contains(&lateness(task, now));
        let named: Vec<&Task> = tasks.iter().filter(late).take(left).collect();
        left -= named.len();
        if !named.is_empty() {
            text = named
                .into_iter()
                .fold(text.line().italic(title), |text, task| {
                    line(text, task, person)
                });
        }
    }
    match tasks.len().saturating_sub(NAMED_MAX) {
        0 => text,
        more => text.line().plain(format_args!("and {more} more")),
    }
}

fn line(text: Text, task: &Task, person: UserId) -> Text {
    let Task {
        id,
        title,
        deadline,
    } = task;
    let address = format!("/company/personal/user/{person}/tasks/task/view/{id}/");
    let text = text.line().plain("· ").link(title, address);
    match deadline.as_deref().and_then(|deadline| deadline.get(..10)) {
        Some(day) => text.plain(format_args!(", by {day}")), // the date as the portal writes it
        None => text,
    }
}

/// Returns how long a task is overdue. A deadline that cannot be parsed counts as just over, since
/// the portal has listed the task.
fn lateness(task: &Task, now: Timestamp) -> SignedDuration {
    let deadline = task.deadline.as_deref().and_then(|at| at.parse().ok());
    let late = |deadline: Timestamp| now.duration_since(deadline);
    deadline
        .map_or(SignedDuration::ZERO, late)
        .max(SignedDuration::ZERO)
}

fn timestamp(time: Time) -> Result<Timestamp> {
    Ok(Timestamp::from_millisecond(time.0.try_into()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ages_hours: &[i64], expected: &[&str]) {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let task = |(id, hours): (usize, &i64)| Task {
            id: id.to_string(),
            title: format!("t{id}"),
            deadline: Some((now - SignedDuration::from_hours(*hours)).to_string()),
        };
        let tasks: Vec<Task> = ages_hours.iter().enumerate().map(task).collect();
        let text = summary(&tasks, UserId(7), now).to_string();
        let lines: Vec<&str> = text.split('\n').collect();
        let starts = lines.len() == expected.len()
            && lines
                .iter()
                .zip(expected)
                .all(|(line, start)| line.starts_with(start));
        assert!(starts, "{lines:#?}");
    }

    #[test]
    fn tasks_are_grouped_by_how_long_they_are_overdue() {
        check(&[], &["Nothing is overdue."]);
        let link = "· [url=/company/personal/user/7/tasks/task/view/1/]t1[/url], by 2026-11-26";
        check(
            &[400, 1],
            &["[b]2 tasks", "[i]For a week", "·", "[i]For hours", link],
        );
        check(
            &[168, 24, 23],
            &[
                "[b]3",
                "[i]For a week",
                "·",
                "[i]For days",
                "·",
                "[i]For hours",
                "·",
            ],
        );
    }

    #[test]
    fn an_answer_lists_a_few_tasks_and_counts_the_others() {
        let named = ["·"; NAMED_MAX];
        let head = ["[b]12 tasks are overdue.", "[i]For hours"];
        check(&[2; 12], &[&head[..], &named, &["and 2 more"]].concat());
        let many = ["[b]50 tasks are overdue, or more.", "[i]For hours"];
        check(&[2; PAGE], &[&many[..], &named, &["and 40 more"]].concat());
    }
}
