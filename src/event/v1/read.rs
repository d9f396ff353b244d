//! Reads all data of the events, in one pass over their pairs.

use super::item::{Item, Numbers, numbered};
use crate::event::form::{Pairs, Path, Raw};
use crate::event::{
    BotId, Chat, ChatEvent, ChatEventKind, ChatKind, DecodeError, DialogId, Entity, File, Join,
    Message, MessageId, Platform, UserId,
};

/// The data of an event.
pub(super) struct Read {
    /// The event, without its bot and its kind.
    pub(super) event: Box<ChatEvent>,
    pub(super) has_dialog: bool,
    pub(super) message: Message,
    pub(super) has_id: bool,
    pub(super) join: Join,
    pub(super) bots_in_chat: Vec<BotId>,
    pub(super) bots: Vec<Item>,
    pub(super) commands: Vec<Item>,
    pub(super) removed: Item,
    entity: Entity,
    has_entity: bool,
}

/// The maps that are read.
enum Map {
    Data,
    Params,
    Mentions,
    BotsInChat,
    /// The message's own parameters.
    MessageParams,
    /// By the file's id.
    File(u64),
    User,
    /// By its index among the bots.
    Bot(usize),
    /// By its index among the commands.
    Command(usize),
    /// Tokens, the envelope, and unknown maps.
    Other,
}

impl Map {
    fn at<'p>(path: &Path<'p>, bots: &mut Numbers<'p>, commands: &mut Numbers<'p>) -> Map {
        match path.each_ref().map(|key| &**key) {
            [b"data", b"", ..] => Map::Data,
            [b"data", b"PARAMS", b"", ..] => Map::Params,
            [b"data", b"PARAMS", b"MENTIONED_LIST", b"", _] => Map::Mentions,
            [b"data", b"PARAMS", b"BOT_IN_CHAT", b"", _] => Map::BotsInChat,
            [b"data", b"PARAMS", b"FILES", id, b""] => {
                Map::File(String::from_utf8_lossy(id).parse().unwrap_or(0))
            }
            [b"data", b"PARAMS", b"PARAMS", b"", _] => Map::MessageParams,
            [b"data", b"USER", b"", ..] => Map::User,
            [b"data", b"BOT", _, b"", _] => Map::Bot(bots.of(path[2].clone())),
            [b"data", b"COMMAND", _, b"", _] => Map::Command(commands.of(path[2].clone())),
            _ => Map::Other,
        }
    }
}

impl Read {
    pub(super) fn new(pairs: &Pairs) -> Result<Read, DecodeError> {
        let mut read = Read::nothing();
        let (mut bots, mut commands) = (Numbers::default(), Numbers::default());
        for map in pairs.maps() {
            let place = Map::at(&map.path(), &mut bots, &mut commands);
            if let Map::Other = place {
                continue;
            }
            for (key, value) in map.fields() {
                match place {
                    Map::Params => read.param(&key, value)?,
                    Map::User => read.person(&key, value)?,
                    Map::Bot(bot) => numbered(&mut read.bots, bot).put(&key, value)?,
                    Map::Command(place) => numbered(&mut read.commands, place).put(&key, value)?,
                    Map::Mentions => read.message.mentions.extend(value.number::<UserId>()?),
                    Map::BotsInChat => read.bots_in_chat.extend(value.number::<BotId>()?),
                    Map::MessageParams => read.message_param(&key, value)?,
                    Map::File(id) => read.file(id, &key, value)?,
                    Map::Data => read.removed.put(&key, value)?,
                    Map::Other => {}
                }
            }
        }
        read.event.chat.entity = read.has_entity.then(|| std::mem::take(&mut read.entity));
        // The portal leaves the block empty if there is no author.
        if read.event.user.as_ref().is_some_and(|user| user.id.0 == 0) {
            read.event.user = None;
        }
        Ok(read)
    }

    fn nothing() -> Read {
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
            kind: ChatEventKind::Join(Join::default()),
        };
        Read {
            event: Box::new(event),
            has_dialog: false,
            message: Message::default(),
            has_id: false,
            join: Join::default(),
            bots_in_chat: Vec::new(),
            bots: Vec::new(),
            commands: Vec::new(),
            removed: Item::default(),
            entity: Entity::default(),
            has_entity: false,
        }
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
            b"TEMPLATE_ID" => message.uuid = filled(value),
            b"REPLY_ID" => message.reply_to = reference(value)?,
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

    fn message_param(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        if key == b"REPLY_ID" {
            self.message.reply_to = reference(value)?;
        }
        Ok(())
    }

    fn file(&mut self, id: u64, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        let files = &mut self.message.files;
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
}

/// Returns the id of another message; 0 means none.
fn reference(value: Raw<'_>) -> Result<Option<MessageId>, DecodeError> {
    Ok(value.number()?.filter(|id| *id != MessageId(0)))
}

fn filled(value: Raw<'_>) -> Option<String> {
    value.filled().map(String::from)
}
