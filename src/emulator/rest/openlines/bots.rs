//! `imopenlines.bot.session.*`: actions of a bot on the session it leads. See
//! protocol/server-behaviour.md 6.2.

use super::super::call::{Answer, Call, Method, method, yes};
use super::super::params::{as_id, as_text};
use super::target;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::access::Owner;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.bot.session.message.send", "imopenlines", send),
    method("imopenlines.bot.session.operator", "imopenlines", operator),
    method("imopenlines.bot.session.transfer", "imopenlines", transfer),
    method("imopenlines.bot.session.finish", "imopenlines", finish),
];

/// Sends a system message to the client: the line's greeting, or `MESSAGE`. An empty text is not
/// sent, and the result is still `true`.
fn send(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    let is_greeting = call.params.text("NAME").as_deref() == Some("WELCOME");
    let text = if is_greeting {
        greeting(call, chat)
    } else {
        call.params.text("MESSAGE").unwrap_or_default()
    };
    if call.tx.line_chat(chat).is_ok() && !text.trim().is_empty() {
        call.tx.say_to_client(chat, text.trim());
    }
    yes()
}

fn greeting(call: &Call<'_, '_>, chat: u64) -> String {
    let lines = &call.tx.world.lines;
    let session = lines.last_session(chat);
    let line = session.and_then(|session| lines.configs.get(&session.line));
    line.map(|line| line.get("WELCOME_MESSAGE_TEXT").to_owned())
        .unwrap_or_default()
}

/// Passes the session to the queue, whichever bot leads it.
fn operator(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    call.tx.bot_to_queue(chat)?;
    yes()
}

/// Transfers the session. Parameters must be in upper case here, and `BOT_ID` is ignored: the bot
/// is the first of the application, whether or not it is in the chat.
fn transfer(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.params.exact("CHAT_ID").and_then(as_id);
    let chat = chat.ok_or_else(|| Refusal::new("CHAT_ID_EMPTY", "Chat ID can't be empty"))?;
    let target = target(|name| call.params.exact(name).and_then(as_text))?;
    let bot = first_bot(call)?;
    let leaves = call.params.exact("LEAVE").and_then(as_text).as_deref() == Some("Y");
    call.tx.bot_transfer(bot, chat, target, leaves)?;
    yes()
}

fn finish(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    let bot = first_bot(call)?;
    call.tx.bot_finish(bot, chat)?;
    yes()
}

/// Returns the first bot of the caller. A webhook selects it by `CLIENT_ID`: that of v1, or a
/// `botToken` of v2.
fn first_bot(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    let owner = call.owner()?;
    let second = match &owner {
        Owner::Webhook(token) => Some(Owner::Webhook(format!("custom{token}"))),
        Owner::App(_) => None,
    };
    let mut owners = [Some(owner), second].into_iter().flatten();
    let first = owners.find_map(|owner| call.tx.world.bots_of(&owner).next().map(|bot| bot.id));
    first.ok_or_else(|| Refusal::new("BOT_ID_ERROR", "Bot not found"))
}
