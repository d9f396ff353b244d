//! What is stored of a broadcast: the job with its counts, an operator's decision, and a mark for
//! each chat.

use serde::{Deserialize, Serialize};

use crate::event::DialogId;
use crate::handler::BroadcastOrder;
use crate::store::{Conversation, EventId, Time};

/// The part with the job.
pub(in crate::engine) const JOB: &str = "job";

/// The part with an operator's decision.
pub(super) const CONTROL: &str = "control";

/// What the names of the parts with the marks begin with.
const MARK: &str = "to/";

/// Returns the key of a chat's mark. It ends with the person of a private chat, so it is forgotten
/// with them.
pub(super) fn mark_key(broadcast: &Conversation, dialog: &DialogId) -> Conversation {
    broadcast.part(&format!("{MARK}{dialog}"))
}

/// Returns the chat whose mark this is.
pub(super) fn marked_dialog(key: &Conversation) -> Option<DialogId> {
    let (_, name) = key.as_part()?;
    Some(DialogId::new(name.strip_prefix(MARK)?))
}

/// The number of chats by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BroadcastCounts {
    /// Chats that got the message.
    pub sent: u64,
    /// Chats whose message the portal has refused.
    pub refused: u64,
    /// Chats that were left out.
    pub skipped: u64,
}

impl BroadcastCounts {
    /// Returns the number of all chats that are done.
    pub fn done(&self) -> u64 {
        self.sent + self.refused + self.skipped
    }

    fn add(&mut self, result: &ChatResult) {
        match result {
            ChatResult::Sent => self.sent += 1,
            ChatResult::Refused(_) => self.refused += 1,
            ChatResult::Skipped(_) => self.skipped += 1,
        }
    }
}

/// What became of a broadcast in one chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatResult {
    /// The portal has the message.
    Sent,
    /// The portal has refused the message, with this code. The chat may be gone.
    Refused(String),
    /// The chat was left out.
    Skipped(SkipReason),
}

/// Why a chat was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// An operator has this chat of an open channel.
    Operator,
    /// The bot is paused there.
    Paused,
    /// The broadcast was cancelled.
    Cancelled,
    /// The queue of the chat waits for an operator's decision about a dead letter.
    Blocked,
    /// The chat was forgotten meanwhile, or its turn failed.
    Forgotten,
    /// The message was dropped: the bot is not in the chat any more, or the message may have been
    /// sent already and is not to be sent twice.
    Dropped,
}

/// An operator's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Control {
    Pause,
    Cancel,
}

/// The mark of a chat: its message is committed, or will not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The event whose turn has committed the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<EventId>,
    /// The result, if the message was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<ChatResult>,
}

impl Mark {
    pub(super) fn committed(event: EventId) -> Self {
        let event = Some(event);
        Self {
            event,
            result: None,
        }
    }

    pub(super) fn of(result: ChatResult) -> Self {
        let result = Some(result);
        Self {
            event: None,
            result,
        }
    }
}

/// A broadcast, as its job has stored it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Record {
    pub(super) order: BroadcastOrder,
    pub(super) begun: Time,
    /// The event of the job, when it has made its first step.
    pub(super) event: Option<EventId>,
    /// The number of chats when it began.
    pub(super) total: Option<u64>,
    /// The last chat that was asked.
    pub(super) cursor: Option<DialogId>,
    /// Whether all chats were asked.
    pub(super) is_listed: bool,
    /// The chats that were asked, and whose result is not counted.
    pub(super) outstanding: Vec<DialogId>,
    pub(super) counts: BroadcastCounts,
    /// Whether the message that shows the progress exists.
    pub(super) is_announced: bool,
    pub(super) is_cancelled: bool,
    pub(super) ended: Option<Time>,
}

impl Record {
    pub(in crate::engine) fn new(order: BroadcastOrder, begun: Time) -> Self {
        Self {
            order,
            begun,
            event: None,
            total: None,
            cursor: None,
            is_listed: false,
            outstanding: Vec::new(),
            counts: BroadcastCounts::default(),
            is_announced: false,
            is_cancelled: false,
            ended: None,
        }
    }

    /// Counts results of chats that are outstanding. Another result of a chat is not counted again.
    pub(super) fn count(&mut self, results: Vec<(DialogId, ChatResult)>) {
        for (dialog, result) in results {
            let place = self.outstanding.iter().position(|other| *other == dialog);
            if let Some(place) = place {
                self.outstanding.swap_remove(place);
                self.counts.add(&result);
            }
        }
    }

    /// Returns true if nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        (self.is_listed || self.is_cancelled) && self.outstanding.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::broadcasts::record::*;
    use crate::engine::part_rows::{read, row};
    use crate::event::{BotId, BotRef, MemberId};
    use crate::handler::Audience;

    #[test]
    fn a_result_is_counted_once() {
        let order = BroadcastOrder {
            bot: BotRef {
                id: BotId(7),
                code: "news".to_owned(),
            },
            name: "sale".to_owned(),
            audience: Audience::all(),
            params: serde_json::Map::new(),
            progress: None,
        };
        let mut record = Record::new(order, Time(1));
        let dialog = |number: u64| DialogId::new(number.to_string());
        record.outstanding = (1..=3).map(dialog).collect();
        record.is_listed = true;
        record.count(vec![
            (dialog(1), ChatResult::Sent),
            (dialog(1), ChatResult::Sent),
            (dialog(2), ChatResult::Refused("GONE".to_owned())),
            (dialog(9), ChatResult::Sent),
        ]);
        assert_eq!((record.counts.sent, record.counts.refused), (1, 1));
        assert!(!record.is_over());
        record.count(vec![(dialog(3), ChatResult::Skipped(SkipReason::Operator))]);
        assert!(record.is_over() && record.counts.done() == 3);
        assert_eq!(read(&row(&record)), Some(record));
    }

    #[test]
    fn a_mark_names_its_chat() {
        let key = Conversation::of_broadcast(MemberId::new("p"), BotId(7), "spring sale");
        for dialog in ["27", "chat142"].map(DialogId::from) {
            let mark = mark_key(&key, &dialog);
            assert_eq!(marked_dialog(&mark), Some(dialog));
            assert_eq!(mark.whole(), key);
        }
        assert_eq!(marked_dialog(&key.part(JOB)), None);
    }
}
