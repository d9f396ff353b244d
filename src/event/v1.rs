//! The six events of the first bot platform, as PHP writes them: upper-case keys, everything text.
//!
//! Pages `api-reference/chat-bots/outdated/**` of the documentation. Any key may be missing, since PHP drops nulls and
//! empty lists; only the bot, the dialog and the message's number are needed to make sense of an event.

use super::tree::Node;
use super::{
    BotRef, Chat, ChatEvent, ChatKind, Command, CommandFrom, DecodeError, Deleted, DialogId,
    Entity, Event, File, Join, Message, User, What,
};

/// The names that this file decodes.
pub(super) const NAMES: &[&str] = &[
    "ONIMBOTMESSAGEADD",
    "ONIMBOTMESSAGEUPDATE",
    "ONIMBOTMESSAGEDELETE",
    "ONIMBOTJOINCHAT",
    "ONIMBOTDELETE",
    "ONIMCOMMANDADD",
];

pub(super) fn decode(name: &str, root: Node<'_>) -> Result<Vec<Event>, DecodeError> {
    let data = root.get("data").ok_or_else(|| root.missing("data"))?;
    if name == "ONIMBOTDELETE" {
        return Ok(vec![Event::Removed(bot(data)?)]);
    }
    let params = data.get("PARAMS").ok_or_else(|| data.missing("PARAMS"))?;
    let (mut event, rest) = read(params, data.get("USER"))?;
    let key = if name == "ONIMCOMMANDADD" {
        "COMMAND"
    } else {
        "BOT"
    };
    let items = data.get(key).ok_or_else(|| data.missing(key))?;
    let commands = if key == "COMMAND" {
        Some(rest)
    } else {
        event.what = what(name, params, rest)?;
        None
    };
    let count = items.values().count();
    let events = std::iter::repeat_n(event, count).zip(items.values());
    events
        .map(|(mut event, item)| {
            event.bot = Some(bot(item)?);
            if let Some(rest) = &commands {
                event.what = What::Command(command(item, rest)?);
            }
            Ok(Event::Chat(Box::new(event)))
        })
        .collect()
}

fn bot(item: Node<'_>) -> Result<BotRef, DecodeError> {
    let id = item
        .get("BOT_ID")
        .map_or(Ok(None), Node::number)?
        .ok_or_else(|| item.missing("BOT_ID"))?;
    Ok(BotRef {
        id,
        code: text(item.get("BOT_CODE")).unwrap_or_default(),
    })
}

fn what(name: &str, params: Node<'_>, rest: Rest) -> Result<What, DecodeError> {
    if name == "ONIMBOTJOINCHAT" {
        return Ok(What::Join(rest.join));
    }
    if !rest.has_id {
        return Err(params.missing("MESSAGE_ID"));
    }
    Ok(match name {
        "ONIMBOTMESSAGEADD" => What::Message(rest.message),
        "ONIMBOTMESSAGEUPDATE" => What::Edited(rest.message),
        _ => What::Deleted(Deleted {
            id: rest.message.id,
            notice: Some(rest.message.text),
        }),
    })
}

fn command(item: Node<'_>, rest: &Rest) -> Result<Command, DecodeError> {
    let id = item
        .get("COMMAND_ID")
        .map_or(Ok(None), Node::number)?
        .ok_or_else(|| item.missing("COMMAND_ID"))?;
    let message = item.get("MESSAGE_ID").map_or(Ok(None), Node::number)?;
    Ok(Command {
        id,
        name: text(item.get("COMMAND")).unwrap_or_default(),
        params: text(item.get("COMMAND_PARAMS")).unwrap_or_default(),
        from: command_from(&text(item.get("COMMAND_CONTEXT")).unwrap_or_default()),
        message: message.unwrap_or(rest.message.id),
        text: rest.message.text.clone(),
        bots_in_chat: rest.bots_in_chat.clone(),
    })
}

/// The way a command was given, by its word in either version.
pub(super) fn command_from(word: &str) -> CommandFrom {
    match word.to_ascii_uppercase().as_str() {
        "" | "TEXTAREA" => CommandFrom::Text,
        "KEYBOARD" => CommandFrom::Keyboard,
        "MENU" => CommandFrom::Menu,
        _ => CommandFrom::Other(word.to_owned()),
    }
}

/// What `data[PARAMS]` says beyond what all events share.
#[derive(Default)]
struct Rest {
    message: Message,
    has_id: bool,
    join: Join,
    bots_in_chat: Vec<super::BotId>,
}

