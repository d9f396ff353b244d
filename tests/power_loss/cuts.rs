//! Where a record is cut: at random, and more often where a cut tells most.

use std::collections::HashMap;

use crate::random::Random;
use crate::record::Act;

/// Whether a hand tells that it begins a step.
pub(crate) fn is_word(act: &Act) -> bool {
    matches!(act, Act::Write { data, .. } if data.starts_with(b"{\"Begins\""))
}

/// Places where a cut tells most.
pub(crate) struct Cuts {
    all: usize,
    opened: usize,
    words: Vec<usize>,
    flushes: Vec<usize>,
    /// Writes to the database itself: its log is being moved.
    moves: Vec<usize>,
}

impl Cuts {
    pub(crate) fn new(acts: &[Act], opened: usize) -> Cuts {
        let (mut words, mut flushes, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = HashMap::new();
        for (place, act) in acts.iter().enumerate() {
            match act {
                Act::Open { fd, name, .. } => drop(names.insert(*fd, name.as_str())),
                Act::Write { fd, .. } if names[fd] == "store.db" => moves.push(place),
                Act::Write { .. } if place > opened && is_word(act) => words.push(place),
                Act::Flush { .. } => flushes.push(place),
                _ => {}
            }
        }
        Cuts {
            all: acts.len(),
            opened,
            words,
            flushes,
            moves,
        }
    }

    pub(crate) fn choose(&self, random: &mut Random) -> usize {
        let places = match random.below(6) {
            0 => return random.place(self.opened),
            1 => &self.words, // the step before has just been told
            2 => &self.flushes,
            3 => &self.moves,
            _ => return random.place(self.all),
        };
        places
            .get(random.place(places.len()))
            .copied()
            .unwrap_or(self.opened.min(self.all - 1))
    }
}
