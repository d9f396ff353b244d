//! The bots: what a message says is what they do with it, and they tell when something is out of order.
//!
//! A message is its number in its chat and a fate: `17 fail 2` fails at its first two attempts.

use std::sync::Arc;
use std::time::Duration;

use imbot::prelude::*;
use imbot::store::{MessageRef, Redelivery};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::Ledger;
use crate::random::mix;

/// What a chat remembers: how many turns it had, and a chain over their numbers in their order.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) turns: u64,
    pub(crate) chain: u64,
    last: u64,
    said: Option<MessageRef>,
}

/// A bot that remembers; a strict one lets its chat wait for the operator.
pub(crate) struct Clerk {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) is_strict: bool,
}

impl Clerk {
    async fn handle(&self, cx: &mut Context<Remembered>, text: &str) -> Result {
        let mut words = text.split(' ');
        let number: u64 = words.next().unwrap_or_default().parse()?;
        let (fate, how) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let is_first_tries = u64::from(cx.attempt()) <= how.parse().unwrap_or(0);
        self.ledger.turn();
        match fate {
            "fail" if is_first_tries => return Err(Error::failed("the warehouse does not answer")),
            "panic" if is_first_tries => std::panic::panic_any(crate::BUG),
            "hang" if is_first_tries => std::future::pending().await,
            "never" if !self.ledger.is_healed(cx.dialog(), number) => {
                return Err(Error::failed("nobody can do that"));
            }
            "remind" => drop(cx.remind(Duration::from_secs(how.parse()?), number)?),
            "edit" => {
                if let Some(said) = cx.state.said {
                    // The same text, since the change is made in the message itself where that still waits.
                    cx.message(said).edit(cx.state.last.to_string());
                }
            }
            _ => {}
        }
        if number <= cx.state.last {
            self.ledger
                .complain(format!("{}: {number} after {}", cx.dialog(), cx.state.last));
        }
        cx.state = Remembered {
            turns: cx.state.turns + 1,
            chain: mix(cx.state.chain ^ number),
            last: number,
            said: Some(cx.say(number.to_string()).reference()),
        };
        if fate == "forget" {
            cx.state = Remembered::default();
        }
        Ok(())
    }
}

impl Bot<Remembered> for Clerk {
    fn profile(&self) -> Profile {
        if self.is_strict {
            return Profile::new("strict", "Strict")
                .redelivery(Redelivery::Deduplicated)
                .blocks_after_failure();
        }
        Profile::new("clerk", "Clerk").redelivery(Redelivery::Deduplicated)
    }

    async fn message(&self, cx: &mut Context<Remembered>, message: Message) -> Result {
        self.handle(cx, &message.text).await
    }

    async fn edited(&self, cx: &mut Context<Remembered>, message: Message) -> Result {
        self.handle(cx, &message.text).await
    }

    async fn reminded(&self, cx: &mut Context<Remembered>, reminder: Reminder) -> Result {
        self.ledger.turn();
        cx.say(format!("reminded {}", reminder.read::<u64>()?));
        Ok(())
    }
}

/// A bot whose state no later version of it can read: the older one is kept aside.
pub(crate) struct Fickle {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) version: u32,
}

impl Bot<u64> for Fickle {
    fn profile(&self) -> Profile {
        Profile::new("fickle", "Fickle").redelivery(Redelivery::Deduplicated)
    }

    async fn message(&self, cx: &mut Context<u64>, message: Message) -> Result {
        self.ledger.turn();
        let number = message.text.split(' ').next().unwrap_or_default();
        cx.state = number.parse()?;
        cx.say(number);
        Ok(())
    }

    fn state_version(&self) -> u32 {
        self.version
    }

    fn upgrade(&self, _: u32, _: Value) -> Result<u64> {
        Err(Error::failed("nobody remembers what that meant"))
    }
}
