//! A bot that tells what is burning: the tasks of whoever asks that should have been done by now.
//!
//! ```text
//! Ann      What is burning?
//! Overdue  3 tasks are burning.
//!          For a week and longer
//!          · Tidy up the archive, by 2026-03-01
//!          For days
//!          · Invoice for Boris, by 2026-11-23
//!          For hours
//!          · Call the printer, by 2026-11-26
//! Ann      /overdue
//! Overdue  Nothing burns.
//! ```
//!
//! It asks the portal, so the application (or the inbound webhook) needs the permission `task` as well as `imbot`. Who has
//! no rights of an administrator finds their own tasks only (page
//! `b24restdocs: api-reference/tasks/tasks-task-list.md`), which is all that is asked for.

use imbot::handler::BotColor;
use imbot::portal;
use imbot::prelude::*;
use imbot::store::Time;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many tasks one answer names; the portal gives at most fifty at a time.
pub const NAMED_MAX: usize = 10;
/// A page of the portal's list: who has as many has perhaps more.
const PAGE: usize = 50;
/// `STATE_COMPLETED`.
const COMPLETED: u8 = 5;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Tells what is burning.
#[derive(Clone, Copy, Debug)]
pub struct Overdue;

/// What is asked for (`filter` of `tasks.task.list`).
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
struct Found {
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
            .work_position("Tells what is burning")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("overdue", "What is burning?")]
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        let question = Text::new().send("What is burning?", "What is burning?");
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
    let person = cx.sender().ok_or("nobody has asked")?;
    let now = moment(cx.now())?;
    let filter = Filter {
        responsible: person,
        before: now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        is_not: COMPLETED,
    };
    let found = cx
        .call::<Found>("tasks.task.list")
        .with("filter", filter)
        .with("order", Order { deadline: "asc" })
        .with("select", ["ID", "TITLE", "DEADLINE"])
        .await;
    match found {
        Ok(found) => cx.say(told(&found.tasks, person, now)),
        Err(error) if is_not_allowed(&error) => cx.say(not_allowed()),
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

/// Whether it is for want of a permission, or of tasks on the portal.
fn is_not_allowed(error: &portal::Error) -> bool {
    let codes = ["insufficient_scope", "ERROR_METHOD_NOT_FOUND"];
    error.is_access_denied() || codes.iter().any(|code| error.is(code))
}

fn not_allowed() -> Text {
    Text::new()
        .plain("I may not read tasks here. Let an administrator add the permission ")
        .bold("task")
        .plain(" to this application, or to its inbound webhook, under Developer resources; then ask me again.")
}

/// The answer, those that burn longest first, as they come.
fn told(tasks: &[Task], person: UserId, now: Timestamp) -> Text {
    let number = match tasks.len() {
        0 => return Text::new().plain("Nothing burns."),
        1 => "One task is burning.".to_owned(),
        PAGE.. => format!("{PAGE} tasks are burning, or more."),
        number => format!("{number} tasks are burning."),
    };
    let mut text = Text::new().bold(number);
    let groups = [
        ("For a week and longer", WEEK..SignedDuration::MAX),
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
        Some(day) => text.plain(format_args!(", by {day}")), // as the portal writes it
        None => text,
    }
}

/// For how long a task burns. A deadline that cannot be read is over, or the portal would not have named it.
fn lateness(task: &Task, now: Timestamp) -> SignedDuration {
    let deadline = task.deadline.as_deref().and_then(|at| at.parse().ok());
    let late = |deadline: Timestamp| now.duration_since(deadline);
    deadline
        .map_or(SignedDuration::ZERO, late)
        .max(SignedDuration::ZERO)
}

fn moment(time: Time) -> Result<Timestamp> {
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
        let text = told(&tasks, UserId(7), now).to_string();
        let lines: Vec<&str> = text.split('\n').collect();
        let starts = lines.len() == expected.len()
            && lines
                .iter()
                .zip(expected)
                .all(|(line, start)| line.starts_with(start));
        assert!(starts, "{lines:#?}");
    }

    #[test]
    fn tasks_are_grouped_by_how_long_they_burn() {
        check(&[], &["Nothing burns."]);
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
    fn an_answer_names_a_few_and_counts_the_others() {
        let named = ["·"; NAMED_MAX];
        let head = ["[b]12 tasks are burning.", "[i]For hours"];
        check(&[2; 12], &[&head[..], &named, &["and 2 more"]].concat());
        let many = ["[b]50 tasks are burning, or more.", "[i]For hours"];
        check(&[2; PAGE], &[&many[..], &named, &["and 40 more"]].concat());
    }
}
