//! Who looks after the store: an operator who reads dead letters, and who compares at the end.

use imbot::event::{BotId, Delivery, DialogId};
use imbot::store::{Call, Content, Conversation, DeadWhat, Operator, OrderingKey, Sqlite, Turns};

use crate::bots::Remembered;
use crate::ledger::{CHATS, SEEN, chat};
use crate::portal::bot;
use crate::soak::Soak;

impl Soak {
    /// The operator reads the new dead letters, mends what a lane waits for, and has it run again.
    pub(crate) async fn attend(&mut self, store: &Sqlite) {
        for letter in store.dead_letters(self.dead, 10_000).await.unwrap() {
            self.dead = Some(letter.id);
            let OrderingKey::Chat(here) = &letter.key else {
                panic!("only chats have events here")
            };
            let chat = chat(&here.dialog);
            match &letter.what {
                DeadWhat::Call(call) => {
                    let sums = &mut self.ledger.sums.lock().unwrap();
                    sums.refused[SEEN].add(chat, text(&call.call));
                }
                DeadWhat::Event { content, .. } if letter.blocks => {
                    self.ledger.heal(chat, number(content));
                    assert!(store.revive(letter.id).await.unwrap());
                }
                DeadWhat::Event { content, .. } => {
                    let sums = &mut self.ledger.sums.lock().unwrap();
                    sums.buried[SEEN].add(chat, number(content));
                }
            }
        }
    }

    /// What the chats remember, compared with what they should.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.ledger.complaints();
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
            if bot(number).1 == "fickle" {
                continue;
            }
            let found: Remembered = state.map_or_else(Remembered::default, |state| {
                serde_json::from_slice(&state.bytes).unwrap()
            });
            if (found.turns, found.chain) != (expected.turns, expected.chain) {
                complaints.push(format!("{number}: expected {expected:?}, found {found:?}"));
            }
        }
        complaints
    }
}

/// The number of a message in its chat.
fn number(content: &Content) -> u64 {
    let Content::Delivered { body, .. } = content else {
        panic!("reminders do not fail here")
    };
    let delivery = Delivery::from_form(body.clone()).unwrap();
    let text = delivery
        .at(&["data", "PARAMS", "MESSAGE"])
        .unwrap()
        .text()
        .unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The number of a message that is said.
fn text(call: &Call) -> u64 {
    match call {
        Call::Say { params, .. } => params["MESSAGE"].as_str().unwrap().parse().unwrap(),
        _ => panic!("only messages are refused here"),
    }
}
