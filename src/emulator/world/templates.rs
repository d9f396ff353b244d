//! The `templateId`s under which bots have sent messages, by which a repeat is known.

use std::collections::{HashMap, VecDeque};

/// How many are kept; the portal keeps them for about 31 days.
const TEMPLATES_MAX: usize = 200_000;

/// What was sent as what: a bot and an id of its own, and the message.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    messages: HashMap<(u64, String), u64>,
    oldest_first: VecDeque<(u64, String)>,
}

impl Templates {
    /// The message that a bot has sent under this id.
    pub(crate) fn message(&self, bot: u64, template: &str) -> Option<u64> {
        self.messages.get(&(bot, template.to_owned())).copied()
    }

    pub(crate) fn keep(&mut self, bot: u64, template: &str, message: u64) {
        let key = (bot, template.to_owned());
        self.messages.insert(key.clone(), message);
        self.oldest_first.push_back(key);
        if self.oldest_first.len() > TEMPLATES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.messages.remove(&oldest);
        }
    }
}
