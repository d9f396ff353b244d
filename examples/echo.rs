//! The smallest bot.
//!
//! ```text
//! Ann    Good morning
//! Echo   Good morning
//! ```
//!
//! Run it with `cargo run --example echo` and talk to it in the browser, at the address that it
//! prints.

use imbot::prelude::*;

struct Echo;

impl Bot for Echo {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Echo)
}
