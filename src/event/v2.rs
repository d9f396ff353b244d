//! The events of v2, by webhook (all text) and by polling (typed JSON): camel-case keys.
//!
//! Page `b24restdocs: api-reference/chat-bots/chat-bots-v2/imbot.v2/events/events.md`. One delivery
//! concerns one bot. `ONIMV2*` are the same events as a messenger user polls them, without a bot.

use super::tree::Node;
use super::v1::command_from;
use super::{
    BotRef, Chat, ChatEvent, ChatEventKind, ChatId, ChatKind, Command, DecodeError, Deleted,
    DialogId, Entity, Event, File, Forwarded, Join, Message, MessageId, Reaction, User, UserId,
    mention,
};

/// The events of a bot (protocol/bots-v2.md 5).
pub const BOT_EVENTS_V2: [&str; 8] = [
    "ONIMBOTV2MESSAGEADD",
    "ONIMBOTV2MESSAGEUPDATE",
    "ONIMBOTV2MESSAGEDELETE",
    "ONIMBOTV2JOINCHAT",
    "ONIMBOTV2DELETE",
    "ONIMBOTV2CONTEXTGET",
    "ONIMBOTV2COMMANDADD",
    "ONIMBOTV2REACTIONCHANGE",
];

/// The same events of chats, for a user who is no bot.
const USER_EVENTS: [&str; 5] = [
    "ONIMV2MESSAGEADD",
    "ONIMV2MESSAGEUPDATE",
    "ONIMV2MESSAGEDELETE",
    "ONIMV2JOINCHAT",
    "ONIMV2REACTIONCHANGE",
];

/// Returns true if this module decodes the event of this name.
pub(super) fn is_known(name: &str) -> bool {
    BOT_EVENTS_V2.contains(&name) || USER_EVENTS.contains(&name)
}

pub(super) fn decode(name: &str, root: Node<'_>) -> Result<Event, DecodeError> {
    let data = root.get("data").ok_or_else(|| root.missing("data"))?;
    let bot = data.get("bot").map(bot).transpose()?;
    if name == "ONIMBOTV2DELETE" {
        return bot.map(Event::Removed).ok_or_else(|| data.missing("bot"));
    }
    if bot.is_none() && name.starts_with("ONIMBOTV2") {
        return Err(data.missing("bot"));
    }
    let chat = data.get("chat");
    let dialog = data
        .get("dialogId")
        .or_else(|| chat?.get("dialogId"))
        .and_then(Node::filled);
    let user = data.get("user").map(user).transpose()?;
    let author = match data
        .get("message")
        .and_then(|message| message.get("authorId"))
    {
        Some(author) => author.number()?,
        None => None,
    };
    Ok(Event::Chat(Box::new(ChatEvent {
        dialog: dialog
            .map(DialogId::new)
            .ok_or_else(|| data.missing("dialogId"))?,
        chat: chat.map(read_chat).transpose()?.unwrap_or_default(),
        from: user.as_ref().map(|user| user.id),
        user,
        author,
        to_user: None,
        to_chat: None,
        language: data.get("language").and_then(filled),
        kind: kind(name, data, bot.as_ref())?,
        bot,
    })))
}

fn kind(name: &str, data: Node<'_>, bot: Option<&BotRef>) -> Result<ChatEventKind, DecodeError> {
    let message = || {
        let node = data.get("message").ok_or_else(|| data.missing("message"))?;
        let mut message = message(node)?;
        match bot {
            Some(bot) => hide_mention(&mut message, UserId::from(bot.id)),
            None => message.clean(false),
        }
        Ok(message)
    };
    let change = name
        .trim_start_matches("ONIMBOTV2")
        .trim_start_matches("ONIMV2");
    Ok(match change {
        "MESSAGEADD" => ChatEventKind::Message(message()?),
        "MESSAGEUPDATE" => ChatEventKind::Edited(message()?),
        "MESSAGEDELETE" => ChatEventKind::Deleted(Deleted {
            id: id(data, "messageId")?,
            notice: None,
        }),
        "COMMANDADD" => ChatEventKind::Command(command(data, &message()?)?),
        "CONTEXTGET" => ChatEventKind::Opened(
            data.get("context")
                .map_or(serde_json::Value::Null, Node::to_json),
        ),
        "REACTIONCHANGE" => ChatEventKind::Reaction(Reaction {
            message: data
                .get("message")
                .map(|message| id(message, "id"))
                .transpose()?,
            reaction: data
                .get("reaction")
                .and_then(filled)
                .ok_or_else(|| data.missing("reaction"))?,
            added: data.get("action").and_then(Node::text).as_deref() == Some("add"),
        }),
        _ => {
            let user = data.get("user").and_then(|user| user.get("id"));
            ChatEventKind::Join(Join {
                user: user.map_or(Ok(None), Node::number)?,
                ..Join::default()
            })
        }
    })
}

fn bot(node: Node<'_>) -> Result<BotRef, DecodeError> {
    let id = node
        .get("id")
        .map_or(Ok(None), Node::number)?
        .ok_or_else(|| node.missing("id"))?;
    Ok(BotRef {
        id,
        code: node.get("code").and_then(filled).unwrap_or_default(),
    })
}

fn id(node: Node<'_>, key: &str) -> Result<MessageId, DecodeError> {
    node.get(key)
        .map_or(Ok(None), Node::number)?
        .ok_or_else(|| node.missing(key))
}

