//! The bot part of a user: its owner, its type, and how it gets events.

use std::collections::BTreeMap;

use super::access::Owner;

/// What bots have in addition to other users.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) code: String,
    pub(crate) kind: BotType,
    pub(crate) openline: bool,
    pub(crate) owner: Owner,
    pub(crate) version: ApiVersion,
    pub(crate) mode: Mode,
    /// `webhookUrl`; v1 bots have theirs in the subscriptions only.
    pub(crate) url: Option<String>,
    /// Whether it is left out of the contact list.
    pub(crate) hidden: bool,
    /// Whether it gets events about reactions to its messages.
    pub(crate) reactions: bool,
    /// One of [`BACKGROUNDS`].
    pub(crate) background: Option<String>,
    /// Number of messages it has sent.
    pub(crate) sent: u64,
}

/// The version of the platform that registered a bot; it decides the format of its events.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// `imbot.register`.
    V1,
    /// `imbot.v2.Bot.register`.
    V2,
}

/// How a bot gets events: `eventMode`.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are stored in the event log until `imbot.v2.Event.get` fetches them.
    Fetch,
    /// They are posted to the subscriptions of the owner.
    Webhook,
}

/// The type of a bot: a letter in v1, a word in v2.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum BotType {
    /// `B`, `bot`: gets messages to it; in groups only mentions.
    Plain,
    /// `O`, `openline`: for open channels.
    OpenLine,
    /// `H`: like `B`, but looks like a person. v2 has no word for it.
    Human,
    /// `S`, `supervisor`: gets all messages of its chats.
    Supervisor,
    /// `P`, `personal`: like a supervisor; v2 only.
    Personal,
    /// `N`, `network`: known from the text of `BOT_INVALID_TYPE` only; like `B` here.
    Network,
}

/// The backgrounds of a bot's chat; page
/// `b24restdocs: api-reference/chat-bots/chat-bots-v2/imbot.v2/bots/bot-register.md`. Other values
/// mean no background.
pub(crate) const BACKGROUNDS: [&str; 9] = [
    "azure",
    "mint",
    "steel",
    "slate",
    "teal",
    "cornflower",
    "sky",
    "peach",
    "frost",
];

/// Letter and word of each type. A bot of type `H` is shown as a plain one.
const TYPES: [(BotType, &str, &str); 6] = [
    (BotType::Plain, "B", "bot"),
    (BotType::OpenLine, "O", "openline"),
    (BotType::Human, "H", "bot"),
    (BotType::Supervisor, "S", "supervisor"),
    (BotType::Personal, "P", "personal"),
    (BotType::Network, "N", "network"),
];

impl Bot {
    /// Returns a bot as `imbot.register` creates it.
    pub(crate) fn v1(code: &str, kind: BotType, openline: bool, owner: Owner) -> Self {
        Bot {
            code: code.to_owned(),
            kind,
            openline,
            owner,
            version: ApiVersion::V1,
            mode: Mode::Webhook,
            url: None,
            hidden: false,
            reactions: true,
            background: None,
            sent: 0,
        }
    }
}

impl BotType {
    /// Reads the letter of v1; an unknown letter is a plain bot, as on the portal.
    pub(crate) fn from_letter(letter: &str) -> Self {
        match letter {
            "O" => BotType::OpenLine,
            "H" => BotType::Human,
            "S" => BotType::Supervisor,
            _ => BotType::Plain,
        }
    }

    /// Reads the word of v2.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let found = TYPES.iter().find(|(_, _, known)| *known == word);
        found.map(|(kind, _, _)| *kind)
    }

    pub(crate) fn letter(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn word(self) -> &'static str {
        self.row().2
    }

    /// Whether it gets and may read all messages of its chats.
    pub(crate) fn receives_all(self) -> bool {
        matches!(self, BotType::Supervisor | BotType::Personal)
    }

    fn row(self) -> (BotType, &'static str, &'static str) {
        let found = TYPES.iter().find(|(kind, _, _)| *kind == self);
        *found.unwrap_or(&TYPES[0])
    }
}

/// Time in which a bot may answer a command in a dialog, in milliseconds: ten minutes.
pub(crate) const ANSWER_WINDOW_MS: i64 = 600_000;

/// A command of a bot.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) id: u64,
    pub(crate) bot: u64,
    /// The name, without the slash.
    pub(crate) name: String,
    /// Whether it works everywhere, also in chats without the bot.
    pub(crate) common: bool,
    /// Whether it is left out of the suggestions; it works anyway.
    pub(crate) hidden: bool,
    pub(crate) extranet: bool,
    /// Title and parameters by language.
    pub(crate) lang: BTreeMap<String, Title>,
}

/// The text of a command in the list of suggestions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Title {
    pub(crate) title: String,
    pub(crate) params: String,
}

/// A use of a command, which may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) command: u64,
    pub(crate) message: u64,
    pub(crate) chat: u64,
    /// Unix milliseconds.
    pub(crate) until: i64,
}

impl Command {
    /// Returns the title in a language, or in any.
    pub(crate) fn title(&self, language: &str) -> Title {
        self.lang
            .get(language)
            .or_else(|| self.lang.values().next())
            .cloned()
            .unwrap_or_default()
    }
}
