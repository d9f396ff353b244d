//! Buttons, and a message that changes when one is pressed.
//!
//! ```text
//! Ann      hello
//! Counter  You have pressed 0 times.   [+1] [How it works]
//! Ann      presses [+1]
//! Counter  You have pressed 1 times.   (the same message, edited)
//! ```
//!
//! A button sends a command of the bot, with parameters that people do not see. Hidden commands are
//! not suggested, but anybody can type one, so do not trust its parameters.
//!
//! Run it with `cargo run --example keyboard`.

use imbot::prelude::*;

struct Counter;

impl Bot for Counter {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("count", "Count").hidden()]
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say(count(0));
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        let (number,) = command.args()?;
        cx.show(&command, count(number));
        Ok(())
    }
}

fn count(number: u8) -> Draft {
    Draft::new(format!("You have pressed {number} times.")).keyboard([
        Button::command("+1", "count", number.saturating_add(1).to_string()).tone(Tone::Primary),
        Button::link("How it works", "https://apidocs.bitrix24.com/"),
    ])
}

fn main() -> ExitCode {
    imbot::run(Counter)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn the_message_changes_when_its_button_is_pressed() {
        let portal = TestPortal::with(App::new().bot(Counter)).await;
        let mut ann = portal.private("Ann", "counter");
        let first = ann.says("hello").sees("pressed 0 times").await;
        let second = ann.presses(&first, "+1").sees("pressed 1 times").await;
        assert_eq!(second.id, first.id);
    }
}
