//! Checks for another program that polls for the same bot with a store of its own.
//!
//! Two such programs answer most messages twice, and the protocol has no sign of the other
//! (protocol/bots-v2.md 3). But what one of them confirms is gone for both. So now and then a
//! program leaves an event unconfirmed for a few polls; if it is gone by then, another one has
//! confirmed it.
//!
//! Two programs that check at the same time find nothing. So chance decides when to check: at every
//! second of the first [`EARLY`] polls that returned events, later at one of [`RIVAL_EVERY`].
//! Whichever program was started last is in its first polls, so it is found after a few messages.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use uuid::Uuid;

/// Number of polls that returned events between two checks for another program, on average.
pub const RIVAL_EVERY: u32 = 20;
/// Number of polls that returned events, after a start, of which every second is a check.
const EARLY: u32 = 40;
/// Number of polls that a check takes: another program confirms an event with its next poll after
/// that event.
const POLLS: u32 = 3;

/// The checks of one bot.
#[derive(Debug)]
pub(super) struct RivalCheck {
    /// Decides by chance, differently in each program.
    chance: FixedState,
    /// Number of polls that returned events.
    filled: u32,
    /// The event that is left unconfirmed, so that it must come again, and for how many more polls.
    unconfirmed: Option<(u64, u32)>,
}

impl RivalCheck {
    pub(super) fn new() -> Self {
        Self::with_seed(Uuid::new_v4().as_u64_pair().1)
    }

    fn with_seed(seed: u64) -> Self {
        RivalCheck {
            chance: FixedState::with_seed(seed),
            filled: 0,
            unconfirmed: None,
        }
    }

    /// Notes the events of a page. Returns the event that was left unconfirmed and is gone, if
    /// there is one.
    ///
    /// While more events wait on the portal, no check begins.
    pub(super) fn on_page(&mut self, events: &[u64], has_more: bool) -> Option<u64> {
        if let Some((event, polls)) = self.unconfirmed.take() {
            if !events.contains(&event) {
                return Some(event);
            }
            self.unconfirmed = (polls > 1).then_some((event, polls - 1));
            return None; // after a check the page is confirmed
        }
        let last = events.iter().max().filter(|_| !has_more)?;
        let one_in = if self.filled < EARLY {
            2
        } else {
            u64::from(RIVAL_EVERY)
        };
        self.filled = self.filled.wrapping_add(1);
        if self.chance.hash_one(self.filled).is_multiple_of(one_in) {
            self.unconfirmed = Some((*last, POLLS));
        }
        None
    }

    /// Returns true if the page may be confirmed.
    pub(super) fn may_confirm(&self) -> bool {
        self.unconfirmed.is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::background::rivals::*;

    /// A program with a store of its own.
    struct Program {
        check: RivalCheck,
        offset: u64,
    }

    impl Program {
        fn new(seed: u64) -> Self {
            Program {
                // Seeds of programs are far apart.
                check: RivalCheck::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                offset: 0,
            }
        }

        /// Polls once. Returns true if a rival was found.
        fn polls(&mut self, queue: &mut Vec<u64>) -> bool {
            queue.retain(|event| *event >= self.offset);
            let is_found = self.check.on_page(queue, false).is_some();
            if self.check.may_confirm() {
                self.offset = queue.last().map_or(self.offset, |last| last + 1);
            }
            is_found
        }
    }

    /// Returns the number of messages until one of two programs that poll in step finds the other.
    fn messages_until_found(one: &mut Program, other: &mut Program) -> u64 {
        let mut queue = Vec::new();
        for message in 1.. {
            queue.push(one.offset.max(other.offset) + message);
            for _ in 0..2 {
                let is_found = one.polls(&mut queue);
                if other.polls(&mut queue) || is_found {
                    return message;
                }
            }
        }
        0
    }

    #[test]
    fn two_programs_that_start_together_are_found_after_a_few_messages() {
        let found = (1..=200).map(|seed| {
            let (mut one, mut other) = (Program::new(seed), Program::new(seed + 1_000));
            messages_until_found(&mut one, &mut other)
        });
        let found: Vec<u64> = found.collect();
        assert!(found.iter().all(|messages| *messages <= 30), "{found:?}");
        let within_five = found.iter().filter(|messages| **messages <= 5).count();
        assert!(within_five > 150, "{found:?}");
    }

    #[test]
    fn a_program_that_starts_later_is_found_after_a_few_messages() {
        for seed in 1..=200 {
            let (mut one, mut other) = (Program::new(seed), Program::new(seed + 1_000));
            let mut queue = Vec::new();
            for message in 1..=500 {
                queue.push(message);
                assert!(!one.polls(&mut queue), "there is nobody else yet");
            }
            let messages = messages_until_found(&mut one, &mut other);
            assert!(messages <= 30, "{messages}");
        }
    }
}
