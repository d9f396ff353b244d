//! What happens in a chat, in one shape for both generations of the bot platform.

use serde::{Deserialize, Serialize};

use super::{BotId, ChatId, CommandId, DialogId, MessageId, UserId};

/// Something that happened in a chat with a bot.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ChatEvent {
    /// The bot it is meant for; none in what a messenger user polls (`ONIMV2*`).
    pub bot: Option<BotRef>,
    /// Where it happened, and where an answer goes.
    pub dialog: DialogId,
    /// The chat, as far as the portal describes it.
    pub chat: Chat,
    /// The person who did it, if the portal describes them.
    pub user: Option<User>,
    /// `FROM_USER_ID`. In a private join of version 1 this is the bot; [`ChatEvent::sender`] knows.
    pub from: Option<UserId>,
    /// The author of the message; none where a system wrote it.
    pub author: Option<UserId>,
    /// `TO_USER_ID`: the bot in a private chat, the first person mentioned in a group.
    pub to_user: Option<UserId>,
    /// `TO_CHAT_ID`: the chat's number, private chats included.
    pub to_chat: Option<ChatId>,
    /// The portal's default language, such as `en`.
    pub language: Option<String>,
    /// What happened.
    pub kind: ChatEventKind,
}

/// What happened in a chat.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum ChatEventKind {
    /// Somebody wrote.
    Message(Message),
    /// A message was edited; this is its new text.
    Edited(Message),
    /// A message was deleted.
    Deleted(Deleted),
    /// A command was typed, or one of our buttons pressed.
    Command(Command),
    /// The bot was brought into a chat, or its private chat opened.
    Join(Join),
    /// Somebody opened the bot's chat through a link with a context (version 2).
    Opened(serde_json::Value),
    /// A reaction to the bot's message came or went (version 2).
    Reaction(Reaction),
}

impl ChatEvent {
    /// Who did it, by whichever key the portal says so.
    pub fn sender(&self) -> Option<UserId> {
        let by = match &self.kind {
            ChatEventKind::Join(join) => join.user,
            _ => self.from.or(self.author),
        };
        by.or(self.user.as_ref().map(|user| user.id))
    }
}

/// A bot as an event names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotRef {
    /// The bot's number.
    pub id: BotId,
    /// The code it was registered under.
    pub code: String,
}

/// A message, new or edited.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The message's number.
    pub id: MessageId,
    /// The text with BB codes. In groups of version 1 the portal cuts the mention out and what is left may begin with a
    /// comma: see [`Message::said`].
    pub text: String,
    /// The text with its mentions, where the portal cut them out of [`text`](Message::text).
    pub original: Option<String>,
    /// Who is mentioned.
    pub mentions: Vec<UserId>,
    /// Files that came along. The text may be empty then.
    pub files: Vec<File>,
    /// Whether the portal wrote it; unknown in edits.
    pub system: Option<bool>,
    /// Where it was written.
    pub platform: Platform,
    /// When it was written, as the portal writes times (version 2).
    pub date: Option<String>,
    /// Whether others than its author have seen it (version 2).
    pub viewed_by_others: Option<bool>,
}

impl Message {
    /// The text without the spaces and the comma that a cut mention leaves in front.
    ///
    /// ```
    /// let mut message = imbot::event::Message::default();
    /// message.text = " , how to set up the menu".into();
    /// assert_eq!(message.said(), "how to set up the menu");
    /// ```
    pub fn said(&self) -> &str {
        self.text
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ':'))
            .trim_end()
    }
}

/// Where a message was written (`PLATFORM_CONTEXT`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Platform {
    /// The portal did not say.
    #[default]
    Unknown,
    /// A browser or the desktop application.
    Web,
    /// A phone or tablet.
    Mobile,
    /// Something that is newer than this program.
    Other(String),
}

impl Platform {
    pub(super) fn read(text: &str) -> Platform {
        match text {
            "" => Platform::Unknown,
            "web" => Platform::Web,
            "mobile" => Platform::Mobile,
            other => Platform::Other(other.to_owned()),
        }
    }
}

/// A file of a message (`FILES` of version 1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct File {
    /// The file's number on the portal's drive.
    pub id: u64,
    /// Its name. It comes from outside: never a path.
    pub name: String,
    /// `image`, `video`, `audio` or `file`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// Where it can be downloaded with a session of the portal.
    pub download_url: Option<String>,
}

/// A message that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deleted {
    /// The message's number.
    pub id: MessageId,
    /// The portal's sentence about it (version 1), not the old text.
    pub notice: Option<String>,
}

/// A command that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Command {
    /// The command's number.
    pub id: CommandId,
    /// Its name, without the slash.
    pub name: String,
    /// The rest of the line.
    pub params: String,
    /// How it was given.
    pub from: CommandFrom,
    /// The message that holds it: the typed line, or **our** message whose button was pressed.
    pub message: MessageId,
    /// The whole line, `/name params`.
    pub text: String,
    /// The bots of this application in the chat (groups of version 1).
    pub bots_in_chat: Vec<BotId>,
}

