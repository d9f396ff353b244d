//! Forms: questions with typed answers, which survive crashes, new versions and other people.

use std::time::Duration;

use imbot::handler::{Field, FieldError};
use imbot::prelude::*;
use imbot::testing::TestPortal;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Order {
    name: String,
    size: Size,
    is_gift: bool,
    note: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Size {
    #[default]
    Small,
    Large,
}

impl Field for Size {
    fn read(answer: &str) -> Result<Self, FieldError> {
        match answer.to_lowercase().as_str() {
            "small" => Ok(Self::Small),
            "large" => Ok(Self::Large),
            _ => Err("There are small ones and large ones.".into()),
        }
    }

    fn choices() -> Vec<String> {
        vec!["Small".into(), "Large".into()]
    }
}

fn order(version: u32) -> Form<Order> {
    Form::new("order", version)
        .ask("What is your name?", |order: &mut Order, name| {
            order.name = name
        })
        .ask("Which size?", |order, size| order.size = size)
        .ask("Is it a gift?", |order, is_gift| order.is_gift = is_gift)
        .ask("Anything else?", |order, note| order.note = note)
        .times_out_after(Duration::from_secs(3_600))
}

/// Takes orders by a form of this version.
struct Shop(u32);

impl Bot for Shop {
    fn profile(&self) -> Profile {
        Profile::new("shop", "Shop").serves_open_channels()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("again", "Starts again"),
            CommandSpec::new("stop", "Stops asking"),
        ]
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if let Some(order) = cx.fill(&order(self.0), &message).await? {
            let Order {
                name,
                size,
                is_gift,
                note,
            } = order;
            cx.say(format!("{name}: {size:?}, {is_gift}, {note:?}"));
        }
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        if command.name == "again" {
            return cx.begin(&order(self.0)).await;
        }
        let name = cx.form().await?;
        cx.end_form().await?;
        cx.say(format!("stopped {name:?}"));
        Ok(())
    }
}

async fn shop() -> TestPortal {
    TestPortal::with(|| App::new().bot(Shop(1))).await
}

#[tokio::test]
async fn questions_are_asked_and_answers_checked_also_after_a_crash() {
    let portal = shop().await;
    portal.run_twice();
    let mut ann = portal.private("Ann", "shop");
    let first = ann.says("hello").sees("What is your name?").await;
    assert_eq!(first.buttons, ["Cancel"]);
    portal.crash().await;
    let second = ann.says("Ann Lee").sees("Which size?").await;
    assert_eq!(second.buttons, ["Small", "Large", "Back", "Cancel"]);
    let again = ann.says("huge").sees("There are small ones").await;
    assert!(again.text.ends_with("Which size?"), "{}", again.text);
    portal.crash().await;
    let third = ann.presses(&again, "Large").sees("Is it a gift?").await;
    assert_eq!(third.buttons, ["Yes", "No", "Back", "Cancel"]);
    let fourth = ann.presses(&third, "Yes").sees("Anything else?").await;
    portal.redeliver().await;
    ann.presses(&fourth, "Skip")
        .sees("Ann Lee: Large, true, None")
        .await;
    ann.sees_nothing_more().await;
    let with_buttons = ann
        .history()
        .into_iter()
        .filter(|message| !message.buttons.is_empty());
    assert_eq!(with_buttons.count(), 0, "no question keeps its buttons");
}

#[tokio::test]
async fn one_can_go_back_and_cancel_by_word_or_button() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello").sees("What is your name?").await;
    let size = ann.says("Ann").sees("Which size?").await;
    ann.presses(&size, "Back").sees("What is your name?").await;
    ann.says("back").sees("What is your name?").await;
    ann.says("Anna").sees("Which size?").await;
    ann.says("CANCEL").sees("Cancelled.").await;
    ann.says("hello").sees("What is your name?").await;
    ann.says("/stop").sees("stopped Some(\"order\")").await;
    ann.says("/again").sees("What is your name?").await;
    let size = ann.says("Ann").sees("Which size?").await;
    ann.presses(&size, "Cancel").sees("Cancelled.").await;
    ann.says("/stop").sees("stopped None").await;
}

