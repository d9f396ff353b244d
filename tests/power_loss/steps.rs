//! The steps of a worker, and the choice of the next one.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::world::{Body, CHATS, CallKind, Chat, Worker};

/// One operation on a store. It applies to the first event, call or dead letter of a chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    Install {
        token: u64,
    },
    /// One delivery with an event for each of these chats.
    Append {
        chats: Vec<usize>,
        body: Body,
    },
    Begin(usize),
    Fail(usize),
    Commit {
        chat: usize,
        calls: Vec<CallKind>,
        /// The hours until a reminder, if one is set.
        remind: Option<u64>,
        /// Whether the previous state is quarantined.
        quarantines: bool,
        fill: usize,
    },
    DeadLetter {
        chat: usize,
        blocks: bool,
    },
    Take(usize),
    Settle(usize, Settling),
    Revive(usize),
    Drop(usize),
    /// Moves the due reminders of all chats into the inbox. Only the first worker sets reminders.
    Due,
    Sweep,
    Forget(usize),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Settling {
    Sent(u64),
    GivenUp,
    NotSent,
    Dead,
}

/// Returns a random length, so that rows and pages differ.
fn fill(random: &mut Random) -> usize {
    let length = if random.chance(10) { 9_000 } else { 400 };
    random.place(length)
}

impl Worker {
    /// Returns a step that is possible now.
    pub(crate) fn choose(&self, random: &mut Random, is_first: bool) -> Step {
        if self.token.is_none() || random.chance(1) {
            return Step::Install {
                token: random.next(),
            };
        }
        let chat = random.place(CHATS);
        let here = &self.chats[chat];
        let is_any_taken = here.calls.iter().any(|call| call.is_taken);
        let is_begun = here.waiting.first().is_some_and(|event| event.attempts > 0);
        match random.below(100) {
            0 if !here.dead.is_empty() => Step::Drop(chat),
            1..5 if !here.dead.is_empty() => Step::Revive(chat),
            5 if random.chance(30) => Step::Forget(chat),
            6..10 if is_first => Step::Due,
            10 if is_first => Step::Sweep,
            11..40 if is_any_taken => Step::Settle(chat, settling(random)),
            11..40 if !here.calls.is_empty() => Step::Take(chat),
            40..44 if is_begun => Step::Fail(chat),
            44..46 if is_begun => Step::DeadLetter {
                chat,
                blocks: random.chance(20),
            },
            46..70 if is_begun => commit(chat, here, random, is_first),
            46..80 if !here.waiting.is_empty() => Step::Begin(chat),
            _ => append(random),
        }
    }
}

fn append(random: &mut Random) -> Step {
    let chats = (0..CHATS).filter(|_| random.chance(40)).collect::<Vec<_>>();
    let length = if random.chance(10) { 20_000 } else { 1_500 };
    Step::Append {
        chats: if chats.is_empty() { vec![0] } else { chats },
        body: Body {
            number: random.next(),
            length: 16 + random.place(length),
        },
    }
}

fn commit(chat: usize, here: &Chat, random: &mut Random, is_first: bool) -> Step {
    let mut calls: Vec<CallKind> = (0..random.below(4))
        .map(|_| CallKind::Say {
            text: format!("{:0>1$}", random.next(), fill(random)),
            remember: random.chance(50),
        })
        .collect();
    let message = here
        .calls
        .iter()
        .find(|call| matches!(call.kind, CallKind::Say { .. }));
    match message.map(|call| call.key) {
        Some(of) if random.chance(20) => calls.push(CallKind::Edit {
            of,
            text: random.next().to_string(),
        }),
        Some(of) if random.chance(10) => calls.push(CallKind::Delete { of }),
        _ => {}
    }
    Step::Commit {
        chat,
        calls,
        remind: (is_first && random.chance(30)).then(|| random.below(20)),
        quarantines: random.chance(3),
        fill: fill(random),
    }
}

fn settling(random: &mut Random) -> Settling {
    match random.below(10) {
        0 => Settling::GivenUp,
        1 => Settling::NotSent,
        2 => Settling::Dead,
        _ => Settling::Sent(random.below(1 << 40)),
    }
}
