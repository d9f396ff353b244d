//! The six events of the first bot platform, as PHP writes them: upper-case keys, everything text.
//!
//! Pages `api-reference/chat-bots/outdated/**` of the documentation. Any key may be missing, since PHP drops nulls and
//! empty lists; only the bot, the dialog and the message's number are needed to make sense of an event.

use std::borrow::Cow;
use std::iter::repeat_n;

use super::form::{Pairs, Raw};
use super::{
    BotId, BotRef, Chat, ChatEvent, ChatKind, Command, CommandFrom, CommandId, DecodeError,
    Deleted, DialogId, Entity, Event, File, Join, Message, MessageId, Platform, UserId, What,
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

pub(super) fn decode(name: &str, pairs: &Pairs) -> Result<Vec<Event>, DecodeError> {
    let read = Read::new(pairs)?;
    if name == "ONIMBOTDELETE" {
        return Ok(vec![Event::Removed(read.removed.bot("data[BOT_ID]")?)]);
    }
    let Read {
        mut event,
        message,
        has_id,
        join,
        bots_in_chat,
        items,
        has_dialog,
        ..
    } = read;
    if !has_dialog {
        return Err(missing("data[PARAMS][DIALOG_ID]"));
    }
    let is_command = name == "ONIMCOMMANDADD";
    if name != "ONIMBOTJOINCHAT" && !is_command && !has_id {
        return Err(missing("data[PARAMS][MESSAGE_ID]"));
    }
    let mut items = items;
    items.retain(|item| item.is_command == is_command);
    let (line_id, line) = (
        message.id,
        if is_command {
            message.text.clone()
        } else {
            String::new()
        },
    );
    event.what = match name {
        "ONIMBOTMESSAGEADD" => What::Message(message),
        "ONIMBOTMESSAGEUPDATE" => What::Edited(message),
        "ONIMBOTMESSAGEDELETE" => What::Deleted(Deleted {
            id: message.id,
            notice: Some(message.text),
        }),
        _ => What::Join(join), // a command's is set for each of them
    };
    if items.is_empty() {
        return Err(missing(if is_command {
            "data[COMMAND]"
        } else {
            "data[BOT]"
        }));
    }
    let events = repeat_n(event, items.len()).zip(items);
    events
        .map(|(mut event, item)| {
            if is_command {
                event.what = What::Command(item.command(line_id, &line, &bots_in_chat)?);
            }
            event.bot = Some(item.bot("data[BOT][…][BOT_ID]")?);
            Ok(Event::Chat(Box::new(event)))
        })
        .collect()
}

fn missing(key: &str) -> DecodeError {
    DecodeError::Missing {
        key: key.to_owned(),
    }
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

/// An item of `data[BOT]` or `data[COMMAND]`.
#[derive(Default)]
struct Item<'p> {
    is_command: bool,
    key: Cow<'p, [u8]>,
    bot: Option<BotId>,
    code: String,
    command: Option<CommandId>,
    name: String,
    params: String,
    context: String,
    message: Option<MessageId>,
}

impl Item<'_> {
    fn put(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        match key {
            b"BOT_ID" => self.bot = value.number()?,
            b"BOT_CODE" => self.code = value.string(),
            b"COMMAND" => self.name = value.string(),
            b"COMMAND_ID" => self.command = value.number()?,
            b"COMMAND_PARAMS" => self.params = value.string(),
            b"COMMAND_CONTEXT" => self.context = value.string(),
            b"MESSAGE_ID" => self.message = value.number()?,
            _ => {}
        }
        Ok(())
    }

    fn bot(self, wanted: &str) -> Result<BotRef, DecodeError> {
        Ok(BotRef {
            id: self.bot.ok_or_else(|| missing(wanted))?,
            code: self.code,
        })
    }

    fn command(
        &self,
        line_id: MessageId,
        line: &str,
        bots_in_chat: &[BotId],
    ) -> Result<Command, DecodeError> {
        Ok(Command {
            id: self
                .command
                .ok_or_else(|| missing("data[COMMAND][…][COMMAND_ID]"))?,
            name: self.name.clone(),
            params: self.params.clone(),
            from: command_from(&self.context),
            message: self.message.unwrap_or(line_id),
            text: line.to_owned(),
            bots_in_chat: bots_in_chat.to_vec(),
        })
    }
}

/// Everything that the six events say, read in one pass.
struct Read<'p> {
    /// Without its bot and what happened.
    event: ChatEvent,
    has_dialog: bool,
    message: Message,
    has_id: bool,
    join: Join,
    bots_in_chat: Vec<BotId>,
    items: Vec<Item<'p>>,
    removed: Item<'p>,
    entity: Entity,
    has_entity: bool,
}

