//! Runs all ready-made bots in one process.

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
