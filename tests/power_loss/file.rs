//! A model of a file on a disk with a cache: its durable content, and its pending changes.

use std::rc::Rc;

use crate::random::Random;

/// Size of a sector, in bytes. A sector is written whole or not at all.
const SECTOR: usize = 512;

#[derive(Default)]
pub(crate) struct File {
    pub(crate) durable: Vec<u8>,
    pub(crate) pending: Vec<Change>,
}

pub(crate) enum Change {
    Write(usize, Rc<[u8]>),
    Size(usize),
}

/// What a power failure does to pending changes.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// All changes are kept: the process died, not the machine.
    Kept,
    Dropped,
    /// Each change is kept with this probability in percent, and a kept write is torn with the
    /// second.
    Mixed(u64, u64),
}

impl File {
    pub(crate) fn flush(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.durable, |_| true);
        }
    }

    /// Returns the content that is left.
    pub(crate) fn after(&self, fate: Fate, random: &mut Random) -> Vec<u8> {
        let mut data = self.durable.clone();
        for change in &self.pending {
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
    /// Applies the change to the sectors that are kept.
    fn apply(&self, data: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        let (at, new) = match self {
            Self::Size(length) => return data.resize(*length, 0),
            Self::Write(at, new) => (*at, new),
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
