//! The operator, who handles dead letters, and the comparison at the end.

use imbot::event::{BotId, Delivery, DialogId};
use imbot::store::{Call, Content, Conversation, DeadWhat, Operator, OrderingKey, Sqlite, Turns};

use crate::bots::ChatState;
use crate::ledger::{CHATS, SEEN, chat};
use crate::portal::bot;
use crate::soak::Soak;

impl Soak {
    /// Reads the new dead letters. Fixes the cause of those that block a queue, and retries them.
    pub(crate) async fn handle_dead_letters(&mut self, store: &Sqlite) {
        for letter in store.dead_letters(self.dead, 10_000).await.unwrap() {
            self.dead = Some(letter.id);
            let OrderingKey::Chat(here) = &letter.key else {
                panic!("all events belong to chats")
            };
            let chat = chat(&here.dialog);
            match &letter.what {
                DeadWhat::Call(call) => {
                    let sums = &mut self.ledger.sums.lock().unwrap();
                    sums.refused[SEEN].add(chat, said_number(&call.call));
                }
                DeadWhat::Event { content, .. } if letter.blocks => {
                    self.ledger.fix(chat, number(content));
                    assert!(store.revive(letter.id).await.unwrap());
                }
                DeadWhat::Event { content, .. } => {
                    let sums = &mut self.ledger.sums.lock().unwrap();
                    sums.dead[SEEN].add(chat, number(content));
                }
            }
        }
    }

    /// Compares the chats' states with the expected ones. Returns all problems.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.ledger.problems();
        let expected = self.ledger.expected.lock().unwrap().clone();
        let states = self.with_store(async |store, portal| {
            let mut states = Vec::new();
            for number in 0..CHATS {
                let key = Conversation {
                    portal: portal.clone(),
                    bot: BotId(bot(number).0),
                    dialog: DialogId::new(number.to_string()),
                };
                states.push(store.state(&key).await.unwrap());
            }
            states
        });
        for (number, (state, expected)) in states.into_iter().zip(expected).enumerate() {
            if bot(number).1 == "unreadable" {
                continue;
            }
            let found: ChatState = state.map_or_else(ChatState::default, |state| {
                serde_json::from_slice(&state.bytes).unwrap()
            });
            if (found.turns, found.chain) != (expected.turns, expected.chain) {
                problems.push(format!("{number}: expected {expected:?}, found {found:?}"));
            }
        }
        problems
    }
}

/// Returns the number of a message in its chat.
fn number(content: &Content) -> u64 {
    let Content::Delivered { body, .. } = content else {
        panic!("reminders do not fail in this test")
    };
    let delivery = Delivery::from_form(body.clone()).unwrap();
    let text = delivery
        .at(&["data", "PARAMS", "MESSAGE"])
        .unwrap()
        .text()
        .unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Returns the number that a message contains.
fn said_number(call: &Call) -> u64 {
    match call {
        Call::Say { params, .. } => params["MESSAGE"].as_str().unwrap().parse().unwrap(),
        _ => panic!("only messages are refused in this test"),
    }
}
