//! Events of a chat, in one shape for v1 and v2.

use serde::{Deserialize, Serialize};

use super::{BotId, ChatId, CommandId, DialogId, MessageId, UserId, mention};

/// An event in a chat with a bot.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ChatEvent {
    /// The bot it is for; `None` in events that a messenger user polls (`ONIMV2*`).
    pub bot: Option<BotRef>,
    /// The dialog it happened in, to which an answer is sent.
    pub dialog: DialogId,
    /// The chat, as far as the portal describes it.
    pub chat: Chat,
    /// The user who caused it, if the portal describes them.
    pub user: Option<User>,
    /// `FROM_USER_ID`. In a private join of v1 this is the bot; use [`ChatEvent::sender`].
    pub from: Option<UserId>,
    /// The author of the message; `None` for messages of the system.
    pub author: Option<UserId>,
    /// `TO_USER_ID`: the bot in a private chat, the first user mentioned in a group.
    pub to_user: Option<UserId>,
    /// `TO_CHAT_ID`: the chat's id, also for private chats.
    pub to_chat: Option<ChatId>,
    /// The portal's default language, such as `en`.
    pub language: Option<String>,
    /// What happened, with its data.
    pub kind: ChatEventKind,
}

/// The kinds of events in a chat.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum ChatEventKind {
    /// A new message.
    Message(Message),
    /// An edited message, with its new text.
    Edited(Message),
    /// A deleted message.
    Deleted(Deleted),
    /// A typed command, or a pressed button of ours.
    Command(Command),
    /// The bot was added to a chat, or its private chat was opened.
    Join(Join),
    /// The bot's chat was opened through a link with a context.
    Opened(serde_json::Value),
    /// A reaction to the bot's message was added or removed (v2).
    Reaction(Reaction),
}

impl ChatEvent {
    /// Returns the user who caused the event, from the key that has it.
    pub fn sender(&self) -> Option<UserId> {
        let by = match &self.kind {
            ChatEventKind::Join(join) => join.user,
            _ => self.from.or(self.author),
        };
        by.or(self.user.as_ref().map(|user| user.id))
    }
}

/// A bot, as an event identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotRef {
    /// The bot's id.
    pub id: BotId,
    /// The code it was registered with.
    pub code: String,
}

/// A message, new or edited.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// What the person said, with BB codes: without the mention of the bot and the comma after it,
    /// and without spaces around it. Invisible word joiners (U+2060) are left out as well, except
    /// after `[`, where one keeps typed brackets from being a BB code when the text is sent on.
    /// What the portal sent is [`raw_text`](Message::raw_text).
    pub text: String,
    /// The text as it came, if it differs from `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw_text: Option<String>,
    /// The text with its mentions, where the portal cut them out (v1 groups).
    pub original: Option<String>,
    /// Who is mentioned.
    pub mentions: Vec<UserId>,
    /// Attached files. The text may be empty then.
    pub files: Vec<File>,
    /// Whether the portal wrote it; unknown in edits.
    pub system: Option<bool>,
    /// The kind of program it was written with.
    pub platform: Platform,
    /// When it was written, in the portal's format (v2).
    pub date: Option<String>,
    /// Whether users other than its author have seen it (v2).
    pub viewed_by_others: Option<bool>,
    /// The message that it replies to, which the portal quotes above it. Its text is not part of
    /// the event (protocol/bots-v2.md 6.4); supervisors and personal bots can
    /// [get](crate::portal::methods::imbot_v2::MessageGet) it.
    pub reply_to: Option<MessageId>,
    /// Where it was forwarded from, if it was. Its text and files are those of the forwarded
    /// message (v2).
    pub forwarded: Option<Forwarded>,
    /// The id that its sender gave it (`uuid` of v2, `TEMPLATE_ID` of v1).
    pub uuid: Option<String>,
}

/// Where a forwarded message comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Forwarded {
    /// The original message.
    pub message: Option<MessageId>,
    /// Its author.
    pub author: Option<UserId>,
    /// Its chat.
    pub chat: Option<ChatId>,
    /// When it was written, in the portal's format.
    pub date: Option<String>,
}

