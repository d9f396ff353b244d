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

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn an_order_is_read_and_a_wrong_one_explained() {
        let portal = TestPortal::with(App::new().bot(Shop)).await;
        let mut ann = portal.private("Ann", "shop");
        ann.says("/order pizza 2").sees("2 × pizza, noted.").await;
        ann.says("/order \"four cheeses\"")
            .sees("1 × four cheeses")
            .await;
        ann.says("/order pizza two")
            .sees("is not a whole number")
            .await;
    }
}