/// Reads `data[PARAMS]` in one pass. The event still lacks its bot and what happened.
fn read(params: Node<'_>, person: Option<Node<'_>>) -> Result<(ChatEvent, Rest), DecodeError> {
    let mut rest = Rest::default();
    let mut dialog = None;
    let (mut chat, mut entity, mut has_entity) = (Chat::default(), Entity::default(), false);
    let (mut from, mut author, mut to_user, mut to_chat, mut language) =
        (None, None, None, None, None);
    for (key, value) in params.fields() {
        match key.as_ref() {
            b"MESSAGE" => rest.message.text = text(Some(value)).unwrap_or_default(),
            b"MESSAGE_ID" | b"ID" => {
                if let Some(id) = value.number()? {
                    (rest.message.id, rest.has_id) = (id, true);
                }
            }
            b"MESSAGE_ORIGINAL" => rest.message.original = text(Some(value)),
            b"MENTIONED_LIST" => rest.message.mentions = value.numbers()?,
            b"FILES" => rest.message.files = value.values().map(file).collect::<Result<_, _>>()?,
            b"SYSTEM" => rest.message.system = value.flag(),
            b"PLATFORM_CONTEXT" => rest.message.platform = filled(value),
            b"TEMPLATE_ID" => rest.message.uuid = filled(value),
            b"DIALOG_ID" => dialog = value.filled().map(DialogId::new),
            b"FROM_USER_ID" => from = value.number()?,
            b"AUTHOR_ID" => author = value.number()?,
            b"TO_USER_ID" => to_user = value.number()?,
            b"TO_CHAT_ID" => to_chat = value.number()?,
            b"CHAT_ID" => chat.id = value.number()?,
            b"CHAT_TYPE" => chat.kind = ChatKind::read(&value.text().unwrap_or_default()),
            b"MESSAGE_TYPE" if chat.kind == ChatKind::Unknown => {
                chat.kind = ChatKind::read(&value.text().unwrap_or_default());
            }
            b"CHAT_TITLE" => chat.title = filled(value),
            b"CHAT_AUTHOR_ID" => chat.owner = value.number()?,
            b"CHAT_USER_COUNT" => chat.users = value.number()?,
            b"CHAT_ENTITY_TYPE" => {
                (entity.kind, has_entity) = (text(Some(value)).unwrap_or_default(), true)
            }
            b"CHAT_ENTITY_ID" => (entity.id, has_entity) = (text(Some(value)), true),
            b"CHAT_ENTITY_DATA_1" => entity.data[0] = text(Some(value)),
            b"CHAT_ENTITY_DATA_2" => entity.data[1] = text(Some(value)),
            b"CHAT_ENTITY_DATA_3" => entity.data[2] = text(Some(value)),
            b"USER_ID" => rest.join.user = value.number()?,
            b"ACCESS_HISTORY" => rest.join.access_history = value.flag(),
            b"SILENT_JOIN" => rest.join.silent = value.flag(),
            b"BOT_IN_CHAT" => rest.bots_in_chat = value.numbers()?,
            b"LANGUAGE" => language = filled(value),
            _ => {}
        }
    }
    chat.entity = has_entity.then_some(entity);
    let event = ChatEvent {
        bot: None,
        dialog: dialog.ok_or_else(|| params.missing("DIALOG_ID"))?,
        chat,
        user: person.map(user).transpose()?.flatten(),
        from,
        author,
        to_user,
        to_chat,
        language,
        what: What::Join(Join::default()),
    };
    Ok((event, rest))
}

/// A person; none where the portal left the block empty.
fn user(node: Node<'_>) -> Result<Option<User>, DecodeError> {
    let mut user = User::default();
    for (key, value) in node.fields() {
        match key.as_ref() {
            b"ID" => user.id = value.number()?.unwrap_or_default(),
            b"NAME" => user.name = text(Some(value)).unwrap_or_default(),
            b"FIRST_NAME" => user.first_name = text(Some(value)),
            b"LAST_NAME" => user.last_name = text(Some(value)),
            b"WORK_POSITION" => user.work_position = text(Some(value)),
            b"GENDER" => user.gender = filled(value),
            b"IS_BOT" => user.is_bot = value.flag().unwrap_or(false),
            b"IS_CONNECTOR" => user.is_connector = value.flag().unwrap_or(false),
            b"IS_NETWORK" => user.is_network = value.flag().unwrap_or(false),
            b"IS_EXTRANET" => user.is_extranet = value.flag().unwrap_or(false),
            _ => {}
        }
    }
    Ok((user.id.0 != 0).then_some(user))
}

fn file(node: Node<'_>) -> Result<File, DecodeError> {
    let mut file = File::default();
    for (key, value) in node.fields() {
        match key.as_ref() {
            b"id" => file.id = value.number()?.unwrap_or(0),
            b"name" => file.name = text(Some(value)).unwrap_or_default(),
            b"type" => file.kind = text(Some(value)).unwrap_or_default(),
            b"size" => file.size = value.number()?.unwrap_or(0),
            b"urlDownload" => file.download_url = filled(value),
            _ => {}
        }
    }
    Ok(file)
}

fn text(node: Option<Node<'_>>) -> Option<String> {
    node.and_then(Node::text).map(String::from)
}

fn filled(node: Node<'_>) -> Option<String> {
    node.filled().map(String::from)
}
