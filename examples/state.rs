//! A conversation that remembers: an enum says where it stands.
//!
//! ```text
//! Ann      hello
//! Courier  What shall I bring?
//! Ann      pizza
//! Courier  How many of pizza?
//! Ann      a few
//! Courier  A number, please.
//! Ann      2
//! Courier  2 × pizza is on its way.
//! ```
//!
//! Every chat has a state of its own. It is written together with the answer, or not at all when the turn fails.
//!
//! Run it with `cargo run --example state`.

use imbot::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
enum Order {
    #[default]
    Begin,
    What,
    HowMany {
        what: String,
    },
}

struct Courier;

impl Bot<Order> for Courier {
    async fn message(&self, cx: &mut Context<Order>, message: Message) -> Result {
        let said = message.text;
        let (next, answer) = match std::mem::take(&mut cx.state) {
            Order::Begin => (Order::What, Text::new().plain("What shall I bring?")),
            Order::What => {
                let question = Text::new().plain(format_args!("How many of {said}?"));
                (Order::HowMany { what: said }, question)
            }
            Order::HowMany { what } => {
                let number: u32 = said.parse().map_err(|_| tell("A number, please."))?;
                let bye = Text::new().plain(format_args!("{number} × {what} is on its way."));
                (Order::Begin, bye)
            }
        };
        cx.state = next;
        cx.say(answer);
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Courier)
}
