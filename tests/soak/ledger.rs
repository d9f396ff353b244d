//! What should have come of everything that was sent, kept so small that it does not grow with the number of events.
//!
//! What comes in an order is a chain, what comes in none is a sum; both are compared at the end.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use imbot::event::DialogId;

use crate::random::{Random, mix};

/// How many chats there are. Their number is their dialog's.
pub(crate) const CHATS: usize = 300;

/// What should be, and what was seen.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) expected: Mutex<Vec<Chat>>,
    /// What was said in each chat, in order, and the id of the last message.
    pub(crate) heard: Mutex<Vec<Heard>>,
    pub(crate) sums: Mutex<Sums>,
    pub(crate) random: Mutex<Random>,
    healed: Mutex<HashSet<(usize, u64)>>,
    complaints: Mutex<Vec<String>>,
    turns: AtomicU64,
    /// By which the portal decides whether it takes a message at all.
    seed: u64,
}

/// A chat as it should be when everything that was sent is handled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    pub(crate) sent: u64,
    pub(crate) turns: u64,
    pub(crate) chain: u64,
    pub(crate) said: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) said: u64,
    pub(crate) last: Option<uuid::Uuid>,
}

/// Sums over events that come in no order, each expected and seen.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) buried: [Sum; 2],
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
    pub(crate) fn new(seed: u64) -> Ledger {
        Ledger {
            expected: Mutex::new(vec![Chat::default(); CHATS]),
            heard: Mutex::new(vec![Heard::default(); CHATS]),
            sums: Mutex::default(),
            random: Mutex::new(Random::new(seed)),
            healed: Mutex::default(),
            complaints: Mutex::default(),
            turns: AtomicU64::new(0),
            seed,
        }
    }

    /// Counts a turn.
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// How many turns there were.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    pub(crate) fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }

    /// Whether the operator has mended what an event needs. It is asked once after that.
    pub(crate) fn is_healed(&self, dialog: &DialogId, number: u64) -> bool {
        self.healed
            .lock()
            .unwrap()
            .contains(&(chat(dialog), number))
    }

    pub(crate) fn heal(&self, chat: usize, number: u64) {
        self.healed.lock().unwrap().insert((chat, number));
    }

    /// Whether the portal refuses this message for good.
    pub(crate) fn is_refused(&self, chat: usize, number: u64) -> bool {
        mix(self.seed ^ (chat as u64) << 32 ^ number).is_multiple_of(50)
    }

    /// Notes that something was sent to a chat that will be applied, and forgotten at once if the bot does so.
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

    /// What is wrong, but for the states.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.complaints.lock().unwrap().clone();
        let (expected, heard) = (self.expected.lock().unwrap(), self.heard.lock().unwrap());
        for (chat, (expected, heard)) in expected.iter().zip(&*heard).enumerate() {
            if expected.said != heard.said {
                complaints.push(format!(
                    "{chat}: what was said is not what should have been"
                ));
            }
        }
        let sums = self.sums.lock().unwrap();
        for (what, [expected, seen]) in [
            ("buried", sums.buried),
            ("refused", sums.refused),
            ("reminded", sums.reminded),
        ] {
            if expected != seen {
                complaints.push(format!("{what}: expected {expected:?}, seen {seen:?}"));
            }
        }
        complaints
    }
}

/// The number of a chat.
pub(crate) fn chat(dialog: &DialogId) -> usize {
    dialog.as_str().parse().expect("dialogs are numbers")
}