impl<'p> Read<'p> {
    fn new(pairs: &'p Pairs) -> Result<Read<'p>, DecodeError> {
        let event = ChatEvent {
            bot: None,
            dialog: DialogId::from(""),
            chat: Chat::default(),
            user: None,
            from: None,
            author: None,
            to_user: None,
            to_chat: None,
            language: None,
            what: What::Join(Join::default()),
        };
        let mut read = Read {
            event,
            has_dialog: false,
            message: Message::default(),
            has_id: false,
            join: Join::default(),
            bots_in_chat: Vec::new(),
            items: Vec::new(),
            removed: Item::default(),
            entity: Entity::default(),
            has_entity: false,
        };
        for (path, mut fields) in pairs.sections::<5>() {
            match path.each_ref().map(|key| &**key) {
                [b"data", b"PARAMS", b"", ..] => {
                    fields.try_for_each(|(key, value)| read.param(&key, value))?
                }
                [b"data", b"PARAMS", list, b"", ..] => {
                    fields.try_for_each(|(_, value)| read.list(list, value))?
                }
                [b"data", b"PARAMS", b"FILES", id, b""] => {
                    fields.try_for_each(|(key, value)| read.file(id, &key, value))?;
                }
                [b"data", b"USER", b"", ..] => {
                    fields.try_for_each(|(key, value)| read.person(&key, value))?
                }
                [b"data", kind @ (b"BOT" | b"COMMAND"), _, b"", ..] => {
                    let item = read.item(kind == b"COMMAND", &path[2]);
                    fields.try_for_each(|(key, value)| item.put(&key, value))?;
                }
                [b"data", b"", ..] => {
                    fields.try_for_each(|(key, value)| read.removed.put(&key, value))?
                }
                _ => {} // tokens, the envelope, and what is newer than this program
            }
        }
        read.event.chat.entity = read.has_entity.then(|| std::mem::take(&mut read.entity));
        // The portal leaves the block empty where nobody is the author.
        read.event.user = read.event.user.filter(|user| user.id.0 != 0);
        Ok(read)
    }

    fn param(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        let Read {
            event,
            message,
            entity,
            ..
        } = self;
        match key {
            b"MESSAGE" => message.text = value.string(),
            b"MESSAGE_ID" | b"ID" => {
                if let Some(id) = value.number()? {
                    (message.id, self.has_id) = (id, true);
                }
            }
            b"MESSAGE_ORIGINAL" => message.original = Some(value.string()),
            b"SYSTEM" => message.system = value.flag(),
            b"PLATFORM_CONTEXT" => message.platform = Platform::read(&value.text()),
            b"DIALOG_ID" => {
                if let Some(dialog) = value.filled() {
                    (event.dialog, self.has_dialog) = (DialogId::new(dialog), true);
                }
            }
            b"FROM_USER_ID" => event.from = value.number()?,
            b"AUTHOR_ID" => event.author = value.number()?,
            b"TO_USER_ID" => event.to_user = value.number()?,
            b"TO_CHAT_ID" => event.to_chat = value.number()?,
            b"CHAT_ID" => event.chat.id = value.number()?,
            b"CHAT_TYPE" => event.chat.kind = ChatKind::read(&value.text()),
            b"MESSAGE_TYPE" if event.chat.kind == ChatKind::Unknown => {
                event.chat.kind = ChatKind::read(&value.text())
            }
            b"CHAT_TITLE" => event.chat.title = filled(value),
            b"CHAT_AUTHOR_ID" => event.chat.owner = value.number()?,
            b"CHAT_USER_COUNT" => event.chat.users = value.number()?,
            b"CHAT_ENTITY_TYPE" => (entity.kind, self.has_entity) = (value.string(), true),
            b"CHAT_ENTITY_ID" => (entity.id, self.has_entity) = (Some(value.string()), true),
            b"CHAT_ENTITY_DATA_1" => entity.data[0] = Some(value.string()),
            b"CHAT_ENTITY_DATA_2" => entity.data[1] = Some(value.string()),
            b"CHAT_ENTITY_DATA_3" => entity.data[2] = Some(value.string()),
            b"USER_ID" => self.join.user = value.number()?,
            b"ACCESS_HISTORY" => self.join.access_history = value.flag(),
            b"SILENT_JOIN" => self.join.silent = value.flag(),
            b"LANGUAGE" => event.language = filled(value),
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        match key {
            b"MENTIONED_LIST" => self.message.mentions.extend(value.number::<UserId>()?),
            b"BOT_IN_CHAT" => self.bots_in_chat.extend(value.number::<BotId>()?),
            _ => {}
        }
        Ok(())
    }

    /// `FILES` is keyed by the file's number.
    fn file(&mut self, id: &[u8], key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        let files = &mut self.message.files;
        let id = String::from_utf8_lossy(id).parse().unwrap_or(0);
        if files.last().is_none_or(|file| file.id != id) {
            files.push(File {
                id,
                ..File::default()
            });
        }
        let Some(file) = files.last_mut() else {
            return Ok(());
        };
        match key {
            b"name" => file.name = value.string(),
            b"type" => file.kind = value.string(),
            b"size" => file.size = value.number()?.unwrap_or(0),
            b"urlDownload" => file.download_url = filled(value),
            _ => {}
        }
        Ok(())
    }

    fn person(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        let user = self.event.user.get_or_insert_default();
        match key {
            b"ID" => user.id = value.number()?.unwrap_or_default(),
            b"NAME" => user.name = value.string(),
            b"FIRST_NAME" => user.first_name = Some(value.string()),
            b"LAST_NAME" => user.last_name = Some(value.string()),
            b"WORK_POSITION" => user.work_position = Some(value.string()),
            b"GENDER" => user.gender = value.text().chars().next(),
            b"IS_BOT" => user.is_bot = value.flag().unwrap_or(false),
            b"IS_CONNECTOR" => user.is_connector = value.flag().unwrap_or(false),
            b"IS_NETWORK" => user.is_network = value.flag().unwrap_or(false),
            b"IS_EXTRANET" => user.is_extranet = value.flag().unwrap_or(false),
            _ => {}
        }
        Ok(())
    }

    fn item(&mut self, is_command: bool, key: &Cow<'p, [u8]>) -> &mut Item<'p> {
        let known = self
            .items
            .iter()
            .position(|item| item.is_command == is_command && item.key == *key);
        let index = known.unwrap_or_else(|| {
            self.items.push(Item {
                is_command,
                key: key.clone(),
                ..Item::default()
            });
            self.items.len() - 1
        });
        &mut self.items[index]
    }
}

fn filled(value: Raw<'_>) -> Option<String> {
    value.filled().map(String::from)
}