impl Message {
    /// Returns the text as the portal sent it. In v1 groups the portal itself removes mentions, and
    /// the rest may begin with a comma; see [`original`](Message::original).
    pub fn raw_text(&self) -> &str {
        self.raw_text.as_deref().unwrap_or(&self.text)
    }

    /// Returns a message with this text as a person said it to a bot.
    pub(crate) fn with_text(text: &str, bot: UserId) -> Self {
        let mut message = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        message.cut(mention::without(text, bot));
        message
    }

    /// Returns a message that a button under a message stands for.
    pub(crate) fn of_button(message: MessageId, text: String) -> Self {
        Self {
            id: message,
            text,
            ..Self::default()
        }
    }

    /// Returns true if a text that the portal shows is this message's. In groups of v1 the portal
    /// cuts all mentions out of the event's text. The event's `MESSAGE_ORIGINAL` is not compared,
    /// since it may be forged.
    pub(crate) fn has_text(&self, shown: &str, bot: UserId) -> bool {
        self.raw_text().trim() == shown.trim()
            || Self::with_text(shown, bot).text == self.text
            || self.original.is_some() && Self::cut_by_v1(shown).text == self.text
    }

    /// Returns a message with this text as the portal sends it in groups of v1.
    fn cut_by_v1(text: &str) -> Self {
        let mut message = Self {
            text: mention::without_all(text),
            ..Self::default()
        };
        let has_cut_mention = message.text != text.trim();
        message.clean(has_cut_mention);
        message
    }

    /// Returns the command in the text, if the text begins with one: `/name params`, up to the end
    /// of the line. The portal delivers a command as a message if a mention stands before it
    /// (protocol/server-behaviour.md 7.1); a command that is [registered](crate::Bot::commands)
    /// then comes to [`Bot::command`](crate::Bot::command) instead.
    ///
    /// ```
    /// # use imbot::event::Message;
    /// # fn example(message: Message) {
    /// if let Some(command) = message.as_command() {
    ///     println!("{} with {}", command.name, command.params);
    /// }
    /// # }
    /// ```
    pub fn as_command(&self) -> Option<Command> {
        let line = self.text.strip_prefix('/')?.lines().next()?;
        let (name, params) = line.split_once(' ').unwrap_or((line, ""));
        let is_name = !name.is_empty() && !name.contains('/');
        is_name.then(|| Command {
            id: CommandId(0),
            name: name.to_owned(),
            params: params.trim().to_owned(),
            from: CommandFrom::Mention,
            message: self.id,
            text: format!("/{line}"),
            bots_in_chat: Vec::new(),
            is_single_use: false,
        })
    }

    /// Removes a mention: `rest` is the text without it, if there was one. Then
    /// [cleans](Self::clean) the text.
    pub(super) fn cut(&mut self, rest: Option<String>) {
        let has_cut_mention = rest.is_some();
        if let Some(rest) = rest {
            self.raw_text = Some(std::mem::replace(&mut self.text, rest));
        }
        self.clean(has_cut_mention);
    }

    /// Makes `text`, which is as it came, the text that the person said. Copies it only if the two
    /// differ.
    pub(super) fn clean(&mut self, has_cut_mention: bool) {
        let mut said = self.text.trim();
        if has_cut_mention {
            said = said.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ':'));
        }
        let said = if let Some(said) = without_joiners(said) {
            said
        } else if said.len() < self.text.len() {
            said.to_owned()
        } else {
            return;
        };
        let came = std::mem::replace(&mut self.text, said);
        self.raw_text.get_or_insert(came);
    }
}

/// Returns a text without the word joiners that do not break a code, if it has such.
fn without_joiners(text: &str) -> Option<String> {
    const JOINER: char = '\u{2060}';
    if !text.contains(JOINER) {
        return None;
    }
    let mut before = ' ';
    let kept = text.chars().filter(|char| {
        let is_kept = *char != JOINER || before == '[';
        before = *char;
        is_kept
    });
    Some(kept.collect())
}

/// The kind of program a message was written with (`PLATFORM_CONTEXT`).
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
    /// A value that this version of imbot does not know.
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