#[tokio::test]
async fn a_question_that_waits_too_long_ends_the_form_and_an_answer_in_time_does_not() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello").sees("What is your name?").await;
    portal.advance(Duration::from_secs(3_000)).await;
    ann.says("Ann").sees("Which size?").await;
    portal.advance(Duration::from_secs(3_000)).await;
    ann.sees_nothing_more().await;
    portal.crash().await;
    portal.advance(Duration::from_secs(700)).await;
    ann.sees("I stopped asking").await;
    ann.says("large").sees("What is your name?").await;
}

#[tokio::test]
async fn a_new_version_starts_again_and_says_so() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello").sees("What is your name?").await;
    let size = ann.says("Ann").sees("Which size?").await;
    portal.restart_as(|| App::new().bot(Shop(2))).await;
    let again = ann
        .presses(&size, "Large")
        .sees("The questions have changed")
        .await;
    assert!(again.text.ends_with("What is your name?"), "{}", again.text);
    ann.says("Ann").sees("Which size?").await;
}

#[tokio::test]
async fn each_person_of_a_group_fills_a_form_of_their_own() {
    let portal = shop().await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["shop"]);
    ann.tells("shop", "hello").sees("What is your name?").await;
    boris
        .tells("shop", "hello")
        .sees("What is your name?")
        .await;
    let for_ann = ann.tells("shop", "Ann").sees("Which size?").await;
    boris
        .presses(&for_ann, "Large")
        .sees("This button is for somebody else.")
        .await;
    boris.tells("shop", "Boris").sees("Which size?").await;
    ann.presses(&for_ann, "Small").sees("Is it a gift?").await;
    for answer in ["no", "skip"] {
        ann.tells("shop", answer);
    }
    ann.sees("Ann: Small, false, None").await;
}

#[tokio::test]
async fn a_button_of_an_earlier_question_is_no_answer_to_another_one() {
    let portal = shop().await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello").sees("What is your name?").await;
    let size = ann.says("Ann").sees("Which size?").await;
    ann.presses(&size, "Large").presses(&size, "Small");
    ann.sees("Is it a gift?").await;
    ann.sees("This button does not work any more.").await;
    ann.says("no").sees("Anything else?").await;
    ann.says("none")
        .sees("Ann: Large, false, Some(\"none\")")
        .await;
}

#[tokio::test]
async fn words_are_in_the_language_of_the_portal() {
    let app = || App::new().bot(Shop(1));
    let portal = TestPortal::with_settings(app, |settings| {
        settings.portal.language = "de".into();
    })
    .await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hallo").sees("What is your name?").await;
    ann.says("Ann").sees("Which size?").await;
    let gift = ann.says("large").sees("Is it a gift?").await;
    assert_eq!(gift.buttons, ["Ja", "Nein", "Zurück", "Abbrechen"]);
    ann.says("vielleicht").sees("Erwartet wird").await;
    ann.says("ja").sees("Anything else?").await;
    ann.says("abbrechen").sees("Abgebrochen.").await;
}

#[tokio::test]
async fn in_an_open_channel_the_question_comes_again_in_the_next_session() {
    let portal = shop().await;
    let mut visitor = portal.visitor("Vera", "shop");
    visitor.says("hello").sees("What is your name?").await;
    visitor.says("Vera").sees("Which size?").await;
    let emulator = portal.emulator();
    let lines = emulator.lines();
    let chat = lines["sessions"][0]["chat"].as_u64().unwrap();
    let boris = portal.user("Boris");
    emulator.answer(boris, chat).unwrap();
    emulator
        .send(boris, &format!("chat{chat}"), "I am Boris")
        .unwrap();
    visitor.sees("I am Boris").await;
    visitor.says("large, please");
    visitor.sees_nothing_more().await;
    emulator.finish(boris, chat).unwrap();
    portal.settle().await;
    visitor.says("hello again").sees("Which size?").await;
    visitor.says("large").sees("Is it a gift?").await;
}
