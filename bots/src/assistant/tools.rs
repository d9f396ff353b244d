//! The tools that a model may call. They read what the asking person may see; what changes data is
//! only proposed, and done when the person presses the button.

use imbot::portal;
use imbot::portal::methods::user;
use imbot::prelude::*;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::{self, Access};
use super::model::ToolCall;
use super::talk::Talk;

/// Maximum number of tasks in the result of a tool.
pub const TASKS_MAX: usize = 20;
/// Maximum number of people in the result of a tool.
pub const PEOPLE_MAX: usize = 10;
/// Maximum length of a proposed task's title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Maximum length of the note for operators, in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// The portal's `STATE_COMPLETED`.
const COMPLETED: u8 = 5;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    MyTasks,
    FindColleague,
    ProposeTask,
    CallOperator,
}

/// The tools for users of the portal.
const OF_PORTAL: [Tool; 3] = [Tool::MyTasks, Tool::FindColleague, Tool::ProposeTask];
/// The tools for clients of open channels.
const OF_LINE: [Tool; 1] = [Tool::CallOperator];

impl Tool {
    /// Returns the tools of a chat.
    pub(super) fn offered(cx: &Context<Talk>) -> &'static [Tool] {
        if cx.line().is_some() {
            &OF_LINE
        } else {
            &OF_PORTAL
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MyTasks => "my_tasks",
            Self::FindColleague => "find_colleague",
            Self::ProposeTask => "propose_task",
            Self::CallOperator => "call_operator",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::MyTasks => "Returns the open tasks of the person who asks, by deadline.",
            Self::FindColleague => {
                "Finds colleagues by words of their name, position or department."
            }
            Self::ProposeTask => {
                "Shows the person a button that creates a task for them. Nothing is created before they press it."
            }
            Self::CallOperator => {
                "Hands this chat over to a human operator. Call it if the client wants a person, or if you cannot help."
            }
        }
    }

    fn parameters(self) -> Value {
        let text = |about: &str| json!({ "type": "string", "description": about });
        let (properties, required) = match self {
            Self::MyTasks => (json!({}), json!([])),
            Self::FindColleague => (
                json!({ "name": text("The words to look for") }),
                json!(["name"]),
            ),
            Self::ProposeTask => {
                let title = text("A short title");
                let deadline =
                    text("The day of the deadline, as 2026-12-31; leave it out if there is none");
                (
                    json!({ "title": title, "deadline": deadline }),
                    json!(["title"]),
                )
            }
            Self::CallOperator => {
                let reason = text("What the client wants, in a sentence for the operator");
                (json!({ "reason": reason }), json!([]))
            }
        };
        json!({ "type": "object", "properties": properties, "required": required })
    }

    /// Returns the tool as the protocol describes it.
    pub(super) fn to_json(self) -> Value {
        let function = json!({
            "name": self.name(),
            "description": self.description(),
            "parameters": self.parameters(),
        });
        json!({ "type": "function", "function": function })
    }

    /// Returns the tool that a model calls, if it is one of these.
    pub(super) fn called(call: &ToolCall, offered: &[Tool]) -> Option<Tool> {
        let mut offered = offered.iter().copied();
        offered.find(|tool| tool.name() == call.name)
    }
}

/// A task that the model proposes and a button creates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewTask {
    pub(super) title: String,
    /// The day of the deadline, such as `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<String>,
}

impl NewTask {
    /// Reads the arguments of a call.
    ///
    /// # Errors
    /// A sentence for the model.
    pub(super) fn read(arguments: &str) -> Result<Self, String> {
        let given = parsed(arguments)?;
        let text = |key: &str| given[key].as_str().unwrap_or_default().trim();
        let title: String = text("title").chars().take(TITLE_CHARS_MAX).collect();
        if title.is_empty() {
            return Err("The task needs a title.".to_owned());
        }
        let day = Some(text("deadline")).filter(|day| !day.is_empty());
        let day = day.map(str::parse::<Date>).transpose();
        let day = day.map_err(|_| "The deadline is no day such as 2026-12-31.")?;
        let deadline = day.map(|day| day.to_string());
        Ok(Self { title, deadline })
    }
}

/// Returns the reason that the model gives for calling an operator; empty if none.
pub(super) fn reason(arguments: &str) -> String {
    let given: Value = parsed(arguments).unwrap_or_default();
    let reason = given["reason"].as_str().unwrap_or_default().trim();
    reason.chars().take(REASON_CHARS_MAX).collect()
}

