//! Slash commands and the right to answer them.

use std::collections::BTreeMap;

/// How long a bot may answer a command in a dialog, in milliseconds: ten minutes.
pub(crate) const ANSWER_WINDOW_MS: i64 = 600_000;

/// A command of a bot.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone, Default)]
pub(crate) struct Title {
    pub(crate) title: String,
    pub(crate) params: String,
}

/// A command that was used: the right to answer it.
#[derive(Debug, Clone)]
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
