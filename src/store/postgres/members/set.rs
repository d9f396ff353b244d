//! A set of partitions, which is written as 64 hexadecimal digits.

use std::fmt;

use crate::store::Partition;

/// A set of partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionSet([u64; 4]);

impl PartitionSet {
    /// All partitions.
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn insert(&mut self, partition: Partition) {
        self.0[usize::from(partition.0 / 64)] |= 1 << (partition.0 % 64);
    }

    pub(super) fn contains(&self, partition: Partition) -> bool {
        self.0[usize::from(partition.0 / 64)] & (1 << (partition.0 % 64)) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Partition> + '_ {
        let all = (0..=u8::MAX).map(Partition);
        all.filter(|partition| self.contains(*partition))
    }

    /// Reads a set. A text that is no set is an empty one.
    pub(super) fn parse(text: &str) -> Self {
        let mut words = [0; 4];
        if text.len() != 64 || !text.is_ascii() {
            return Self::default();
        }
        for (index, word) in words.iter_mut().enumerate() {
            match u64::from_str_radix(&text[index * 16..][..16], 16) {
                Ok(bits) => *word = bits,
                Err(_) => return Self::default(),
            }
        }
        Self(words)
    }
}

impl Extend<Partition> for PartitionSet {
    fn extend<T: IntoIterator<Item = Partition>>(&mut self, partitions: T) {
        partitions.into_iter().for_each(|own| self.insert(own));
    }
}

impl FromIterator<Partition> for PartitionSet {
    fn from_iter<T: IntoIterator<Item = Partition>>(partitions: T) -> Self {
        let mut set = Self::default();
        set.extend(partitions);
        set
    }
}

impl fmt::Display for PartitionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::members::set::*;

    #[test]
    fn a_set_is_read_as_it_was_written() {
        for numbers in [
            vec![],
            vec![0],
            vec![63, 64, 127, 128, 255],
            (0..=255).collect(),
        ] {
            let set: PartitionSet = numbers.iter().copied().map(Partition).collect();
            assert_eq!(PartitionSet::parse(&set.to_string()), set);
            let read: Vec<u8> = set.iter().map(|partition| partition.0).collect();
            assert_eq!(read, numbers);
        }
    }

    #[test]
    fn a_text_that_is_no_set_is_an_empty_one() {
        let (long, foreign) = ("f".repeat(65), "é".repeat(32));
        for text in ["", "x", &*long, &*foreign, &"+".repeat(64)] {
            assert!(PartitionSet::parse(text).is_empty(), "{text}");
        }
    }
}
