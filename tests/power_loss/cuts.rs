//! Chooses the positions at which a record is cut: at random, and more often at critical ones.

use std::collections::HashMap;

use crate::random::Random;
use crate::record::Action;

/// Returns true if the action reports that a worker begins a step.
pub(crate) fn begins_step(action: &Action) -> bool {
    matches!(action, Action::Write { data, .. } if data.starts_with(b"{\"Begins\""))
}

/// Positions to cut at.
pub(crate) struct Cuts {
    /// Number of actions.
    all: usize,
    /// Number of actions until the store is open.
    opened: usize,
    /// Starts of steps.
    steps: Vec<usize>,
    flushes: Vec<usize>,
    /// Writes to the database itself, which move the log.
    moves: Vec<usize>,
}

impl Cuts {
    pub(crate) fn new(actions: &[Action], opened: usize) -> Self {
        let (mut steps, mut flushes, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = HashMap::new();
        for (position, action) in actions.iter().enumerate() {
            match action {
                Action::Open { fd, name, .. } => {
                    names.insert(*fd, name.as_str());
                }
                Action::Write { fd, .. } if names[fd] == "store.db" => moves.push(position),
                Action::Write { .. } if position > opened && begins_step(action) => {
                    steps.push(position)
                }
                Action::Flush { .. } => flushes.push(position),
                _ => {}
            }
        }
        Self {
            all: actions.len(),
            opened,
            steps,
            flushes,
            moves,
        }
    }

    /// Returns a position.
    pub(crate) fn choose(&self, random: &mut Random) -> usize {
        let positions = match random.below(6) {
            0 => return random.place(self.opened),
            1 => &self.steps, // the step before has just been reported as done
            2 => &self.flushes,
            3 => &self.moves,
            _ => return random.place(self.all),
        };
        positions
            .get(random.place(positions.len()))
            .copied()
            .unwrap_or(self.opened.min(self.all - 1))
    }
}