/// A file of a message.
///
/// Events of v1 describe their files (`FILES`); events of v2 have the id only
/// (protocol/server-behaviour.md 4.2). [`Context::describe`](crate::Context::describe) asks the
/// portal for the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct File {
    /// The file's id on the portal's drive.
    pub id: u64,
    /// Its name, from an untrusted source: never use it as a path. Empty in events of v2.
    pub name: String,
    /// `image`, `video`, `audio` or `file`. Empty in events of v2.
    pub kind: String,
    /// Its size, in bytes. 0 in events of v2.
    pub size: u64,
    /// The address to download it with a session of the portal (v1).
    pub download_url: Option<String>,
}

impl File {
    /// Whether name, kind and size are known.
    pub fn is_described(&self) -> bool {
        !self.name.is_empty() && !self.kind.is_empty() && self.size > 0
    }
}

/// A message that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deleted {
    /// The message's id.
    pub id: MessageId,
    /// The portal's notice about the deletion (v1), not the old text.
    pub notice: Option<String>,
}

/// A command that a user gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Command {
    /// The command's id; 0 for one behind a mention.
    pub id: CommandId,
    /// Its name, without the slash.
    pub name: String,
    /// The rest of the line.
    pub params: String,
    /// How it was given.
    pub from: CommandFrom,
    /// The message that contains it: the typed line, or **our** message whose button was pressed.
    pub message: MessageId,
    /// The whole line, `/name params`.
    pub text: String,
    /// The bots of this application in the chat (groups of v1).
    pub bots_in_chat: Vec<BotId>,
    /// Whether it is of a button that works [once](crate::message::Button::command_once).
    pub is_single_use: bool,
}

/// Name of the command that buttons with an offer send. It is registered with every bot.
pub(crate) const PRESS: &str = "imbotpress";

/// Last character of the parameters of a button that works once: invisible, and nobody types it. If
/// a portal did not keep it, the button would work like any other.
pub(crate) const SINGLE_USE: char = '\u{2063}';

impl Command {
    /// Returns true if a text that the portal shows has this command in one of its lines
    /// (protocol/server-behaviour.md 7.1), and is the text that the event has.
    pub(crate) fn is_in(&self, shown: &str, bot: UserId) -> bool {
        let said = Message::with_text(shown, bot).text;
        let unmarked = |text: &str| text.trim().trim_end_matches(SINGLE_USE).trim().to_owned();
        let is_this = |line: &str| {
            let Some(line) = line.strip_prefix('/') else {
                return false;
            };
            let (name, params) = line.split_once(' ').unwrap_or((line, ""));
            name == self.name && unmarked(params) == unmarked(&self.params)
        };
        let text = unmarked(&self.text);
        let mut lines = shown.lines().chain(said.lines());
        let has_text = text == unmarked(shown)
            || text == unmarked(&said)
            || lines.clone().any(|line| text == unmarked(line));
        has_text && lines.any(is_this)
    }

    /// Takes the mark of a button that works once out of the parameters. A person who types it
    /// presses no button.
    pub(super) fn without_mark(mut self) -> Self {
        if let Some(params) = self.params.strip_suffix(SINGLE_USE) {
            self.params = params.to_owned();
            self.text = self.text.trim_end_matches(SINGLE_USE).to_owned();
            self.is_single_use = self.from != CommandFrom::Text;
        }
        self
    }
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
    /// Typed behind a mention of the bot, which the portal delivers as a message
    /// (protocol/server-behaviour.md 7.1).
    Mention,
    /// A value that this version of imbot does not know.
    Other(String),
}

/// The bot was added to a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Join {
    /// The user who added it, or opened its private chat.
    pub user: Option<UserId>,
    /// Whether the bot may read earlier messages (groups).
    pub access_history: Option<bool>,
    /// Whether it was added without a notice to the others (copilot chats).
    pub silent: Option<bool>,
}

/// A reaction that was added or removed (v2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reaction {
    /// The message that it belongs to.
    pub message: Option<MessageId>,
    /// The reaction's code, such as `like`.
    pub reaction: String,
    /// True if it was added, false if it was removed.
    pub added: bool,
}