/// How a command was given (`COMMAND_CONTEXT`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum CommandFrom {
    /// Typed into the chat (`TEXTAREA`).
    Text,
    /// A button of a keyboard (`KEYBOARD`).
    Keyboard,
    /// An item of a message's menu (`MENU`).
    Menu,
    /// A way that is newer than this program.
    Other(String),
}

/// The bot came into a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Join {
    /// Who brought it in, or opened its private chat.
    pub user: Option<UserId>,
    /// Whether the bot may read what was said before (groups).
    pub access_history: Option<bool>,
    /// Whether it came without a notice to the others (copilot chats).
    pub silent: Option<bool>,
}

/// A reaction that came or went (version 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reaction {
    /// The message it belongs to.
    pub message: Option<MessageId>,
    /// The reaction's code, such as `like`.
    pub reaction: String,
    /// Whether it came; it went otherwise.
    pub added: bool,
}

/// A chat, as far as an event describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Chat {
    /// The chat's number; missing in private chats of version 1.
    pub id: Option<ChatId>,
    /// What sort of chat it is.
    pub kind: ChatKind,
    /// Its title.
    pub title: Option<String>,
    /// Who owns it.
    pub owner: Option<UserId>,
    /// What it belongs to: a line, a deal, a task.
    pub entity: Option<Entity>,
    /// How many take part.
    pub users: Option<u32>,
}

/// What a chat belongs to (`CHAT_ENTITY_*`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entity {
    /// `LINES` for an open channel, `CRM`, `THREAD`, … or empty.
    pub kind: String,
    /// Its id, such as `livechat|22|1775|599`.
    pub id: Option<String>,
    /// Further data, the documentation's `DATA_1` to `DATA_3`.
    pub data: [Option<String>; 3],
}

/// What sort of chat an event comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ChatKind {
    /// The portal did not say.
    #[default]
    Unknown,
    /// Two people, or one and a bot.
    Private,
    /// A group.
    Group,
    /// A group that anybody may join.
    Open,
    /// An open channel.
    Line,
    /// Notices.
    System,
    /// A channel.
    Channel,
    /// A channel that anybody may join.
    OpenChannel,
    /// The comments of a channel's post.
    Thread,
    /// A chat with the portal's assistant.
    Copilot,
    /// A collab.
    Collab,
    /// A chat with people from outside.
    External,
    /// A sort that is newer than this program.
    Other(String),
}

impl ChatKind {
    /// The sort by the portal's letter (version 1) or word (version 2).
    pub(super) fn read(text: &str) -> ChatKind {
        match text {
            "" => ChatKind::Unknown,
            "P" | "private" => ChatKind::Private,
            "C" | "chat" => ChatKind::Group,
            "O" | "open" => ChatKind::Open,
            "L" | "lines" => ChatKind::Line,
            "S" | "system" => ChatKind::System,
            "N" | "channel" => ChatKind::Channel,
            "J" | "openChannel" => ChatKind::OpenChannel,
            "T" | "comment" => ChatKind::Thread,
            "A" | "copilot" => ChatKind::Copilot,
            "B" | "collab" => ChatKind::Collab,
            "X" | "external" => ChatKind::External,
            other => ChatKind::Other(other.to_owned()),
        }
    }

    /// The portal's letter for it, if it has one.
    pub fn letter(&self) -> Option<char> {
        Some(match self {
            ChatKind::Private => 'P',
            ChatKind::Group => 'C',
            ChatKind::Open => 'O',
            ChatKind::Line => 'L',
            ChatKind::System => 'S',
            ChatKind::Channel => 'N',
            ChatKind::OpenChannel => 'J',
            ChatKind::Thread => 'T',
            ChatKind::Copilot => 'A',
            ChatKind::Collab => 'B',
            ChatKind::External => 'X',
            ChatKind::Unknown | ChatKind::Other(_) => return None,
        })
    }
}

/// A person or bot, as an event describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// Their number.
    pub id: UserId,
    /// The whole name.
    pub name: String,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// What they do; often empty.
    pub work_position: Option<String>,
    /// `M` or `F`.
    pub gender: Option<char>,
    /// Whether this is a bot.
    pub is_bot: bool,
    /// Whether they write through an open channel: a client.
    pub is_connector: bool,
    /// Whether they come from Bitrix24.Network.
    pub is_network: bool,
    /// Whether they are invited from outside the company.
    pub is_extranet: bool,
    /// Whether the account is in use (version 2).
    pub active: Option<bool>,
    /// Their departments (version 2).
    pub departments: Vec<u64>,
    /// `employee`, `collaber`, … (version 2).
    pub kind: Option<String>,
}
