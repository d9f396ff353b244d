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

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn it_says_what_was_said() {
        let portal = TestPortal::with(App::new().bot(Echo)).await;
        let mut ann = portal.private("Ann", "echo");
        ann.says("Good morning").sees("Good morning").await;
    }
}
