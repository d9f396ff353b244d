//! Actions of people on the page. A new action is a line in the table and a function.

use serde_json::{Value, json};

use super::answer::Answer;
use crate::emulator::actions::{Like, NewChat};
use crate::emulator::portal::Portal;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::chat::ChatType;

/// A handler of an action.
pub(super) type Act = fn(&Portal, &Value) -> Answer;

/// All actions of the web chat.
pub(super) const ACTS: &[(&str, Act)] = &[
    ("/chat/send", |portal, body| {
        act(portal, body, |tx| {
            Ok(json!({ "id": tx.send(text(body, "dialog")?, text(body, "text")?)? }))
        })
    }),
    ("/chat/edit", |portal, body| {
        act(portal, body, |tx| {
            done(tx.edit(number(body, "message")?, text(body, "text")?))
        })
    }),
    ("/chat/delete", |portal, body| {
        act(portal, body, |tx| {
            done(tx.delete(number(body, "message")?, false))
        })
    }),
    ("/chat/press", |portal, body| {
        act(portal, body, |tx| {
            done(tx.press(number(body, "message")?, place(body, "button")?))
        })
    }),
    ("/chat/menu", |portal, body| {
        act(portal, body, |tx| {
            done(tx.pick(number(body, "message")?, place(body, "item")?))
        })
    }),
    ("/chat/like", |portal, body| {
        act(portal, body, |tx| {
            done(tx.like(number(body, "message")?, Like::Toggle))
        })
    }),
    ("/chat/react", |portal, body| {
        act(portal, body, |tx| {
            let (message, reaction) = (number(body, "message")?, text(body, "reaction")?);
            done(if tx.has_reacted(message, reaction)? {
                tx.unreact(message, reaction)
            } else {
                tx.react(message, reaction)
            })
        })
    }),
    ("/chat/context", |portal, body| {
        act(portal, body, |tx| {
            let dialog = tx.open_with_context(number(body, "bot")?, &body["context"])?;
            Ok(json!({ "dialog_id": dialog }))
        })
    }),
    ("/chat/typing", |portal, body| {
        act(portal, body, |tx| done(tx.type_at(text(body, "dialog")?)))
    }),
    ("/chat/read", |portal, body| {
        act(portal, body, |tx| done(tx.read_all(text(body, "dialog")?)))
    }),
    ("/chat/open", |portal, body| {
        act(portal, body, |tx| open(tx, body))
    }),
    ("/chat/group", |portal, body| {
        act(portal, body, |tx| group(tx, body))
    }),
    ("/chat/invite", |portal, body| {
        act(portal, body, |tx| {
            let chat = tx.chat_at(text(body, "dialog")?)?.id;
            done(tx.invite(chat, &[number(body, "user")?]))
        })
    }),
    ("/chat/kick", |portal, body| {
        act(portal, body, |tx| {
            let chat = tx.chat_at(text(body, "dialog")?)?.id;
            done(tx.remove_member(chat, number(body, "user")?))
        })
    }),
    ("/chat/leave", |portal, body| {
        act(portal, body, |tx| {
            let chat = tx.chat_at(text(body, "dialog")?)?.id;
            done(tx.remove_member(chat, tx.user))
        })
    }),
    ("/chat/rename", |portal, body| {
        act(portal, body, |tx| {
            let chat = tx.chat_at(text(body, "dialog")?)?.id;
            done(tx.rename(chat, text(body, "title")?))
        })
    }),
];

/// Runs an action as the person named in the body.
pub(super) fn act(
    portal: &Portal,
    body: &Value,
    work: impl FnOnce(&mut Transaction<'_>) -> Answer,
) -> Answer {
    let user = number(body, "as")?;
    portal.act(user, work)
}

fn open(tx: &mut Transaction<'_>, body: &Value) -> Answer {
    let user = number(body, "user")?;
    tx.private_chat(user)?;
    Ok(json!({ "dialog_id": user.to_string() }))
}

fn group(tx: &mut Transaction<'_>, body: &Value) -> Answer {
    let title = body["title"].as_str().unwrap_or_default().to_owned();
    let members = body["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect();
    let chat = tx.create_group(NewChat {
        kind: ChatType::Group,
        title,
        members,
    })?;
    Ok(json!({ "dialog_id": format!("chat{}", chat.id) }))
}

pub(super) fn done(result: Result<(), Refusal>) -> Answer {
    result.map(|()| json!({}))
}

/// Returns a required text of the body.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    body[name].as_str().ok_or_else(|| not_a(body, name, "text"))
}

pub(super) fn number(body: &Value, name: &str) -> Result<u64, Refusal> {
    body[name]
        .as_u64()
        .ok_or_else(|| not_a(body, name, "number"))
}

/// Returns the error of a value that is missing or of another type.
fn not_a(body: &Value, name: &str, kind: &str) -> Refusal {
    let error = if body[name].is_null() {
        format!("`{name}` is missing")
    } else {
        format!("`{name}` is not a {kind}")
    };
    Refusal::new("ERROR_ARGUMENT", error)
}

fn place(body: &Value, name: &str) -> Result<usize, Refusal> {
    Ok(usize::try_from(number(body, name)?).unwrap_or(usize::MAX))
}
