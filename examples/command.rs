//! A command with typed arguments.
//!
//! ```text
//! Ann    /order pizza 2
//! Shop   2 × pizza, noted.
//! Ann    /order "four cheeses"
//! Shop   1 × four cheeses, noted.
//! Ann    /order pizza two
//! Shop   “two” is not a whole number, zero or more.
//!        Usage: /order <what> <how many>
//! ```
//!
//! Run it with `cargo run --example command`.

use imbot::prelude::*;

struct Shop;

impl Bot for Shop {
    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("order", "Order something").params("<what> <how many>")]
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        let (what, how_many): (String, Option<u32>) = command.args()?;
        let order = format_args!("{} × {what}, noted.", how_many.unwrap_or(1)).to_string();
        cx.say(Text::new().plain(order)); // escapes what people typed
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Shop)
}
