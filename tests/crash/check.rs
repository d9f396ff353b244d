//! What was acknowledged against what people saw.

use std::collections::HashSet;
use std::fmt;

use super::relay::Fate;

/// What happened in one chat.
pub(crate) struct Chat<'a> {
    /// Whether the portal knows repeats of what this bot says.
    pub(crate) is_once: bool,
    /// The messages in the order they were sent.
    pub(crate) sent: &'a [(String, Fate)],
    /// The bot's replies in the order they stand in the chat: the number of the turn, and the message.
    pub(crate) replies: Vec<&'a str>,
}

/// What was found in all chats.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kills: u64,
    /// How often the program died by itself.
    deaths: u64,
    acknowledged: usize,
    /// Messages of which nobody knows whether they were taken in.
    unknown: usize,
    replies: usize,
    /// Acknowledged, and never answered.
    pub(crate) lost: usize,
    /// Turns whose number does not follow on the one before: a step was applied twice, or its reply is lost.
    twice: usize,
    /// Answered before one that was sent before.
    out_of_order: usize,
    /// Replies that stand in a chat more than once.
    doubled: usize,
    /// Of those, where the portal knows repeats.
    doubled_once: usize,
}

impl Findings {
    /// The same, at the end of so many lives: what is unanswered now is lost.
    pub(crate) fn after(self, kills: u64, deaths: u64) -> Findings {
        Findings {
            kills,
            deaths,
            ..self
        }
    }

    /// Whether a promise is broken. A doubled reply is none where the portal does not know repeats.
    pub(crate) fn is_wrong(&self) -> bool {
        self.twice + self.out_of_order + self.doubled_once > 0 || (self.kills > 0 && self.lost > 0)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} of them from inside; {} messages acknowledged, {} in doubt, {} replies: \
             {} lost, {} applied twice, {} out of order, {} doubled where the portal knows repeats, {} doubled elsewhere",
            self.kills,
            self.deaths,
            self.acknowledged,
            self.unknown,
            self.replies,
            self.lost,
            self.twice,
            self.out_of_order,
            self.doubled_once,
            self.doubled - self.doubled_once,
        )
    }
}

pub(crate) fn check<'a>(chats: impl Iterator<Item = Chat<'a>>) -> Findings {
    let mut found = Findings::default();
    for chat in chats {
        let mut seen = HashSet::new();
        let (mut last_turn, mut last_message) = (0, 0);
        for reply in &chat.replies {
            let (turn, message) = reply.split_once(' ').unwrap_or((reply, ""));
            let number = |text: &str| text.parse::<u64>().unwrap_or(0);
            if !seen.insert(message) {
                found.doubled += 1;
                found.doubled_once += usize::from(chat.is_once);
                continue;
            }
            found.twice += usize::from(number(turn) != last_turn + 1);
            found.out_of_order += usize::from(number(message) <= last_message);
            (last_turn, last_message) = (number(turn), number(message));
        }
        found.replies += seen.len();
        for (text, fate) in chat.sent {
            match fate {
                Fate::Acknowledged => {
                    found.acknowledged += 1;
                    found.lost += usize::from(!seen.contains(text.as_str()));
                }
                Fate::Unknown => found.unknown += 1,
            }
        }
    }
    found
}