fn message(node: Node<'_>) -> Result<Message, DecodeError> {
    let mut message = Message {
        id: id(node, "id")?,
        ..Message::default()
    };
    for (key, value) in node.fields() {
        match key.as_ref() {
            b"text" => message.text = value.text().unwrap_or_default().into_owned(),
            b"isSystem" => message.system = value.flag(),
            b"date" => message.date = filled(value),
            b"viewedByOthers" => message.viewed_by_others = value.flag(),
            b"uuid" => message.uuid = filled(value),
            b"replyId" => message.reply_to = message.reply_to.or(reference(value)?),
            b"forward" => message.forwarded = forwarded(value)?,
            b"params" => {
                message.files = files(value)?;
                if let Some(reply) = value.get("REPLY_ID") {
                    message.reply_to = reference(reply)?;
                }
            }
            _ => {}
        }
    }
    Ok(message)
}

/// Removes the bot's mention from a text, as the portal does in v1.
fn hide_mention(message: &mut Message, bot: UserId) {
    message.mentions = mention::mentioned(&message.text);
    let without = mention::without(&message.text, bot);
    message.cut(without);
}

/// Returns the id of another message; 0 means none.
fn reference(node: Node<'_>) -> Result<Option<MessageId>, DecodeError> {
    Ok(node.number()?.filter(|id| *id != MessageId(0)))
}

/// Returns where a message was forwarded from. Its id may stand behind its chat: `142/789`.
fn forwarded(node: Node<'_>) -> Result<Option<Forwarded>, DecodeError> {
    let number = |key| {
        node.get(key)
            .map_or(Ok(None), |value: Node<'_>| value.number::<u64>())
    };
    let id = node.get("id").and_then(Node::filled);
    let id = id.and_then(|id| id.rsplit('/').next()?.parse().ok());
    let forwarded = Forwarded {
        message: id,
        author: number("userId")?.map(UserId),
        chat: number("chatId")?.map(ChatId),
        date: node.get("date").and_then(filled),
    };
    Ok(Some(forwarded).filter(|forwarded| *forwarded != Forwarded::default()))
}

/// Returns the attached files, of which the portal sends ids only (`params.FILE_ID`).
fn files(params: Node<'_>) -> Result<Vec<File>, DecodeError> {
    let ids = params
        .get("FILE_ID")
        .map_or(Ok(Vec::new()), Node::numbers)?;
    let file = |id| File {
        id,
        ..File::default()
    };
    Ok(ids.into_iter().map(file).collect())
}

fn command(data: Node<'_>, message: &Message) -> Result<Command, DecodeError> {
    let node = data.get("command").ok_or_else(|| data.missing("command"))?;
    let text = |key| {
        node.get(key)
            .and_then(Node::text)
            .unwrap_or_default()
            .into_owned()
    };
    let command = Command {
        id: node
            .get("id")
            .map_or(Ok(None), Node::number)?
            .ok_or_else(|| node.missing("id"))?,
        name: text("command").trim_start_matches('/').to_owned(), // v2 sends the slash, v1 does not
        params: text("params"),
        from: command_from(&text("context")),
        message: message.id,
        text: message.text.clone(),
        bots_in_chat: Vec::new(),
        is_single_use: false,
    };
    Ok(command.without_mark())
}

fn read_chat(node: Node<'_>) -> Result<Chat, DecodeError> {
    let (mut chat, mut entity, mut has_entity) = (Chat::default(), Entity::default(), false);
    let mut letter = ChatKind::Unknown;
    for (key, value) in node.fields() {
        let text = || value.text().map(String::from);
        match key.as_ref() {
            b"id" => chat.id = value.number()?,
            b"type" => chat.kind = ChatKind::read(&value.text().unwrap_or_default()),
            b"messageType" => letter = ChatKind::read(&value.text().unwrap_or_default()),
            b"name" => chat.title = text(),
            b"owner" => chat.owner = value.number()?,
            b"entityType" => (entity.kind, has_entity) = (text().unwrap_or_default(), true),
            b"entityId" => entity.id = text(),
            b"entityData1" => entity.data[0] = text(),
            b"entityData2" => entity.data[1] = text(),
            b"entityData3" => entity.data[2] = text(),
            _ => {}
        }
    }
    chat.entity = has_entity.then_some(entity);
    if matches!(chat.kind, ChatKind::Unknown | ChatKind::Other(_)) && letter.letter().is_some() {
        chat.kind = letter;
    }
    Ok(chat)
}

fn user(node: Node<'_>) -> Result<User, DecodeError> {
    let mut user = User::default();
    for (key, value) in node.fields() {
        match key.as_ref() {
            b"id" => user.id = value.number()?.unwrap_or_default(),
            b"name" => user.name = value.text().unwrap_or_default().into_owned(),
            b"firstName" => user.first_name = filled(value),
            b"lastName" => user.last_name = filled(value),
            b"workPosition" => user.work_position = filled(value),
            b"gender" => user.gender = value.filled().and_then(|gender| gender.chars().next()),
            b"bot" => user.is_bot = value.flag().unwrap_or(false),
            b"connector" => user.is_connector = value.flag().unwrap_or(false),
            b"network" => user.is_network = value.flag().unwrap_or(false),
            b"extranet" => user.is_extranet = value.flag().unwrap_or(false),
            b"active" => user.active = value.flag(),
            b"departments" => user.departments = value.numbers()?,
            b"type" => user.kind = filled(value),
            _ => {}
        }
    }
    Ok(user)
}

fn filled(node: Node<'_>) -> Option<String> {
    node.filled().map(String::from)
}
