//! The steps that a hand does, and how one is chosen.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::world::{Body, CHATS, Chat, Hand, Said};

/// One operation of a store. Where a chat has several events, calls or dead letters, the first is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    Install {
        token: u64,
    },
    /// One delivery with an event for each of these chats.
    Hear {
        chats: Vec<usize>,
        body: Body,
    },
    Begin(usize),
    Fail(usize),
    Done {
        chat: usize,
        said: Vec<Said>,
        remind: Option<u64>,
        aside: bool,
        fill: usize,
    },
    Bury {
        chat: usize,
        blocks: bool,
    },
    Take(usize),
    Settle(usize, Settling),
    Revive(usize),
    Drop(usize),
    /// Hands out the reminders of all chats; only the first hand sets any.
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

/// A random length, so that rows and pages differ.
fn fill(random: &mut Random) -> usize {
    let length = if random.chance(10) { 9_000 } else { 400 };
    random.place(length)
}

impl Hand {
    /// A step that is possible now.
    pub(crate) fn choose(&self, random: &mut Random, is_first: bool) -> Step {
        if self.token.is_none() || random.chance(1) {
            return Step::Install {
                token: random.next(),
            };
        }
        let chat = random.place(CHATS);
        let here = &self.chats[chat];
        let taken = here.calls.iter().any(|call| call.taken);
        let begun = here.waiting.first().is_some_and(|event| event.attempts > 0);
        match random.below(100) {
            0 if !here.dead.is_empty() => Step::Drop(chat),
            1..5 if !here.dead.is_empty() => Step::Revive(chat),
            5 if random.chance(30) => Step::Forget(chat),
            6..10 if is_first => Step::Due,
            10 if is_first => Step::Sweep,
            11..40 if taken => Step::Settle(chat, settling(random)),
            11..40 if !here.calls.is_empty() => Step::Take(chat),
            40..44 if begun => Step::Fail(chat),
            44..46 if begun => Step::Bury {
                chat,
                blocks: random.chance(20),
            },
            46..70 if begun => done(chat, here, random, is_first),
            46..80 if !here.waiting.is_empty() => Step::Begin(chat),
            _ => hear(random),
        }
    }
}

fn hear(random: &mut Random) -> Step {
    let chats = (0..CHATS).filter(|_| random.chance(40)).collect::<Vec<_>>();
    let length = if random.chance(10) { 20_000 } else { 1_500 };
    Step::Hear {
        chats: if chats.is_empty() { vec![0] } else { chats },
        body: Body {
            number: random.next(),
            length: 16 + random.place(length),
        },
    }
}

fn done(chat: usize, here: &Chat, random: &mut Random, is_first: bool) -> Step {
    let mut said: Vec<Said> = (0..random.below(4))
        .map(|_| Said::Say {
            text: format!("{:0>1$}", random.next(), fill(random)),
            remember: random.chance(50),
        })
        .collect();
    let says = here
        .calls
        .iter()
        .find(|call| matches!(call.what, Said::Say { .. }));
    match says.map(|call| call.key) {
        Some(of) if random.chance(20) => said.push(Said::Edit {
            of,
            text: random.next().to_string(),
        }),
        Some(of) if random.chance(10) => said.push(Said::Delete { of }),
        _ => {}
    }
    Step::Done {
        chat,
        said,
        remind: (is_first && random.chance(30)).then(|| random.below(20)),
        aside: random.chance(3),
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
