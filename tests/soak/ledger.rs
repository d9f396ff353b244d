//! The expected effects of all sent events, in a size that does not depend on their number.
//!
//! Ordered effects are a hash chain, unordered ones a sum. Both are compared at the end.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use imbot::event::DialogId;

use crate::random::{Random, mix};

/// Number of chats. The number of a chat is its dialog id.
pub(crate) const CHATS: usize = 300;

/// The expected and the seen effects.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) expected: Mutex<Vec<Chat>>,
    /// The messages shown in each chat.
    pub(crate) shown: Mutex<Vec<Shown>>,
    pub(crate) sums: Mutex<Sums>,
    pub(crate) random: Mutex<Random>,
    /// Events whose cause of failure the operator has fixed.
    fixed: Mutex<HashSet<(usize, u64)>>,
    problems: Mutex<Vec<String>>,
    turns: AtomicU64,
    /// The seed that determines which messages the portal refuses.
    seed: u64,
}

/// The expected content of a chat when all events are handled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    /// Number of events.
    pub(crate) sent: u64,
    /// Number of turns since the state was last forgotten.
    pub(crate) turns: u64,
    /// Hash chain over these turns.
    pub(crate) chain: u64,
    /// Hash chain over the bot's messages.
    pub(crate) said: u64,
}

/// The messages shown in a chat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Hash chain over the messages.
    pub(crate) said: u64,
    /// The repeat id of the last message.
    pub(crate) last: Option<uuid::Uuid>,
}

/// Sums over unordered effects, each expected and seen.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) dead: [Sum; 2],
    pub(crate) refused: [Sum; 2],
    pub(crate) reminded: [Sum; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    count: u64,
    sum: u64,
}

pub(crate) const EXPECTED: usize = 0;
pub(crate) const SEEN: usize = 1;

impl Sum {
    pub(crate) fn add(&mut self, chat: usize, number: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(mix((chat as u64) << 40 ^ number));
    }
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            expected: Mutex::new(vec![Chat::default(); CHATS]),
            shown: Mutex::new(vec![Shown::default(); CHATS]),
            sums: Mutex::default(),
            random: Mutex::new(Random::new(seed)),
            fixed: Mutex::default(),
            problems: Mutex::default(),
            turns: AtomicU64::new(0),
            seed,
        }
    }

    /// Counts a turn.
    pub(crate) fn count_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of turns.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    pub(crate) fn add_problem(&self, problem: String) {
        self.problems.lock().unwrap().push(problem);
    }

    /// Returns true if the operator has fixed the cause of an event's failure.
    pub(crate) fn is_fixed(&self, dialog: &DialogId, number: u64) -> bool {
        self.fixed.lock().unwrap().contains(&(chat(dialog), number))
    }

    pub(crate) fn fix(&self, chat: usize, number: u64) {
        self.fixed.lock().unwrap().insert((chat, number));
    }

    /// Returns true if the portal refuses this message permanently.
    pub(crate) fn is_refused(&self, chat: usize, number: u64) -> bool {
        mix(self.seed ^ (chat as u64) << 32 ^ number).is_multiple_of(50)
    }

    /// Adds an event that the bot will apply to its state. With `forgets`, it then forgets the
    /// state.
    pub(crate) fn expect(&self, chat: usize, number: u64, forgets: bool) {
        let here = &mut self.expected.lock().unwrap()[chat];
        here.turns += 1;
        here.chain = mix(here.chain ^ number);
        if forgets {
            (here.turns, here.chain) = (0, 0);
        }
        if self.is_refused(chat, number) {
            self.sums.lock().unwrap().refused[EXPECTED].add(chat, number);
        } else {
            here.said = mix(here.said ^ number);
        }
    }

    /// Returns all problems except those of the states.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.lock().unwrap().clone();
        let (expected, shown) = (self.expected.lock().unwrap(), self.shown.lock().unwrap());
        for (chat, (expected, shown)) in expected.iter().zip(&*shown).enumerate() {
            if expected.said != shown.said {
                problems.push(format!(
                    "{chat}: the shown messages are not the expected ones"
                ));
            }
        }
        let sums = self.sums.lock().unwrap();
        for (what, [expected, seen]) in [
            ("dead", sums.dead),
            ("refused", sums.refused),
            ("reminded", sums.reminded),
        ] {
            if expected != seen {
                problems.push(format!("{what}: expected {expected:?}, seen {seen:?}"));
            }
        }
        problems
    }
}

/// Returns the number of a chat.
pub(crate) fn chat(dialog: &DialogId) -> usize {
    dialog.as_str().parse().expect("dialogs are numbers")
}
