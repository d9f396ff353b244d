//! The bots. They do what a message says, and report messages that are out of order.
//!
//! A message is its number in its chat and a behaviour: `17 fail 2` fails in its first two
//! attempts.

use std::sync::Arc;
use std::time::Duration;

use imbot::prelude::*;
use imbot::store::{MessageRef, Redelivery};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::Ledger;
use crate::random::mix;

/// The state of a chat: the number of turns, and a hash chain over their numbers in order.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChatState {
    pub(crate) turns: u64,
    pub(crate) chain: u64,
    last: u64,
    said: Option<MessageRef>,
}

/// A bot with a state.
pub(crate) struct StateBot {
    pub(crate) ledger: Arc<Ledger>,
    /// Whether a dead letter blocks its chat until the operator decides.
    pub(crate) blocks: bool,
}

impl StateBot {
    async fn handle(&self, cx: &mut Context<ChatState>, text: &str) -> Result {
        let mut words = text.split(' ');
        let number: u64 = words.next().unwrap_or_default().parse()?;
        let (behaviour, argument) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let fails_now = u64::from(cx.attempt()) <= argument.parse().unwrap_or(0);
        self.ledger.count_turn();
        match behaviour {
            "fail" if fails_now => return Err(Error::failed("the warehouse does not answer")),
            "panic" if fails_now => std::panic::panic_any(crate::BUG),
            "hang" if fails_now => std::future::pending().await,
            "never" if !self.ledger.is_fixed(cx.dialog(), number) => {
                return Err(Error::failed("the warehouse is closed"));
            }
            "remind" => {
                cx.remind(Duration::from_secs(argument.parse()?), number)?;
            }
            "edit" => {
                if let Some(said) = cx.state.said {
                    // The same text, because a message that still waits is changed in the outbox.
                    cx.message(said).edit(cx.state.last.to_string());
                }
            }
            _ => {}
        }
        if number <= cx.state.last {
            self.ledger
                .add_problem(format!("{}: {number} after {}", cx.dialog(), cx.state.last));
        }
        cx.state = ChatState {
            turns: cx.state.turns + 1,
            chain: mix(cx.state.chain ^ number),
            last: number,
            said: Some(cx.say(number.to_string()).reference()),
        };
        if behaviour == "forget" {
            cx.state = ChatState::default();
        }
        Ok(())
    }
}

impl Bot<ChatState> for StateBot {
    fn profile(&self) -> Profile {
        if self.blocks {
            return Profile::new("blocking", "Blocking")
                .redelivery(Redelivery::Deduplicated)
                .blocks_after_failure();
        }
        Profile::new("plain", "Plain").redelivery(Redelivery::Deduplicated)
    }

    async fn message(&self, cx: &mut Context<ChatState>, message: Message) -> Result {
        self.handle(cx, &message.text).await
    }

    async fn edited(&self, cx: &mut Context<ChatState>, message: Message) -> Result {
        self.handle(cx, &message.text).await
    }

    async fn reminded(&self, cx: &mut Context<ChatState>, reminder: Reminder) -> Result {
        self.ledger.count_turn();
        cx.say(format!("reminded {}", reminder.read::<u64>()?));
        Ok(())
    }
}

/// A bot that cannot read the state of an earlier version, so that state is quarantined.
pub(crate) struct UnreadableStateBot {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) version: u32,
}

impl Bot<u64> for UnreadableStateBot {
    fn profile(&self) -> Profile {
        Profile::new("unreadable", "Unreadable").redelivery(Redelivery::Deduplicated)
    }

    async fn message(&self, cx: &mut Context<u64>, message: Message) -> Result {
        self.ledger.count_turn();
        let number = message.text.split(' ').next().unwrap_or_default();
        cx.state = number.parse()?;
        cx.say(number);
        Ok(())
    }

    fn state_version(&self) -> u32 {
        self.version
    }

    fn upgrade(&self, _: u32, _: Value) -> Result<u64> {
        Err(Error::failed("the old format is not known"))
    }
}