/// A chat, as far as an event describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Chat {
    /// The chat's id; missing in private chats of v1.
    pub id: Option<ChatId>,
    /// The kind of chat.
    pub kind: ChatKind,
    /// Its title.
    pub title: Option<String>,
    /// Its owner.
    pub owner: Option<UserId>,
    /// The object it belongs to: a line, a deal, a task.
    pub entity: Option<Entity>,
    /// The number of members. Only v1 has it; with v2 call
    /// [`ChatGet`](crate::portal::methods::imbot_v2::ChatGet), whose answer has `userCounter`
    /// (protocol/bots-v2.md 6.3).
    pub users: Option<u32>,
}

/// The object that a chat belongs to (`CHAT_ENTITY_*`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entity {
    /// `LINES` for an open channel, `CRM`, `THREAD`, … or empty.
    pub kind: String,
    /// Its id, such as `livechat|22|1775|599`.
    pub id: Option<String>,
    /// More data, the documentation's `DATA_1` to `DATA_3`.
    pub data: [Option<String>; 3],
}

/// The kind of chat that an event comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ChatKind {
    /// The portal did not say.
    #[default]
    Unknown,
    /// A private chat of two users, or of a user and a bot.
    Private,
    /// A group chat.
    Group,
    /// A group that any user may join.
    Open,
    /// An open channel.
    Line,
    /// Notifications.
    System,
    /// A channel.
    Channel,
    /// A channel that any user may join.
    OpenChannel,
    /// The channel that all users of the portal are in.
    GeneralChannel,
    /// The comments of a channel's post.
    Thread,
    /// A chat with the portal's assistant.
    Copilot,
    /// A collab.
    Collab,
    /// A chat with external users.
    External,
    /// A value that this version of imbot does not know.
    Other(String),
}

impl ChatKind {
    /// Reads the portal's letter (v1) or word (v2).
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
            "generalChannel" => ChatKind::GeneralChannel,
            "T" | "comment" | "thread" => ChatKind::Thread,
            "A" | "copilot" => ChatKind::Copilot,
            "B" | "collab" => ChatKind::Collab,
            "X" | "external" => ChatKind::External,
            other => ChatKind::Other(other.to_owned()),
        }
    }

    /// Returns the portal's letter for it, if it has one.
    pub fn letter(&self) -> Option<char> {
        Some(match self {
            ChatKind::Private => 'P',
            ChatKind::Group => 'C',
            ChatKind::Open => 'O',
            ChatKind::Line => 'L',
            ChatKind::System => 'S',
            ChatKind::Channel => 'N',
            ChatKind::OpenChannel | ChatKind::GeneralChannel => 'J',
            ChatKind::Thread => 'T',
            ChatKind::Copilot => 'A',
            ChatKind::Collab => 'B',
            ChatKind::External => 'X',
            ChatKind::Unknown | ChatKind::Other(_) => return None,
        })
    }
}

/// A user or bot, as an event describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The full name.
    pub name: String,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The position in the company; often empty.
    pub work_position: Option<String>,
    /// `M` or `F`.
    pub gender: Option<char>,
    /// Whether this is a bot.
    pub is_bot: bool,
    /// Whether they write through an open channel, as a client.
    pub is_connector: bool,
    /// Whether they come from Bitrix24.Network.
    pub is_network: bool,
    /// Whether they are an extranet user, from outside the company.
    pub is_extranet: bool,
    /// Whether the account is active (v2).
    pub active: Option<bool>,
    /// Their departments (v2).
    pub departments: Vec<u64>,
    /// `employee`, `collaber`, … (v2).
    pub kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_without_the_cut_mention_and_without_word_joiners_but_for_those_in_codes() {
        let cases = [
            (" , how to set up the menu", true, "how to set up the menu"),
            (": 7", true, "7"),
            (":)", false, ":)"),
            ("hi \n", false, "hi"),
            ("\u{2060}/help", false, "/help"),
            ("a[\u{2060}b]x\u{2060}", false, "a[\u{2060}b]x"),
            ("hi, there", true, "hi, there"),
            ("", false, ""),
        ];
        for (came, has_cut_mention, said) in cases {
            let mut message = Message {
                text: came.to_owned(),
                ..Message::default()
            };
            message.clean(has_cut_mention);
            assert_eq!((message.text.as_str(), message.raw_text()), (said, came));
        }
    }
}
