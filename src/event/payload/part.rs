//! Reads values from the maps of a payload; missing and empty values are `None`.

use std::str::FromStr;

use crate::event::{DecodeError, Node};

impl<'t> Node<'t> {
    /// The map under `key`; `None` for a bare word, such as `undefined` in tasks.
    pub(super) fn map_at(self, key: &str) -> Option<Node<'t>> {
        self.get(key).filter(|node| node.is_map())
    }

    /// The map under `key`, or an error if it is missing.
    pub(super) fn required_map(self, key: &str) -> Result<Node<'t>, DecodeError> {
        self.map_at(key).ok_or_else(|| self.missing(key))
    }

    /// The text under `key`.
    pub(super) fn string_at(self, key: &str) -> Option<String> {
        Some(self.get(key)?.filled()?.into_owned())
    }

    /// The text under `key`, or an error if it is missing.
    pub(super) fn required_string(self, key: &str) -> Result<String, DecodeError> {
        self.string_at(key).ok_or_else(|| self.missing(key))
    }

    /// The number under `key`.
    pub(super) fn number_at<T: FromStr>(self, key: &str) -> Result<Option<T>, DecodeError> {
        self.get(key).map_or(Ok(None), Node::number)
    }

    /// The number under `key`, or an error if it is missing.
    pub(super) fn required_number<T: FromStr>(self, key: &str) -> Result<T, DecodeError> {
        self.number_at(key)?.ok_or_else(|| self.missing(key))
    }

    /// The boolean under `key`.
    pub(super) fn flag_at(self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// The items of the list under `key`; a single item may have no list around it.
    pub(super) fn items_at(self, key: &str) -> Vec<Node<'t>> {
        let Some(list) = self.map_at(key) else {
            return Vec::new();
        };
        let is_number = |key: &str| key.bytes().all(|digit| digit.is_ascii_digit());
        if list.entries().all(|(key, _)| is_number(&key)) {
            list.values().collect()
        } else {
            vec![list]
        }
    }

    /// The texts of the list under `key`; a single text may have no list around it.
    pub(super) fn strings_at(self, key: &str) -> Vec<String> {
        let text = |node: Node<'_>| node.filled().map(String::from);
        match self.map_at(key) {
            Some(list) => list.values().filter_map(text).collect(),
            None => self.string_at(key).into_iter().collect(),
        }
    }
}
