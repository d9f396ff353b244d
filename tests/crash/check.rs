//! Compares the acknowledged messages with the replies that people saw.

use std::collections::HashSet;
use std::fmt;

use super::relay::ForwardResult;

/// The messages and replies of a chat.
pub(crate) struct Chat<'a> {
    /// Whether the portal recognises repeats of this bot's replies.
    pub(crate) is_deduplicated: bool,
    /// The messages in the order they were sent.
    pub(crate) sent: &'a [(String, ForwardResult)],
    /// The bot's replies in the order of the chat: the number of the turn, and the message.
    pub(crate) replies: Vec<&'a str>,
}

/// The findings in all chats.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Whether everything had time to be answered, so that an unanswered message is lost.
    is_final: bool,
    acknowledged: usize,
    /// Number of messages that the program may have accepted or not.
    unknown: usize,
    replies: usize,
    /// Number of acknowledged messages without a reply.
    pub(crate) lost: usize,
    /// Number of turns whose number does not follow the one before: a turn was applied twice, or
    /// its reply is lost.
    applied_twice: usize,
    /// Number of messages that were answered before an earlier one.
    out_of_order: usize,
    /// Number of repeated replies in a chat.
    doubled: usize,
    /// Number of repeated replies in chats where the portal recognises repeats.
    doubled_despite_id: usize,
}

impl Findings {
    /// Returns the findings at the end of a run, in which an unanswered message counts as lost.
    pub(crate) fn at_the_end(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }

    /// Returns true if a promise is broken. A repeated reply is allowed where the portal does not
    /// recognise repeats.
    pub(crate) fn is_wrong(&self) -> bool {
        self.applied_twice + self.out_of_order + self.doubled_despite_id > 0
            || (self.is_final && self.lost > 0)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages acknowledged, {} unknown, {} replies: \
             {} lost, {} applied twice, {} out of order, {} doubled where the portal recognises repeats, \
             {} doubled elsewhere",
            self.acknowledged,
            self.unknown,
            self.replies,
            self.lost,
            self.applied_twice,
            self.out_of_order,
            self.doubled_despite_id,
            self.doubled - self.doubled_despite_id,
        )
    }
}

pub(crate) fn check<'a>(chats: impl Iterator<Item = Chat<'a>>) -> Findings {
    let mut found = Findings::default();
    for chat in chats {
        let mut seen = HashSet::new();
        let is_unknown = |(_, result): &&(String, ForwardResult)| *result == ForwardResult::Unknown;
        let unknown = chat.sent.iter().filter(is_unknown);
        let unknown: HashSet<&str> = unknown.map(|(text, _)| text.as_str()).collect();
        let (mut last_turn, mut last_message) = (0, 0);
        for reply in &chat.replies {
            let (turn, message) = reply.split_once(' ').unwrap_or((reply, ""));
            let number = |text: &str| text.parse::<u64>().unwrap_or(0);
            if !seen.insert(message) {
                found.doubled += 1;
                found.doubled_despite_id += usize::from(chat.is_deduplicated);
                continue;
            }
            found.applied_twice += usize::from(number(turn) != last_turn + 1);
            last_turn = number(turn);
            // A message that was not acknowledged may arrive late: the process that it reached may
            // have died before its commit was finished by the server of the store.
            if unknown.contains(message) {
                continue;
            }
            found.out_of_order += usize::from(number(message) <= last_message);
            last_message = number(message);
        }
        found.replies += seen.len();
        for (text, result) in chat.sent {
            match result {
                ForwardResult::Acknowledged => {
                    found.acknowledged += 1;
                    found.lost += usize::from(!seen.contains(text.as_str()));
                }
                ForwardResult::Unknown => found.unknown += 1,
            }
        }
    }
    found
}
