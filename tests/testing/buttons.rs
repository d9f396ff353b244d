//! Buttons with an offer: what they offered comes back, once if they count once, and from nobody
//! who was not offered it.

use std::time::Duration;

use imbot::prelude::*;
use imbot::testing::{SeenMessage, TestPortal};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum Offer {
    Take { percent: u8 },
    No,
}

/// Offers a discount to who asks, and counts what was taken.
struct Shop;

impl Bot<u32> for Shop {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        let take = Button::press("Take", Offer::Take { percent: 5 });
        let take = match message.text.as_str() {
            "many" => take,
            "short" => take.expires_after(Duration::from_secs(60)),
            "mine" => take.only_for(cx.sender()),
            "now" => {
                let draft = Draft::new("Choose:").keyboard(take.once());
                cx.send_now(draft).await?;
                return Ok(());
            }
            _ => take.once(),
        };
        cx.say("Choose:")
            .keyboard([take, Button::press("No", Offer::No).once()]);
        Ok(())
    }

    async fn press(&self, cx: &mut Context<u32>, press: Press) -> Result {
        match press.read()? {
            Offer::Take { percent } => {
                cx.state += 1;
                cx.say(format!("{percent} % off, taken {} times", cx.state));
            }
            Offer::No => {
                cx.show(&press, "Another time, then.");
            }
        }
        Ok(())
    }
}

/// Fails at the first attempt of each press.
struct Shaky;

impl Bot<u32> for Shaky {
    async fn message(&self, cx: &mut Context<u32>, _: Message) -> Result {
        cx.say("Choose:")
            .keyboard(Button::press("Take", Offer::Take { percent: 5 }).once());
        Ok(())
    }

    async fn press(&self, cx: &mut Context<u32>, _: Press) -> Result {
        cx.state += 1;
        if cx.attempt() == 1 {
            return Err(Error::failed("not yet"));
        }
        cx.say(format!("taken {} times", cx.state));
        Ok(())
    }
}

/// Later versions of the shop, with another type of offers.
struct NewShop;

impl Bot<u32> for NewShop {
    fn profile(&self) -> Profile {
        Profile::new("shop", "Shop")
    }

    async fn press(&self, cx: &mut Context<u32>, press: Press) -> Result {
        let number: u32 = press.read()?;
        cx.say(format!("{number}"));
        Ok(())
    }
}

async fn shop() -> TestPortal {
    TestPortal::with(|| App::new().bot(Shop)).await
}

const OUTDATED: &str = "This button does not work any more.";

fn refused(portal: &TestPortal) -> u64 {
    portal.engine().counts().refused_presses.get()
}

#[tokio::test]
async fn what_a_button_offered_comes_back() {
    let portal = shop().await;
    portal.run_twice();
    let mut ann = portal.private("Ann", "shop");
    let offer = ann.says("many").sees("Choose").await;
    ann.presses(&offer, "Take").sees("5 % off, taken 1").await;
    portal.crash().await;
    ann.presses(&offer, "Take").sees("5 % off, taken 2").await;
    let shown = ann.presses(&offer, "No").sees("Another time").await;
    assert_eq!((shown.id, shown.is_edited), (offer.id, true));
    portal.redeliver().await;
    ann.sees_nothing_more().await;
    assert_eq!(refused(&portal), 0);
}

#[tokio::test]
async fn a_button_that_counts_once_counts_once_also_after_a_crash() {
    let portal = shop().await;
    for ask in ["once", "now"] {
        let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["shop"]);
        let offer = ann.tells("shop", ask).sees("Choose").await;
        ann.presses(&offer, "Take");
        boris.presses(&offer, "Take");
        ann.sees("5 % off, taken 1").await;
        ann.sees("That is already done.").await;
        let now: Vec<SeenMessage> = ann.history();
        let now = now.iter().find(|message| message.id == offer.id);
        assert_eq!(now.unwrap().buttons, [""; 0], "its keyboard is gone");
    }
    assert_eq!(refused(&portal), 2);
}

