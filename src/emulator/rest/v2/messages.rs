//! `imbot.v2.Chat.Message.send`, `.update` and `.delete`: protocol/bots-v2.md 7.3.
//!
//! `templateId`, a lower-case UUID of version 4, makes a send idempotent: a repeat returns the
//! first message (protocol/server-behaviour.md 4.3). It does not work for system messages.

use serde_json::{Map, Value, json};
use uuid::{Uuid, Version};

use super::access::denied;
use super::done;
use super::registration::{flag, flag_at, map, text};
use super::sending::{changed, new_text, read};
use crate::emulator::actions::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::rest::params::{as_id, is_list, php_array};
use crate::emulator::updates::{TYPING_SECONDS, Update};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::{Forward, Message, Refs, stored};

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.chat.message.send", "imbot", send),
    method("imbot.v2.chat.message.update", "imbot", update),
    method("imbot.v2.chat.message.delete", "imbot", delete),
    method("imbot.v2.chat.message.reaction.add", "imbot", add_reaction),
    method(
        "imbot.v2.chat.message.reaction.delete",
        "imbot",
        delete_reaction,
    ),
    method(
        "imbot.v2.chat.inputaction.notify",
        "imbot",
        notify_input_action,
    ),
];

/// Maximum number of messages forwarded at once.
const FORWARDS_MAX: usize = 100;

fn send(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let fields = call.content();
    let forwarded = forwarded(call, &map(&fields, "forwardIds"))?;
    let content = match read(&fields, bot) {
        Err(refusal) if refusal.code() == "EMPTY_MESSAGE" && !forwarded.is_empty() => None,
        read => Some(read?),
    };
    let chat = call.dialog()?;
    let mut map = Map::new();
    let mut first = None;
    if let Some(content) = content {
        let template =
            text(&fields, "templateId").filter(|id| !content.is_system && is_template(id));
        let id = match template
            .as_ref()
            .and_then(|id| call.tx.world.templates.message(bot, id))
        {
            Some(id) => id,
            None => {
                let mut draft = content.draft(bot);
                draft.refs.uuid = template.clone().unwrap_or_default();
                draft.refs.reply = quoted(call, &chat, &fields);
                call.tx.say(chat.id, draft)
            }
        };
        if let Some(template) = template {
            call.tx.world.templates.keep(bot, &template, id);
            map.insert(template, id.into());
        }
        first = Some(id);
    }
    for (uuid, original) in forwarded {
        let id = call.tx.say(chat.id, repeated(bot, &uuid, &original));
        first.get_or_insert(id);
        map.insert(uuid, id.into());
    }
    Ok(json!({ "id": first, "uuidMap": php_array(map) }).into())
}

/// Returns the messages to forward; the bot must be in their chats.
fn forwarded(
    call: &Call<'_, '_>,
    ids: &Map<String, Value>,
) -> Result<Vec<(String, Message)>, Refusal> {
    let one = |(uuid, id): (&String, &Value)| {
        let message = as_id(id).and_then(|id| call.tx.message_in_reach(id).ok());
        message
            .map(|(_, message)| (uuid.clone(), message))
            .ok_or_else(denied)
    };
    if ids.len() > FORWARDS_MAX || (is_list(ids) && !ids.is_empty()) {
        return Err(Refusal::new("SENDING_FAILED", "Sending failed"));
    }
    ids.iter().map(one).collect()
}

fn repeated(bot: u64, uuid: &str, original: &Message) -> Draft {
    let forward = original.refs.forward.clone().unwrap_or(Forward {
        id: original.id,
        user: original.author,
        chat: original.chat,
        date: original.date,
    });
    Draft {
        author: Author::Bot(bot),
        text: original.text.clone(),
        rich: original.rich.clone(),
        url_preview: original.url_preview,
        refs: Refs {
            uuid: uuid.to_owned(),
            forward: Some(forward),
            ..Refs::default()
        },
    }
}

/// Returns the message replied to, if it is in the same chat; others are ignored.
fn quoted(call: &Call<'_, '_>, chat: &Chat, fields: &Map<String, Value>) -> Option<u64> {
    let id = fields.get("replyId").and_then(as_id)?;
    Some(id).filter(|id| chat.messages.contains(id) && call.tx.world.messages.contains_key(id))
}

/// Whether a text is an id the portal accepts: version 4, in lower case. Others are ignored.
fn is_template(text: &str) -> bool {
    let is_plain = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_plain && Uuid::try_parse(text).is_ok_and(|id| id.get_version() == Some(Version::Random))
}

/// Changes a message of the bot, whatever its age; an empty text deletes it. A system message has
/// no author.
fn update(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let (_, old) = call.message(denied)?;
    if old.author != bot {
        return Err(denied());
    }
    let fields = call.content();
    let text = new_text(&fields);
    if text.as_deref() == Some("") {
        call.tx.delete_unchecked(&old, false);
        return done();
    }
    let rich = changed(&fields, &old.rich, bot)?;
    let text = text.map_or_else(|| old.text.clone(), |text| stored(&text));
    let url_preview = flag(&fields, "urlPreview").unwrap_or(old.url_preview);
    call.tx.replace_message(&Message {
        text,
        rich,
        url_preview,
        edited: true,
        ..old
    });
    done()
}

/// Deletes a message of the bot, or any message in a chat that it manages; `complete` leaves no
/// trace.
fn delete(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let (chat, message) = call.message(denied)?;
    if message.author != bot && (chat.is_private() || !chat.is_manager(bot)) {
        return Err(denied());
    }
    let complete = flag_at(call, "complete").unwrap_or(false);
    call.tx.delete_unchecked(&message, complete);
    done()
}

fn add_reaction(call: &mut Call<'_, '_>) -> Answer {
    let (message, reaction) = named(call)?;
    call.tx.react(message, &reaction)?;
    done()
}

/// Removes a reaction; one that is not set is an error.
fn delete_reaction(call: &mut Call<'_, '_>) -> Answer {
    let (message, reaction) = named(call)?;
    call.tx.unreact(message, &reaction)?;
    done()
}

/// Returns a visible message and the code of a reaction.
fn named(call: &mut Call<'_, '_>) -> Result<(u64, String), Refusal> {
    call.act_as_own_bot()?;
    let (_, message) = call.message(denied)?;
    Ok((message.id, call.text_of("reaction").unwrap_or_default()))
}

/// Limits of how long the indicator is shown, in seconds.
const SECONDS_MAX: u64 = 600;

/// Prefix of the names of actions.
const PREFIX: &str = "IMBOT_AGENT_ACTION_";

/// The named actions; a missing or unknown action is plain typing.
const ACTIONS: [&str; 11] = [
    "THINKING",
    "SEARCHING",
    "GENERATING",
    "ANALYZING",
    "PROCESSING",
    "TRANSLATING",
    "CONNECTING",
    "CHECKING",
    "CALCULATING",
    "READING_DOCS",
    "COMPOSING",
];

fn notify_input_action(call: &mut Call<'_, '_>) -> Answer {
    let user = call.act_as_own_bot()?;
    let chat = call.dialog()?.id;
    let code = call.text_of("statusMessageCode").unwrap_or_default();
    let action = code
        .strip_prefix(PREFIX)
        .and_then(|name| ACTIONS.into_iter().find(|known| *known == name));
    let seconds = call.id_of("duration").unwrap_or(TYPING_SECONDS);
    call.tx.updates.push(Update::Typing {
        chat,
        user,
        action,
        seconds: seconds.min(SECONDS_MAX),
    });
    done()
}
