//! Numbers as PostgreSQL stores them, with a sign, and texts.

use crate::event::MessageId;
use crate::store::{Conversation, EventId, OrderingKey, Partition, Time};

use super::fence::partition_of;

/// Returns a text for a column: PostgreSQL has no zero character.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns a number for a column of type `bigint`. Ours are far below its limit.
pub(super) fn to_sql(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Returns a number of a column of type `bigint`.
pub(super) fn from_sql(number: i64) -> u64 {
    number.try_into().unwrap_or_default()
}

/// Returns the number of an event for its column.
pub(super) fn event(id: EventId) -> i64 {
    to_sql(id.0)
}

/// Returns a moment for its column.
pub(super) fn time(at: Time) -> i64 {
    to_sql(at.0)
}

/// Returns the id of a message for its column.
pub(super) fn message(id: MessageId) -> i64 {
    to_sql(id.0)
}

/// Returns the moment of a column.
pub(super) fn time_of(at: i64) -> Time {
    Time(from_sql(at))
}

/// Returns the event of a column.
pub(super) fn event_of(id: i64) -> EventId {
    EventId(from_sql(id))
}

/// Returns the partition that the number of an event names.
pub(super) fn partition_of_event(id: EventId) -> Partition {
    let [partition, ..] = id.0.to_le_bytes();
    Partition(partition)
}

/// Returns the partition of an ordering key.
pub(super) fn partition_of_key(key: &OrderingKey) -> Partition {
    partition_of(key.portal())
}

/// Returns the partition of a conversation.
pub(super) fn partition_of_chat(key: &Conversation) -> Partition {
    partition_of(&key.portal)
}

/// Returns a partition for its column.
pub(super) fn partition(partition: Partition) -> i16 {
    partition.0.into()
}
