//! A file on a disk with a cache: what is safe of it, what is not, and what may be left of that.

use std::rc::Rc;

use crate::random::Random;

const SECTOR: usize = 512;

#[derive(Default)]
pub(crate) struct File {
    pub(crate) safe: Vec<u8>,
    pub(crate) unsafe_changes: Vec<Change>,
}

pub(crate) enum Change {
    Write(usize, Rc<[u8]>),
    Size(usize),
}

/// What becomes of what is not flushed.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// Everything is kept: the process died, not the machine.
    Kept,
    Dropped,
    /// Each write is kept in so many of a hundred cases, and torn in so many of those.
    Mixed(u64, u64),
}

impl File {
    pub(crate) fn flush(&mut self) {
        for change in std::mem::take(&mut self.unsafe_changes) {
            change.apply(&mut self.safe, |_| true);
        }
    }

    pub(crate) fn after(&self, fate: Fate, random: &mut Random) -> Vec<u8> {
        let mut data = self.safe.clone();
        for change in &self.unsafe_changes {
            match fate {
                Fate::Kept => change.apply(&mut data, |_| true),
                Fate::Mixed(kept, torn) if random.chance(kept) => {
                    let is_torn = random.chance(torn);
                    change.apply(&mut data, |_| !is_torn || random.chance(50));
                }
                Fate::Mixed(..) | Fate::Dropped => {}
            }
        }
        data
    }
}

impl Change {
    /// Changes a file, as far as its sectors are kept.
    fn apply(&self, data: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        let (at, new) = match self {
            Change::Size(length) => return data.resize(*length, 0),
            Change::Write(at, new) => (*at, new),
        };
        let (mut from, end) = (at, at + new.len());
        while from < end {
            let to = end.min((from / SECTOR + 1) * SECTOR);
            if is_kept(from / SECTOR) {
                data.resize(data.len().max(to), 0);
                data[from..to].copy_from_slice(&new[from - at..to - at]);
            }
            from = to;
        }
    }
}
