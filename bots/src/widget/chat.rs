//! The messages of one visitor's chat: a bounded list with versions.
//!
//! An entry has a number, which is constant, and a version, which grows with each change. Both come
//! from one counter, so a reader that knows the chat up to a version gets all new and changed
//! entries by asking for those above it.

use serde::{Deserialize, Serialize};

/// Maximum number of messages in a chat. Older ones are deleted.
pub const MESSAGES_MAX: usize = 200;

/// A message as it is stored, and as it is sent to the visitor's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) version: u64,
    pub(super) by: By,
    /// The id of the message on its own side. A message with a known key is a repeat.
    pub(super) key: String,
    /// The author, if the line names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<String>,
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<File>,
    /// The time when it was written, in milliseconds since the Unix epoch.
    pub(super) at: u64,
    pub(super) state: State,
}

/// The side that wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    Visitor,
    /// An operator or a bot.
    Line,
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is stored.
    #[serde(rename = "kept")]
    Stored,
    /// The line has accepted it.
    #[serde(rename = "taken")]
    Delivered,
    /// The line has refused it.
    Refused,
    /// The line has edited it.
    Edited,
    /// The line has deleted it.
    Deleted,
}

/// A file of a message, by its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
}

impl Entry {
    /// Returns a message that is written now.
    pub(super) fn new(by: By, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            number: 0,
            version: 0,
            by,
            key: key.into(),
            author: None,
            text: text.into(),
            files: Vec::new(),
            at: now(),
            state: State::Stored,
        }
    }
}

/// The chat of one visitor on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Chat {
    /// The messages, in the order of their numbers.
    entries: Vec<Entry>,
    /// The newest version.
    last: u64,
}

impl Chat {
    /// Returns the chat with these entries. The last version of each counts.
    pub(super) fn from_versions(versions: impl IntoIterator<Item = Entry>) -> Self {
        let mut chat = Self::default();
        for entry in versions {
            chat.insert(entry);
        }
        chat
    }

    /// Returns an entry with the next version, and with a number if it is new. The counter follows
    /// the clock, so that it also grows for pages that know a chat which has been deleted here.
    pub(super) fn with_version(&self, mut entry: Entry) -> Entry {
        entry.version = now().max(self.last + 1);
        if entry.number == 0 {
            entry.number = entry.version;
        }
        entry
    }

    /// Inserts an entry, or replaces its earlier version.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.last = self.last.max(entry.version);
        match self
            .entries
            .binary_search_by_key(&entry.number, |it| it.number)
        {
            Ok(index) => self.entries[index] = entry,
            Err(index) => self.entries.insert(index, entry),
        }
        if self.entries.len() > MESSAGES_MAX {
            self.entries.remove(0);
        }
    }

    /// Returns the entries, in the order of their numbers.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the message of one side with this key.
    pub(super) fn find(&self, by: By, key: &str) -> Option<&Entry> {
        let mut newest = self.entries.iter().rev();
        newest.find(|entry| entry.by == by && entry.key == key)
    }

    /// Returns the entries that are new or changed since a version, in the order of the changes.
    pub(super) fn since(&self, version: u64) -> Vec<Entry> {
        let is_new = |entry: &&Entry| entry.version > version;
        let mut new: Vec<Entry> = self.entries.iter().filter(is_new).cloned().collect();
        new.sort_by_key(|entry| entry.version);
        new
    }

    /// Returns the number of messages that the visitor has sent since a time.
    pub(super) fn sent_since(&self, at: u64) -> usize {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.by == By::Visitor && entry.at > at)
            .count()
    }
}

/// Returns the current time, in milliseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(chat: &mut Chat, key: &str) -> u64 {
        let entry = chat.with_version(Entry::new(By::Visitor, key, "hi"));
        let number = entry.number;
        chat.insert(entry);
        number
    }

    #[test]
    fn changes_come_in_order_and_keep_the_number_of_the_message() {
        let mut chat = Chat::default();
        let first = send(&mut chat, "a");
        let second = send(&mut chat, "b");
        let mut changed = chat.find(By::Visitor, "a").unwrap().clone();
        changed.state = State::Delivered;
        let changed = chat.with_version(changed);
        chat.insert(changed);
        let new: Vec<_> = chat.since(second).iter().map(|it| it.number).collect();
        assert_eq!(new, [first]);
        let all: Vec<_> = chat.since(0).iter().map(|it| it.number).collect();
        assert_eq!(all, [second, first]);
        assert!(chat.find(By::Line, "a").is_none());
    }

    #[test]
    fn the_oldest_messages_are_deleted() {
        let mut chat = Chat::default();
        for key in 0..=MESSAGES_MAX {
            send(&mut chat, &key.to_string());
        }
        assert_eq!(chat.entries().len(), MESSAGES_MAX);
        assert!(chat.find(By::Visitor, "0").is_none());
        assert_eq!(chat.sent_since(0), MESSAGES_MAX);
    }
}
