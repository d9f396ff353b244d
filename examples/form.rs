//! A form: three questions with typed answers.
//!
//! ```text
//! Ann   hello
//! Shop  What is your name?
//!         [Cancel]
//! Ann   Ann Lee
//! Shop  How many?
//!         [Back] [Cancel]
//! Ann   a few
//! Shop  “a few” is not a whole number, zero or more.
//!       How many?
//!         [Back] [Cancel]
//! Ann   2
//! Shop  Is it a gift?
//!         [Yes] [No]
//!         [Back] [Cancel]
//! Ann   (presses Yes)
//! Shop  2 for Ann Lee, wrapped: true.
//! ```
//!
//! The answers are stored with each turn, so the form continues after a crash, and each person of a
//! group fills one of their own.
//!
//! Run it with `cargo run --example form`.

use imbot::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Order {
    name: String,
    count: u32,
    gift: bool,
}

struct Shop;

impl Bot for Shop {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        let form = Form::<Order>::new("order", 1)
            .ask("What is your name?", |order, it| order.name = it)
            .ask("How many?", |order, it| order.count = it)
            .ask("Is it a gift?", |order, it| order.gift = it);
        if let Some(Order { name, count, gift }) = cx.fill(&form, &message).await? {
            cx.say(format!("{count} for {name}, wrapped: {gift}."));
        }
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
    async fn a_form_is_filled_also_after_a_crash() {
        let portal = TestPortal::with(|| App::new().bot(Shop)).await;
        let mut ann = portal.private("Ann", "shop");
        ann.says("hello").sees("What is your name?").await;
        ann.says("Ann Lee").sees("How many?").await;
        portal.crash().await;
        ann.says("a few").sees("is not a whole number").await;
        let gift = ann.says("2").sees("Is it a gift?").await;
        ann.presses(&gift, "Yes")
            .sees("2 for Ann Lee, wrapped: true.")
            .await;
    }
}
