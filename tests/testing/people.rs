//! States of people: in a group, each person has a conversation of their own.

use std::time::Duration;

use imbot::prelude::*;
use imbot::testing::TestPortal;

/// Asks for a name, then for a number, and asks again a day later.
struct Form;

impl Bot<Option<String>> for Form {
    fn profile(&self) -> Profile {
        Profile::new("form", "Form").state_per_person()
    }

    async fn message(&self, cx: &mut Context<Option<String>>, message: Message) -> Result {
        let Some(name) = cx.state.take() else {
            cx.say(format!("How many, {}?", message.text));
            cx.state = Some(message.text);
            return Ok(());
        };
        let count: u32 = message.text.parse().or_tell("A number, please.")?;
        cx.remind(Duration::from_secs(60), &name)?;
        cx.state = Some(format!("{name} again"));
        cx.say(format!("{count} for {name}"));
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<Option<String>>, _: Reminder) -> Result {
        let state = cx.state.clone().unwrap_or_default();
        cx.say(format!("{:?} is {state}", cx.sender()));
        Ok(())
    }
}

#[tokio::test]
async fn people_in_a_group_do_not_answer_for_each_other() {
    let portal = TestPortal::with(|| App::new().bot(Form)).await;
    let [mut ann, mut boris] = portal.group(["Ann", "Boris"], &["form"]);
    ann.tells("form", "tea").sees("How many, tea?").await;
    boris.tells("form", "7").sees("How many, 7?").await;
    portal.crash().await;
    ann.tells("form", "2").sees("2 for tea").await;
    boris.tells("form", "3").sees("3 for 7").await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees("Some(UserId(1)) is tea again").await;
    ann.sees("Some(UserId(2)) is 7 again").await;
}

#[tokio::test]
async fn in_a_private_chat_the_state_is_that_of_the_chat() {
    let portal = TestPortal::with(App::new().bot(Form)).await;
    let mut ann = portal.private("Ann", "form");
    ann.says("tea").sees("How many, tea?").await;
    portal.restart_as(App::new().bot(Form)).await;
    ann.says("2").sees("2 for tea").await;
    portal.advance(Duration::from_secs(60)).await;
    ann.sees("is tea again").await;
}
