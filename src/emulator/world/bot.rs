//! What makes a user a bot: its owner, its type, and how it hears of things.

use std::collections::BTreeMap;

use super::access::Owner;

/// What a bot has that a person has not.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) code: String,
    pub(crate) kind: BotType,
    pub(crate) openline: bool,
    pub(crate) owner: Owner,
    pub(crate) version: ApiVersion,
    pub(crate) mode: Mode,
    /// `webhookUrl`; bots of version 1 have theirs in the subscriptions only.
    pub(crate) url: Option<String>,
    /// Not in the contact list.
    pub(crate) hidden: bool,
    /// Whether it hears of reactions to its messages.
    pub(crate) reactions: bool,
    /// One of [`BACKGROUNDS`].
    pub(crate) background: Option<String>,
    /// Messages it has sent.
    pub(crate) sent: u64,
}

/// Which version of the platform registered a bot: the format of its events follows it.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// `imbot.register`.
    V1,
    /// `imbot.v2.Bot.register`.
    V2,
}

/// How events reach a bot: `eventMode`.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They wait in the event log until `imbot.v2.Event.get` fetches them.
    Fetch,
    /// They are posted to the subscriptions of the owner.
    Webhook,
}

/// The type a bot was registered with: a letter in version 1, a word in version 2.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum BotType {
    /// `B`, `bot`: hears what is said to it, in groups only when mentioned.
    Plain,
    /// `O`, `openline`: made for open lines.
    OpenLine,
    /// `H`: as `B`, and looks like a person. Version 2 has no word for it.
    Human,
    /// `S`, `supervisor`: hears all that is said where it is.
    Supervisor,
    /// `P`, `personal`: hears as a supervisor does; version 2 only.
    Personal,
    /// `N`, `network`: known from the text of `BOT_INVALID_TYPE` only; as `B` here.
    Network,
}

/// The backgrounds a bot's chat may have; page `bots/bot-register.md`. Anything else means none.
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
    /// A bot as `imbot.register` makes it.
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
    /// Reads the letter of version 1; anything unknown is silently a plain bot, as on the portal.
    pub(crate) fn from_letter(letter: &str) -> Self {
        match letter {
            "O" => BotType::OpenLine,
            "H" => BotType::Human,
            "S" => BotType::Supervisor,
            _ => BotType::Plain,
        }
    }

    /// Reads the word of version 2.
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

    /// Whether it hears all that is said where it is, and may read all of it.
    pub(crate) fn receives_all(self) -> bool {
        matches!(self, BotType::Supervisor | BotType::Personal)
    }

    fn row(self) -> (BotType, &'static str, &'static str) {
        let found = TYPES.iter().find(|(kind, _, _)| *kind == self);
        *found.unwrap_or(&TYPES[0])
    }
}

/// How long a bot may answer a command in a dialog, in milliseconds: ten minutes.
pub(crate) const ANSWER_WINDOW_MS: i64 = 600_000;

/// A command of a bot.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) id: u64,
    pub(crate) bot: u64,
    /// Without the slash.
    pub(crate) name: String,
    /// Works everywhere, also where the bot is not.
    pub(crate) common: bool,
    /// Not shown among the suggestions; works all the same.
    pub(crate) hidden: bool,
    pub(crate) extranet: bool,
    /// Title and parameters by language.
    pub(crate) lang: BTreeMap<String, Title>,
}

/// What the suggestion list shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Title {
    pub(crate) title: String,
    pub(crate) params: String,
}

/// A command that was used: the right to answer it.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) command: u64,
    pub(crate) message: u64,
    pub(crate) chat: u64,
    /// Unix milliseconds.
    pub(crate) until: i64,
}

impl Command {
    /// The title in a language, or in any.
    pub(crate) fn title(&self, language: &str) -> Title {
        self.lang
            .get(language)
            .or_else(|| self.lang.values().next())
            .cloned()
            .unwrap_or_default()
    }
}
