//! A bot that asks the portal who a person is before it does something that only that person may
//! ask for.
//!
//! ```text
//! Ann       bonus 500
//! Payouts   500 for you, noted.
//! Payouts   (to a forged message)  Please write that again.
//! ```
//!
//! Each person who opens an application with an interface can forge its events: see the chapter
//! `guide::trust`.
//!
//! Run it with `cargo run --example verified`.

use imbot::prelude::*;

struct Payouts;

impl Bot for Payouts {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        let Some(amount) = message.text.strip_prefix("bonus ") else {
            cx.say("Write “bonus” and an amount.");
            return Ok(());
        };
        let amount: u32 = amount.parse().or_tell("That is no amount.")?;
        // Fails while the portal cannot be reached: the turn is retried.
        if cx.verified_sender().await?.verified().is_none() {
            return Err(tell("Please write that again."));
        }
        cx.say(format!("{amount} for you, noted."));
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Payouts)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn a_bonus_is_noted_for_the_person_who_asked() {
        let portal = TestPortal::with(App::new().bot(Payouts)).await;
        let mut ann = portal.private("Ann", "payouts");
        ann.says("bonus 500").sees("500 for you, noted.").await;
        ann.says("bonus many").sees("That is no amount.").await;
    }
}
