//! A conversation with a state: an enum holds its current step.
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
//! Every chat has its own state. It is stored together with the answer, or not at all if the turn
//! fails.
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
        let text = message.text;
        let (next, answer) = match std::mem::take(&mut cx.state) {
            Order::Begin => (Order::What, Text::new().plain("What shall I bring?")),
            Order::What => {
                let question = Text::new().plain(format_args!("How many of {text}?"));
                (Order::HowMany { what: text }, question)
            }
            Order::HowMany { what } => {
                let number: u32 = text.parse().or_tell("A number, please.")?;
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

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn an_order_continues_after_a_crash() {
        let portal = TestPortal::with(|| App::new().bot(Courier)).await;
        let mut ann = portal.private("Ann", "courier");
        ann.says("hello").sees("What shall I bring?").await;
        ann.says("pizza").sees("How many of pizza?").await;
        portal.crash().await;
        ann.says("a few").sees("A number, please.").await;
        ann.says("2").sees("2 × pizza is on its way.").await;
    }
}
