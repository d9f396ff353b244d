//! Open channels on the page: reads lines and sessions, lets clients write and operators work, and
//! sets up lines.

use poem::Request;
use serde_json::{Value, json};

use super::acts::{Act, act, done, number, text};
use super::answer::Answer;
use super::query::query;
use super::setup::admin;
use crate::emulator::actions::{Client, Target};
use crate::emulator::placement;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::view::lines::{lines, messages, names, seen_outside};
use crate::emulator::world::line::config::Line;

/// Handles `GET /chat/lines`.
pub(super) fn all(portal: &Portal, _: &Request) -> Answer {
    Ok(portal.read(lines))
}

/// Handles `GET /chat/line/history?chat=..`: all messages, whoever asks.
pub(super) fn history(portal: &Portal, request: &Request) -> Answer {
    let chat = query(request, "chat").unwrap_or(0);
    Ok(json!({ "messages": portal.read(|world| messages(world, chat)) }))
}

/// Handles `GET /chat/client/history?line=..&client=..`: what a client of the live chat sees.
pub(super) fn client_history(portal: &Portal, request: &Request) -> Answer {
    let client = Client {
        line: query(request, "line").unwrap_or(0),
        id: query(request, "client").unwrap_or_default(),
        name: String::new(),
    };
    let incoming = client.message("");
    let (chat, user) = portal.act(0, |tx| {
        let chat = tx.chat_with_code(&tx.user_code_for(&incoming));
        (
            chat,
            tx.known_guest(&incoming.connector, &incoming.sender.id),
        )
    });
    Ok(portal.read(|world| {
        let line = world.lines.configs.get(&client.line);
        json!({
            "messages": chat.map_or_else(Vec::new, |chat| seen_outside(world, chat)),
            "people": chat.map(|chat| names(world, chat)),
            "user": user,
            "line": line.map(Line::name),
        })
    }))
}

/// All actions on open channels. `as` is the operator; clients and setup need none.
pub(super) const ACTS: &[(&str, Act)] = &[
    ("/chat/client/say", |portal, body| {
        let incoming = client(body)?.message(text(body, "text")?);
        let arrived = portal.act(0, |tx| tx.receive_in_live_chat(&incoming))?;
        Ok(json!({
            "session": arrived.session,
            "chat": arrived.chat,
            "message": arrived.message,
        }))
    }),
    ("/chat/client/edit", |portal, body| {
        let incoming = client(body)?.message_with_id(number(body, "message")?, text(body, "text")?);
        done(portal.act(0, |tx| tx.receive_edit(&incoming).map(drop)))
    }),
    ("/chat/client/delete", |portal, body| {
        let incoming = client(body)?.message_with_id(number(body, "message")?, "");
        done(portal.act(0, |tx| tx.receive_deletion(&incoming).map(drop)))
    }),
    ("/chat/line/answer", |portal, body| {
        at_chat(portal, body, |tx, chat| tx.answer_session(chat))
    }),
    ("/chat/line/join", |portal, body| {
        at_chat(portal, body, |tx, chat| tx.join_session(chat))
    }),
    ("/chat/line/skip", |portal, body| {
        at_chat(portal, body, |tx, chat| tx.skip(chat))
    }),
    ("/chat/line/start", |portal, body| {
        at_chat(portal, body, |tx, chat| tx.restart_session(chat))
    }),
    ("/chat/line/finish", |portal, body| {
        at_chat(portal, body, |tx, chat| tx.finish_session(chat))
    }),
    ("/chat/line/silent", |portal, body| {
        let is_silent = body["silent"].as_bool().unwrap_or(true);
        at_chat(portal, body, |tx, chat| tx.silence(chat, is_silent))
    }),
    ("/chat/line/whisper", |portal, body| {
        act(portal, body, |tx| {
            let id = tx.whisper(number(body, "chat")?, text(body, "text")?)?;
            Ok(json!({ "id": id }))
        })
    }),
    ("/chat/line/transfer", |portal, body| {
        at_chat(portal, body, |tx, chat| transfer(tx, chat, body))
    }),
    ("/emulator/line", |portal, body| {
        let (settings, queue) = (settings(body), queue(body));
        let line = portal.act(admin(portal), |tx| {
            tx.add_line(&settings, &queue.unwrap_or_default())
        });
        Ok(json!({ "line": line }))
    }),
    ("/emulator/line/change", |portal, body| {
        let (line, settings, queue) = (number(body, "line")?, settings(body), queue(body));
        done(portal.act(admin(portal), |tx| {
            tx.change_line(line, &settings, queue.as_deref())
        }))
    }),
    ("/emulator/line/delete", |portal, body| {
        let line = number(body, "line")?;
        done(portal.act(admin(portal), |tx| tx.delete_line(line)))
    }),
    ("/emulator/line/end_bot_time", |portal, body| {
        let chat = number(body, "chat")?;
        done(portal.act(0, |tx| tx.bot_to_queue(chat)))
    }),
    ("/emulator/connector/off", |portal, body| {
        let (connector, line) = (text(body, "connector")?, number(body, "line")?);
        done(portal.act(admin(portal), |tx| tx.switch_off(connector, line)))
    }),
];

/// Handles `POST /emulator/connector/settings`: opens the page and returns the application's
/// answer.
pub(super) async fn open_settings(portal: &Portal, body: &Value) -> Answer {
    let user = body["as"].as_u64().unwrap_or_else(|| admin(portal));
    let (connector, line) = (text(body, "connector")?, number(body, "line")?);
    let (status, page) = placement::open_settings(portal, user, connector, line).await?;
    Ok(json!({ "status": status, "body": page }))
}

/// Runs an action as the person and on the chat named in the body.
fn at_chat(
    portal: &Portal,
    body: &Value,
    work: impl FnOnce(&mut Transaction<'_>, u64) -> Result<(), Refusal>,
) -> Answer {
    act(portal, body, |tx| done(work(tx, number(body, "chat")?)))
}

/// Transfers a session to one of `user`, `bot` and `line`.
fn transfer(tx: &mut Transaction<'_>, chat: u64, body: &Value) -> Result<(), Refusal> {
    if let Some(bot) = body["bot"].as_u64() {
        return tx.transfer_to_bot(chat, bot);
    }
    let target = match body["user"].as_u64() {
        Some(user) => Target::User(user),
        None => Target::Queue(number(body, "line")?),
    };
    tx.transfer(chat, target)
}

fn client(body: &Value) -> Result<Client, Refusal> {
    Ok(Client {
        line: number(body, "line")?,
        id: text(body, "client")?.to_owned(),
        name: body["name"].as_str().unwrap_or_default().to_owned(),
    })
}

/// Returns `name`, `bot` (`0` for none) and everything in `settings`, under the portal's names.
fn settings(body: &Value) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: String| settings.push((name.to_owned(), value));
    if let Some(name) = body["name"].as_str() {
        set("LINE_NAME", name.to_owned());
    }
    if let Some(bot) = body["bot"].as_u64() {
        let enabled = if bot > 0 { "Y" } else { "N" };
        set("WELCOME_BOT_ENABLE", enabled.to_owned());
        set("WELCOME_BOT_ID", bot.to_string());
    }
    for (name, value) in body["settings"].as_object().into_iter().flatten() {
        let text = value.as_str().map(str::to_owned);
        set(name, text.unwrap_or_else(|| value.to_string()));
    }
    settings
}

fn queue(body: &Value) -> Option<Vec<u64>> {
    let queue = body["queue"].as_array()?;
    Some(queue.iter().filter_map(Value::as_u64).collect())
}
