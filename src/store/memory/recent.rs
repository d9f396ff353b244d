//! What came of late, with a bound: older entries are forgotten first.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::quality::RandomState;

/// How many occurrences are remembered at least, to tell repeats, and how many numbers of messages; up to twice as many
/// are kept.
pub const SEEN_MAX: usize = 200_000;

/// Two generations: when the younger is full, the older is dropped.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a value in, and tells whether there was none.
    pub(super) fn put(&mut self, key: K, value: V) -> bool {
        if self.old.contains_key(&key) || self.young.insert(key, value).is_some() {
            return false;
        }
        if self.young.len() >= SEEN_MAX {
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear(); // its room stays
        }
        true
    }

    /// Forgets what is not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| keep(key));
        self.old.retain(|key, _| keep(key));
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Recent<K, V> {
        Recent {
            young: HashMap::default(),
            old: HashMap::default(),
        }
    }
}
