//! A bounded map that keeps the newest entries.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::quality::RandomState;

/// Minimum number of occurrences that are kept to recognise repeats, and of ids of messages. Up to
/// twice as many are kept.
pub const SEEN_MAX: usize = 200_000;

/// A map in two generations. When the younger is full, the older is dropped.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Inserts a value. Returns true if the key is new.
    pub(super) fn insert(&mut self, key: K, value: V) -> bool {
        if self.old.contains_key(&key) || self.young.insert(key, value).is_some() {
            return false;
        }
        if self.young.len() >= SEEN_MAX {
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear(); // keeps the allocation
        }
        true
    }

    /// Removes all entries whose key is not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| keep(key));
        self.old.retain(|key, _| keep(key));
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
        }
    }
}
