//! A line: its settings and its queue. See protocol/open-channels.md 8.
//!
//! Settings are stored as `imopenlines.config.get` prints them: as texts.

use serde_json::{Map, Value};

/// Default settings. A real portal also greets the client; here nothing is sent that was not asked
/// for, so `WELCOME_MESSAGE` is off.
const DEFAULTS: [(&str, &str); 32] = [
    ("ACTIVE", "Y"),
    ("CRM", "Y"),
    ("CRM_CREATE", "none"),
    ("CRM_SOURCE", "create"),
    ("CRM_FORWARD", "Y"),
    ("QUEUE_TYPE", "evenly"),
    ("QUEUE_TIME", "60"),
    ("NO_ANSWER_TIME", "60"),
    ("NO_ANSWER_RULE", "none"),
    ("NO_ANSWER_TEXT", ""),
    ("CHECK_AVAILABLE", "N"),
    ("MAX_CHAT", "0"),
    ("TYPE_MAX_CHAT", "answered_new"),
    ("WELCOME_MESSAGE", "N"),
    ("WELCOME_MESSAGE_TEXT", ""),
    ("SEND_WELCOME_EACH_SESSION", "N"),
    ("WELCOME_BOT_ENABLE", "N"),
    ("WELCOME_BOT_JOIN", "always"),
    ("WELCOME_BOT_ID", "0"),
    ("WELCOME_BOT_TIME", "600"),
    ("WELCOME_BOT_LEFT", "queue"),
    ("WORKTIME_ENABLE", "N"),
    ("WORKTIME_FROM", "0"),
    ("WORKTIME_TO", "23.59"),
    ("OPERATOR_DATA", "profile"),
    ("CLOSE_RULE", "none"),
    ("CLOSE_TEXT", ""),
    ("AUTO_CLOSE_RULE", "none"),
    ("AUTO_CLOSE_TIME", "0"),
    ("FULL_CLOSE_TIME", "10"),
    ("VOTE_MESSAGE", "N"),
    ("TEMPORARY", "N"),
];

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: u64,
    settings: Map<String, Value>,
    /// The operators, in their order.
    pub(crate) queue: Vec<u64>,
    /// Index of the next operator in the queue.
    pub(crate) turn: usize,
}

impl Line {
    pub(crate) fn new(id: u64, language: &str) -> Self {
        let mut line = Line {
            id,
            settings: Map::new(),
            queue: Vec::new(),
            turn: 0,
        };
        line.set("LINE_NAME", &format!("Open channel {id}"));
        for (name, value) in DEFAULTS {
            line.set(name, value);
        }
        line.set("LANGUAGE_ID", language);
        line
    }

    /// Returns all settings, in the order they were set.
    pub(crate) fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Changes one setting.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// Returns a setting; empty if it does not exist.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.settings
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.get("LINE_NAME")
    }

    pub(crate) fn is_active(&self) -> bool {
        self.get("ACTIVE") != "N"
    }

    /// Whether clients become leads.
    pub(crate) fn makes_leads(&self) -> bool {
        self.get("CRM") != "N" && self.get("CRM_CREATE") == "lead"
    }

    /// Returns the welcome bot: for every session, or only for a client's first if the line is set
    /// to `first`.
    pub(crate) fn welcome_bot(&self, is_first: bool) -> Option<u64> {
        let joins = self.get("WELCOME_BOT_JOIN") != "first" || is_first;
        let bot = self.get("WELCOME_BOT_ID").parse().ok();
        bot.filter(|bot| *bot > 0 && joins && self.get("WELCOME_BOT_ENABLE") == "Y")
    }

    /// Returns the time until the queue takes over from the bot, in milliseconds; `None` if the
    /// setting is 0.
    pub(crate) fn bot_ms(&self) -> Option<i64> {
        let seconds: i64 = self.get("WELCOME_BOT_TIME").parse().unwrap_or(0);
        (seconds > 0).then_some(seconds * 1000)
    }

    /// Whether the bot stays until the session is closed, rather than until the queue takes over.
    pub(crate) fn bot_stays(&self) -> bool {
        self.get("WELCOME_BOT_LEFT") == "close"
    }

    /// Returns the greeting, if there is one.
    pub(crate) fn greeting(&self, is_first: bool) -> Option<&str> {
        let greets = self.get("WELCOME_MESSAGE") == "Y"
            && (is_first || self.get("SEND_WELCOME_EACH_SESSION") == "Y");
        Some(self.get("WELCOME_MESSAGE_TEXT")).filter(|text| greets && !text.is_empty())
    }

    /// Returns the minutes until a closed session is finally closed, `close_term` of session
    /// events.
    pub(crate) fn close_term(&self) -> u64 {
        self.get("FULL_CLOSE_TIME").parse().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::line::config::*;

    #[test]
    fn a_bot_greets_always_or_only_new_clients() {
        let mut line = Line::new(1, "en");
        assert_eq!(line.welcome_bot(true), None);
        line.set("WELCOME_BOT_ENABLE", "Y");
        line.set("WELCOME_BOT_ID", "101");
        let both = |line: &Line| [line.welcome_bot(true), line.welcome_bot(false)];
        assert_eq!(both(&line), [Some(101), Some(101)]);
        line.set("WELCOME_BOT_JOIN", "first");
        assert_eq!(both(&line), [Some(101), None]);
    }

    #[test]
    fn a_bot_has_ten_minutes_by_default() {
        let mut line = Line::new(1, "en");
        assert_eq!(line.bot_ms(), Some(600_000));
        line.set("WELCOME_BOT_TIME", "0");
        assert_eq!(line.bot_ms(), None);
    }
}