#[tokio::test]
async fn a_turn_that_fails_leaves_the_button_as_it_was() {
    let portal = TestPortal::with(|| App::new().bot(Shaky)).await;
    portal.expects_failures(1);
    let mut ann = portal.private("Ann", "shaky");
    let offer = ann.says("?").sees("Choose").await;
    ann.presses(&offer, "Take").sees("taken 1 times").await;
    assert_eq!(refused(&portal), 0, "a retry is no second press");
}

#[tokio::test]
async fn an_expired_button_and_one_for_another_person_are_refused_kindly() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let offer = ann.says("short").sees("Choose").await;
    portal.advance(Duration::from_secs(59)).await;
    ann.presses(&offer, "Take").sees("taken 1 times").await;
    portal.advance(Duration::from_secs(2)).await;
    ann.presses(&offer, "Take").sees(OUTDATED).await;
    let [mut boris, mut clara] = portal.group(["Boris", "Clara"], &["shop"]);
    let offer = boris.tells("shop", "mine").sees("Choose").await;
    clara.presses(&offer, "Take");
    clara.sees("This button is for somebody else.").await;
    boris.presses(&offer, "Take").sees("taken 1 times").await;
    assert_eq!(refused(&portal), 2);
}

#[tokio::test]
async fn a_forged_press_and_a_button_of_another_chat_are_refused() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let offer = ann.says("many").sees("Choose").await;
    let history = portal
        .emulator()
        .history(portal.user("Ann"), &portal.bot("shop").to_string());
    let button = history
        .iter()
        .find(|message| message["id"] == offer.id)
        .map(|message| message["keyboard"]["BUTTONS"][0].clone());
    let button = button.unwrap();
    let text = |key: &str| button[key].as_str().unwrap().to_owned();
    let typed = format!("/{} {}", text("COMMAND"), text("COMMAND_PARAMS"));
    assert!(!typed.contains("Take"), "{typed}");
    ann.says(&typed).sees("taken 1 times").await; // it was offered to Ann, in this chat
    let mut boris = portal.private("Boris", "shop");
    boris.says(&typed).sees(OUTDATED).await;
    for forged in ["", "x", "AAAA", &text("COMMAND_PARAMS")[1..]] {
        let typed = format!("/{} {forged}", text("COMMAND"));
        ann.says(&typed).sees(OUTDATED).await;
    }
    assert_eq!(refused(&portal), 5);
}

#[tokio::test]
async fn a_button_of_an_earlier_version_is_refused_kindly() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let offer = ann.says("many").sees("Choose").await;
    portal.restart_as(|| App::new().bot(NewShop)).await;
    ann.presses(&offer, "Take").sees(OUTDATED).await;
}

/// Makes buttons that cannot be.
struct Careless;

impl Bot for Careless {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        let button = match message.text.as_str() {
            "for nobody" => Button::press("Take", 1).only_for(None),
            "no offer" => Button::link("Take", "https://example.com").once(),
            _ => Button::press("Take", "x".repeat(60_000)),
        };
        cx.say("Choose:").keyboard(button);
        Ok(())
    }
}

#[tokio::test]
async fn a_button_that_cannot_be_fails_the_turn_with_the_reason() {
    let portal = TestPortal::with(App::new().bot(Careless)).await;
    let mut ann = portal.private("Ann", "careless");
    for ask in ["for nobody", "no offer", "too large"] {
        ann.says(ask).sees("Sorry").await;
    }
    portal.expects_failures(3);
    portal.expects_dead_letters(3);
    let letters = portal
        .engine()
        .store()
        .dead_letters(None, 10)
        .await
        .unwrap();
    for (letter, why) in letters
        .iter()
        .zip(["there is none", "only `Button::press`", "keyboard"])
    {
        assert!(letter.error.contains(why), "{}", letter.error);
    }
}
