//! What was written in one visitor's chat: a list that is bounded, and told by versions.
//!
//! An entry has a number, which stays, and a version, which grows with each change. Both come from one count, so whoever
//! knows the chat up to a version gets what is new and what has changed by asking for all that is above it.

use serde::{Deserialize, Serialize};

/// How many messages of a chat are kept; older ones are forgotten.
pub const MESSAGES_MAX: usize = 200;

/// A message as it is kept, and as the visitor's page gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) version: u64,
    pub(super) by: By,
    /// By what it is known where it was written: what comes again under it is the same message.
    pub(super) key: String,
    /// Who wrote it, where the line tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<String>,
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<File>,
    /// When it was written, in milliseconds of the clock.
    pub(super) at: u64,
    pub(super) state: State,
}

/// On which side a message was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    Visitor,
    /// An operator or a bot.
    Line,
}

/// How a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is written down.
    Kept,
    /// The line has taken it.
    Taken,
    /// The line does not take it.
    Refused,
    /// The line has changed it.
    Edited,
    /// The line has taken it back.
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
    /// A message that is written now.
    pub(super) fn new(by: By, key: impl Into<String>, text: impl Into<String>) -> Entry {
        Entry {
            number: 0,
            version: 0,
            by,
            key: key.into(),
            author: None,
            text: text.into(),
            files: Vec::new(),
            at: now(),
            state: State::Kept,
        }
    }
}

/// The chat of one visitor on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    /// In the order of their numbers.
    entries: Vec<Entry>,
    last: u64,
}

impl Talk {
    /// Those that a file holds: the last version of each counts.
    pub(super) fn of(versions: impl IntoIterator<Item = Entry>) -> Talk {
        let mut talk = Talk::default();
        for entry in versions {
            talk.put(entry);
        }
        talk
    }

    /// Gives an entry the next version, and a number if it is new. The count follows the clock, so that it goes on growing
    /// for pages that know a chat which is forgotten here.
    pub(super) fn counted(&self, mut entry: Entry) -> Entry {
        entry.version = now().max(self.last + 1);
        if entry.number == 0 {
            entry.number = entry.version;
        }
        entry
    }

    /// Takes an entry in, in the place of its earlier version.
    pub(super) fn put(&mut self, entry: Entry) {
        self.last = self.last.max(entry.version);
        match self
            .entries
            .binary_search_by_key(&entry.number, |it| it.number)
        {
            Ok(place) => self.entries[place] = entry,
            Err(place) => self.entries.insert(place, entry),
        }
        if self.entries.len() > MESSAGES_MAX {
            self.entries.remove(0);
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The message that one side knows by this.
    pub(super) fn find(&self, by: By, key: &str) -> Option<&Entry> {
        let mut newest = self.entries.iter().rev();
        newest.find(|entry| entry.by == by && entry.key == key)
    }

    /// What is new or changed since a version, in the order in which it became so.
    pub(super) fn since(&self, version: u64) -> Vec<Entry> {
        let is_new = |entry: &&Entry| entry.version > version;
        let mut new: Vec<Entry> = self.entries.iter().filter(is_new).cloned().collect();
        new.sort_by_key(|entry| entry.version);
        new
    }

    /// How many messages the visitor has written since a moment.
    pub(super) fn written_since(&self, at: u64) -> usize {
        let entries = self.entries.iter();
        entries
            .filter(|entry| entry.by == By::Visitor && entry.at > at)
            .count()
    }
}

/// Milliseconds of the clock.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(talk: &mut Talk, key: &str) -> u64 {
        let entry = talk.counted(Entry::new(By::Visitor, key, "hi"));
        let number = entry.number;
        talk.put(entry);
        number
    }

    #[test]
    fn a_change_is_told_after_what_came_before_it_and_keeps_its_number() {
        let mut talk = Talk::default();
        let first = says(&mut talk, "a");
        let second = says(&mut talk, "b");
        let mut changed = talk.find(By::Visitor, "a").unwrap().clone();
        changed.state = State::Taken;
        let changed = talk.counted(changed);
        talk.put(changed);
        let new: Vec<_> = talk.since(second).iter().map(|it| it.number).collect();
        assert_eq!(new, [first]);
        let all: Vec<_> = talk.since(0).iter().map(|it| it.number).collect();
        assert_eq!(all, [second, first]);
        assert!(talk.find(By::Line, "a").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut talk = Talk::default();
        for key in 0..=MESSAGES_MAX {
            says(&mut talk, &key.to_string());
        }
        assert_eq!(talk.entries().len(), MESSAGES_MAX);
        assert!(talk.find(By::Visitor, "0").is_none());
        assert_eq!(talk.written_since(0), MESSAGES_MAX);
    }
}
