//! Reading the parts of a payload: what is missing is nothing, and so is what is empty.

use std::str::FromStr;

use crate::event::{DecodeError, Node};

impl<'t> Node<'t> {
    /// The map under `key`; none where a bare word stands, such as the `undefined` of tasks.
    pub(super) fn part(self, key: &str) -> Option<Node<'t>> {
        self.get(key).filter(|node| node.is_map())
    }

    /// The map under `key`, without which the event has no meaning.
    pub(super) fn needed_part(self, key: &str) -> Result<Node<'t>, DecodeError> {
        self.part(key).ok_or_else(|| self.missing(key))
    }

    /// The text under `key`.
    pub(super) fn word(self, key: &str) -> Option<String> {
        Some(self.get(key)?.filled()?.into_owned())
    }

    /// The text under `key`, without which the event has no meaning.
    pub(super) fn needed_word(self, key: &str) -> Result<String, DecodeError> {
        self.word(key).ok_or_else(|| self.missing(key))
    }

    /// The number under `key`.
    pub(super) fn figure<T: FromStr>(self, key: &str) -> Result<Option<T>, DecodeError> {
        self.get(key).map_or(Ok(None), Node::number)
    }

    /// The number under `key`, without which the event has no meaning.
    pub(super) fn needed<T: FromStr>(self, key: &str) -> Result<T, DecodeError> {
        self.figure(key)?.ok_or_else(|| self.missing(key))
    }

    /// The yes or no under `key`.
    pub(super) fn yes(self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// The items of the list under `key`; a single one may stand there without its list.
    pub(super) fn items(self, key: &str) -> Vec<Node<'t>> {
        let Some(list) = self.part(key) else {
            return Vec::new();
        };
        let is_number = |key: &str| key.bytes().all(|digit| digit.is_ascii_digit());
        if list.entries().all(|(key, _)| is_number(&key)) {
            list.values().collect()
        } else {
            vec![list]
        }
    }

    /// The texts of the list under `key`; a single one may stand there without its list.
    pub(super) fn words(self, key: &str) -> Vec<String> {
        let text = |node: Node<'_>| node.filled().map(String::from);
        match self.part(key) {
            Some(list) => list.values().filter_map(text).collect(),
            None => self.word(key).into_iter().collect(),
        }
    }
}
