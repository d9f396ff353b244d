//! Buttons that offer something: what is pressed comes back, and nobody can forge it.
//!
//! ```text
//! Ann   hello
//! Shop  Item 7 for you:
//!         [5 % off] [No, thanks]
//! Ann   (presses 5 % off)
//! Shop  5 % off, done.
//! Ann   (presses again, on her phone)
//! Shop  That is already done.
//! ```
//!
//! The offer is signed: a press proves that the bot offered it in this chat, here to this person.
//! It counts once, however fast and on how many devices it is pressed.
//!
//! Run it with `cargo run --example buttons`.

use imbot::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Offer {
    Take { percent: u8 },
    No,
}

struct Shop;

impl Bot for Shop {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say("Item 7 for you:").keyboard([
            Button::press("5 % off", Offer::Take { percent: 5 })
                .only_for(cx.sender())
                .once(),
            Button::press("No, thanks", Offer::No).once(),
        ]);
        Ok(())
    }

    async fn press(&self, cx: &mut Context, press: Press) -> Result {
        match press.read()? {
            Offer::Take { percent } => cx.show(&press, format!("{percent} % off, done.")),
            Offer::No => cx.show(&press, "Another time, then."),
        };
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
    async fn an_offer_is_taken_once_and_by_nobody_else() {
        let portal = TestPortal::with(|| App::new().bot(Shop)).await;
        let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["shop"]);
        let offer = ann.tells("shop", "hello").sees("Item 7").await;
        boris.presses(&offer, "5 % off");
        boris.sees("This button is for somebody else.").await;
        ann.presses(&offer, "5 % off").presses(&offer, "5 % off");
        ann.sees("5 % off, done.").await;
        ann.sees("That is already done.").await;
    }
}
