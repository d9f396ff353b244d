//! A message as the portal stores it.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// Maximum length of a text, in characters; longer ones are cut, as on the portal.
pub(crate) const TEXT_MAX: usize = 20_000;

/// Maximum number of messages in a chat; beyond it the oldest is dropped.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// The mark the portal adds to a text it has cut.
const CUT: &str = " (...)";

/// A message of a chat.
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

/// References of a message to other objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refs {
    /// The `templateId` it was sent with, or empty.
    pub(crate) uuid: String,
    /// The message it replies to.
    pub(crate) reply: Option<u64>,
    /// The message it forwards.
    pub(crate) forward: Option<Forward>,
    /// The ids of its files.
    pub(crate) files: Vec<u64>,
    /// Its state at the client, in a chat of an open channel.
    pub(crate) outside: Outside,
}

impl Refs {
    /// Returns references with this state outside.
    pub(crate) fn of(state: OutsideState) -> Self {
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

/// A message as the messenger of an open channel knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Its ids there; one message may have become several.
    pub(crate) ids: Vec<String>,
    pub(crate) state: OutsideState,
}

/// The state of a message outside.
#[derive(Clone, Debug, Copy, Default, PartialEq, Eq)]
pub(crate) enum OutsideState {
    /// It is not sent outside, or this is not decided yet.
    #[default]
    Inside,
    /// A system message that is sent outside.
    Important,
    /// It is kept from the client: a whisper, or a session in silent mode.
    Silent,
    /// It is kept from the client, because of `SKIP_CONNECTOR`.
    Skipped,
    /// It was received from outside.
    Received,
    /// It was sent to the connector, which has not confirmed it.
    Sending,
    /// The connector has confirmed it.
    Delivered,
}

impl OutsideState {
    /// Returns the send flag for it in events.
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

    /// Returns its name on the page and in tests.
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

/// The origin of a forwarded message.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) chat: u64,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

impl Message {
    /// Returns the users who like it.
    pub(crate) fn likes(&self) -> Vec<u64> {
        let likes = self.reactions.iter().filter(|set| set.code == LIKE);
        likes.map(|set| set.user).collect()
    }
}

/// The parts of a message besides its text, in the full form of the documentation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rich {
    pub(crate) keyboard: Option<Value>,
    pub(crate) attach: Option<Value>,
    pub(crate) menu: Option<Value>,
}

/// Returns a text as it is stored.
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

/// The reaction that v1 has as well.
pub(crate) const LIKE: &str = "like";

/// A reaction of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Such as `like` or `faceWithTearsOfJoy`.
    pub(crate) code: String,
    pub(crate) user: u64,
}

/// The codes of page
/// `b24restdocs:
/// api-reference/chat-bots/chat-bots-v2/imbot.v2/messages/chat-message-reaction-add.md`, according
/// to which the list may change.
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

/// Maximum number of template ids; the portal keeps them for about 31 days.
const TEMPLATES_MAX: usize = 200_000;

/// The messages sent with a template id, by bot and id.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    messages: HashMap<(u64, String), u64>,
    oldest_first: VecDeque<(u64, String)>,
}

impl Templates {
    /// Returns the message that a bot has sent with this id.
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
