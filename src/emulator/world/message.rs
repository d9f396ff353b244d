//! A message as the portal stores it.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// Longer texts are cut, as the portal cuts them.
pub(crate) const TEXT_MAX: usize = 20_000;

/// A chat forgets its oldest message when it holds this many.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// What the portal puts at the end of a text it has cut.
const CUT: &str = " (...)";

/// One line of a chat.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) chat: u64,
    /// `0` for the portal itself.
    pub(crate) author: u64,
    pub(crate) text: String,
    /// Unix milliseconds.
    pub(crate) date: i64,
    pub(crate) system: bool,
    pub(crate) edited: bool,
    pub(crate) deleted: bool,
    pub(crate) url_preview: bool,
    pub(crate) rich: Rich,
    pub(crate) refs: Refs,
    /// In the order in which they were set.
    pub(crate) reactions: Vec<Reaction>,
}

/// What a message refers to, and what refers to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refs {
    /// The `templateId` it was sent with, or empty.
    pub(crate) uuid: String,
    /// The message it quotes.
    pub(crate) reply: Option<u64>,
    /// The message it repeats from elsewhere.
    pub(crate) forward: Option<Forward>,
    /// The ids of the files that hang on it.
    pub(crate) files: Vec<u64>,
    /// What it is to a client outside, in a chat of an open channel.
    pub(crate) outside: Outside,
}

impl Refs {
    /// A message that goes so far on its way out.
    pub(crate) fn of(state: OutsideState) -> Refs {
        let outside = Outside {
            state,
            ..Outside::default()
        };
        Refs {
            outside,
            ..Refs::default()
        }
    }
}

/// A message as the messenger beyond an open channel knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Its numbers there; one message may have become several.
    pub(crate) ids: Vec<String>,
    pub(crate) state: OutsideState,
}

/// How far a message is on its way out.
#[derive(Clone, Debug, Copy, Default, PartialEq, Eq)]
pub(crate) enum OutsideState {
    /// It is nobody's business outside, or it is not decided yet.
    #[default]
    Inside,
    /// It is to go out although the portal itself says it.
    Important,
    /// It stays here: a whisper, or a session in silent mode.
    Silent,
    /// It stays here, as `SKIP_CONNECTOR` asked.
    Skipped,
    /// It came from outside.
    Received,
    /// The connector has been told; nobody knows whether the client has.
    Sending,
    /// The connector has confirmed it.
    Delivered,
}

impl OutsideState {
    /// The send flag that says so in events.
    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            OutsideState::Silent => Some("SILENT_CONNECTOR"),
            OutsideState::Skipped => Some("SKIP_CONNECTOR"),
            OutsideState::Important => Some("IMPORTANT_CONNECTOR"),
            OutsideState::Inside
            | OutsideState::Received
            | OutsideState::Sending
            | OutsideState::Delivered => None,
        }
    }

    /// Its name on the page and in tests.
    pub(crate) fn word(self) -> &'static str {
        match self {
            OutsideState::Inside | OutsideState::Important => "inside",
            OutsideState::Silent | OutsideState::Skipped => "silent",
            OutsideState::Received => "came",
            OutsideState::Sending => "sending",
            OutsideState::Delivered => "delivered",
        }
    }
}

/// Where a forwarded message came from.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) chat: u64,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

impl Message {
    /// Who likes it.
    pub(crate) fn likes(&self) -> Vec<u64> {
        let likes = self.reactions.iter().filter(|set| set.code == LIKE);
        likes.map(|set| set.user).collect()
    }
}

/// What may hang on a message, in the full form of the documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rich {
    pub(crate) keyboard: Option<Value>,
    pub(crate) attach: Option<Value>,
    pub(crate) menu: Option<Value>,
}

/// The text that is stored for a text that was sent.
pub(crate) fn stored(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::message::*;

    #[test]
    fn long_text_is_cut_at_a_character_and_says_so() {
        let cut = stored(&"ж".repeat(TEXT_MAX + 5));
        assert_eq!(cut.chars().count(), TEXT_MAX + CUT.len());
        assert!(cut.ends_with("ж (...)"));
        assert_eq!(stored("short"), "short");
    }
}

/// The reaction that version 1 knows as well.
pub(crate) const LIKE: &str = "like";

/// Who has reacted to a message, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Such as `like` or `faceWithTearsOfJoy`.
    pub(crate) code: String,
    pub(crate) user: u64,
}

/// The codes of page `messages/chat-message-reaction-add.md`, which says that the list may change.
#[rustfmt::skip]
pub(crate) const CODES: [&str; 48] = [
    LIKE, "dislike", "faceWithTearsOfJoy", "redHeart", "neutralFace", "fire", "cry", "slightlySmilingFace",
    "winkingFace", "laugh", "kiss", "wonder", "slightlyFrowningFace", "loudlyCryingFace", "faceWithStuckOutTongue",
    "faceWithStuckOutTongueAndWinkingEye", "smilingFaceWithSunglasses", "confusedFace", "flushedFace", "thinkingFace",
    "angry", "smilingFaceWithHorns", "faceWithThermometer", "facepalm", "poo", "flexedBiceps", "clappingHands",
    "raisedHand", "smilingFaceWithHeartEyes", "smilingFaceWithHearts", "pleadingFace", "relievedFace", "foldedHands",
    "okHand", "signHorns", "loveYouGesture", "clownFace", "partyingFace", "questionMark", "exclamationMark",
    "lightBulb", "bomb", "sleepingSymbol", "crossMark", "whiteHeavyCheckMark", "eyes", "handshake", "hundredPoints",
];

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