/// Runs a tool that reads from the portal. Returns its result for the model: data, or the reason
/// why there is no data.
///
/// # Errors
/// The portal cannot be reached, so that the turn is tried again later.
pub(super) async fn read(cx: &Context<Talk>, tool: Tool, arguments: &str) -> Result<String> {
    let given: Value = match parsed(arguments) {
        Ok(given) => given,
        Err(why) => return Ok(why),
    };
    let access = match access::of(cx).await? {
        Ok(access) => access,
        Err(why) => return Ok(why.to_owned()),
    };
    let read = match tool {
        Tool::MyTasks => my_tasks(&access).await,
        Tool::FindColleague => find_colleague(&access, &given["name"]).await,
        Tool::ProposeTask | Tool::CallOperator => return Ok(String::new()), // they read nothing
    };
    match read {
        Ok(result) => Ok(result.to_string()),
        Err(error) if error.code().is_some() => {
            tracing::debug!(%error, tool = tool.name(), "the portal refuses a tool of the assistant");
            Ok("The portal does not allow this, or not at the moment.".to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct TaskList {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    title: String,
    deadline: Option<String>,
}

/// Returns the open tasks of the person.
async fn my_tasks(access: &Access) -> Result<Value, portal::Error> {
    let params = json!({
        "filter": { "RESPONSIBLE_ID": access.person, "!REAL_STATUS": COMPLETED },
        "order": { "DEADLINE": "asc" },
        "select": ["ID", "TITLE", "DEADLINE"],
    });
    let list: TaskList = access.portal.call("tasks.task.list", &params).await?;
    let shown = list.tasks.iter().take(TASKS_MAX);
    let shown: Vec<Value> = shown
        .map(|task| json!({ "title": task.title, "deadline": task.deadline }))
        .collect();
    Ok(json!({ "tasks": shown, "are_more": list.tasks.len() > TASKS_MAX }))
}

/// Returns names and positions of colleagues. Addresses and telephone numbers are left out.
async fn find_colleague(access: &Access, name: &Value) -> Result<Value, portal::Error> {
    let name = name.as_str().unwrap_or_default().trim();
    if name.is_empty() {
        return Ok("The name is missing.".into());
    }
    let search = user::Search::new().filter(json!({ "FIND": name, "USER_TYPE": "employee" }));
    let found = access.portal.run(search).await?;
    let active = found.iter().filter(|user| user.active != Some(false));
    let people: Vec<Value> = active
        .take(PEOPLE_MAX)
        .map(|user| {
            let names = [&user.name, &user.last_name].into_iter().flatten();
            let names: Vec<&str> = names.map(String::as_str).collect();
            json!({ "name": names.join(" ").trim(), "position": user.work_position })
        })
        .collect();
    Ok(json!({ "people": people, "are_more": found.len() > PEOPLE_MAX }))
}

/// The time of day of a deadline that is a day.
const DEADLINE_TIME: &str = "18:00:00";

#[derive(Deserialize)]
struct Added {
    task: Value,
}

/// Creates a task of the person, for the person. Returns its number.
///
/// # Errors
/// The portal refuses, or cannot be reached.
pub(super) async fn create(access: &Access, task: &NewTask) -> Result<String, portal::Error> {
    let mut fields = json!({
        "TITLE": task.title,
        "CREATED_BY": access.person,
        "RESPONSIBLE_ID": access.person,
    });
    if let Some(day) = &task.deadline {
        fields["DEADLINE"] = format!("{day}T{DEADLINE_TIME}").into();
    }
    let added: Added = access
        .portal
        .call("tasks.task.add", &json!({ "fields": fields }))
        .await?;
    Ok(added.task["id"].to_string().trim_matches('"').to_owned())
}

/// Parses the arguments of a call. Many models send an empty text for no arguments.
fn parsed(arguments: &str) -> Result<Value, String> {
    if arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    let given: Value = serde_json::from_str(arguments).map_err(|error| wrong(&error))?;
    if given.is_object() {
        Ok(given)
    } else {
        Err("The arguments are not an object.".to_owned())
    }
}

fn wrong(error: &serde_json::Error) -> String {
    format!("The arguments are not valid: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_task_has_a_title_within_its_bound_and_a_day() {
        let task = |arguments: &str| NewTask::read(arguments);
        let made = task(r#"{"title":" Chairs ","deadline":"2026-12-01","responsible":2}"#).unwrap();
        assert_eq!(made.title, "Chairs");
        assert_eq!(made.deadline.unwrap(), "2026-12-01");
        let long = format!(r#"{{"title":"{}","deadline":""}}"#, "ä".repeat(999));
        let made = task(&long).unwrap();
        assert_eq!(made.title.chars().count(), TITLE_CHARS_MAX);
        assert_eq!(made.deadline, None);
        for (arguments, why) in [
            ("", "title"),
            ("{\"title\":\" \"}", "title"),
            ("{\"title\"", "not valid"),
            ("[]", "not an object"),
            ("{\"title\":\"x\",\"deadline\":\"tomorrow\"}", "no day"),
        ] {
            let error = task(arguments).unwrap_err();
            assert!(error.contains(why), "{arguments}: {error}");
        }
    }

    #[test]
    fn a_reason_is_optional_and_bounded() {
        assert_eq!(reason(""), "");
        assert_eq!(reason("nonsense"), "");
        assert_eq!(reason(r#"{"reason":" A bill "}"#), "A bill");
        let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(9_999));
        assert_eq!(reason(&long).len(), REASON_CHARS_MAX);
    }

    #[test]
    fn only_offered_tools_can_be_called() {
        let call = |name: &str| ToolCall {
            name: name.to_owned(),
            ..ToolCall::default()
        };
        assert_eq!(
            Tool::called(&call("my_tasks"), &OF_PORTAL),
            Some(Tool::MyTasks)
        );
        assert_eq!(Tool::called(&call("my_tasks"), &OF_LINE), None);
        assert_eq!(Tool::called(&call("rm"), &OF_PORTAL), None);
    }
}
