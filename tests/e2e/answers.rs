//! What a bot does reaches the portal as the people there see it.

use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, Setup, texts, until};

/// Does with its last message what it is told.
struct Clerk(Api);

impl Bot<Option<MessageRef>> for Clerk {
    fn profile(&self) -> Profile {
        Profile::new("clerk", "Clerk").api(self.0)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("stamp", "Stamps a paper").params("<what>")]
    }

    async fn message(&self, cx: &mut Context<Option<MessageRef>>, message: Message) -> Result {
        let last = cx.state.map(|last| cx.message(last));
        match (message.text.as_str(), last) {
            ("edit", Some(last)) => drop(last.edit("edited")),
            ("delete", Some(last)) => last.delete(),
            ("type", _) => {
                let _typing = cx.typing();
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            (text, _) => {
                let stamp = Button::command("Stamp", "stamp", "paper");
                let said = cx.say(text).keyboard(Keyboard::new().row([stamp]));
                cx.state = Some(said.reference());
            }
        }
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Option<MessageRef>>, command: Command) -> Result {
        cx.say(format!("stamped: {}", command.params));
        Ok(())
    }
}

const BOTH: [Api; 2] = [Api::V1, Api::V2];

async fn road(api: Api) -> Setup {
    let road = Setup::to(App::new().bot(Clerk(api))).await;
    road.tell("clerk", "a paper");
    road.hears("clerk", &["a paper"]).await;
    road
}

#[tokio::test]
async fn a_message_is_edited_in_a_later_turn() {
    for api in BOTH {
        let road = road(api).await;
        road.tell("clerk", "edit");
        road.hears("clerk", &["edited"]).await;
        assert_eq!(road.said("clerk")[0]["edited"], true);
        assert_eq!(road.sent(api).len(), 1);
    }
}

#[tokio::test]
async fn a_message_is_deleted_in_a_later_turn() {
    for api in BOTH {
        let road = road(api).await;
        road.tell("clerk", "delete");
        let is_deleted = |message: &Value| message["deleted"] == true;
        until("the deletion", || road.said("clerk").iter().all(is_deleted)).await;
    }
}

#[tokio::test]
async fn typing_is_shown() {
    for api in BOTH {
        types(&road(api).await).await;
    }
}

async fn types(road: &Setup) {
    let mut live = road.portal.subscribe(ANN);
    road.tell("clerk", "type");
    let bot = road.portal.bot("clerk").unwrap();
    let seen = tokio::time::timeout(super::stage::PATIENCE, async {
        loop {
            let news = live.next().await.unwrap();
            if news["type"] == "typing" && news["user"] == bot {
                break news;
            }
        }
    });
    assert_eq!(seen.await.unwrap()["dialog_id"], bot.to_string());
}

#[tokio::test]
async fn a_button_gives_its_command_and_the_answer_is_one() {
    for api in BOTH {
        presses(&road(api).await, api).await;
    }
}

async fn presses(road: &Setup, api: Api) {
    let paper = road.said("clerk").remove(0);
    assert_eq!(paper["keyboard"]["BUTTONS"][0]["TEXT"], "Stamp");
    let id = paper["id"].as_u64().unwrap();
    road.portal.press(ANN, id, 0).unwrap();
    road.hears("clerk", &["a paper", "stamped: paper"]).await;
    let answers = road.traffic("imbot.command.answer");
    if api == Api::V1 {
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["request"]["MESSAGE_ID"], json!(id));
    } else {
        assert!(answers.is_empty(), "what it can say as well it says");
    }
}

#[tokio::test]
async fn a_typed_command_is_answered_as_one() {
    let road = road(Api::V1).await;
    let id = road.tell("clerk", "/stamp letter");
    road.hears("clerk", &["a paper", "stamped: letter"]).await;
    let answers = road.traffic("imbot.command.answer");
    let asked: Vec<&Value> = answers
        .iter()
        .map(|a| &a["request"]["MESSAGE_ID"])
        .collect();
    assert_eq!(asked, [&json!(id)]);
    assert_eq!(road.traffic("imbot.message.add").len(), 1);
}

#[tokio::test]
async fn many_messages_of_one_chat_are_answered_in_order() {
    let road = Setup::to(App::new().bot(super::stage::Echo)).await;
    for number in 0..20 {
        road.tell("echo", &number.to_string());
    }
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    until("twenty answers", || texts(&road.said("echo")) == expected).await;
}

#[tokio::test]
async fn a_command_of_a_chat_that_the_bot_is_not_in_is_answered_there() {
    for api in BOTH {
        let road = Setup::to(App::new().bot(Anywhere(api))).await;
        let group = road.portal.group(ANN, "Without the bot", &[]).unwrap();
        road.portal.send(ANN, &group, "/where").unwrap();
        let is_answered = || {
            let last = road.portal.history(ANN, &group).pop();
            last.is_some_and(|last| last["text"].as_str().unwrap().contains("here"))
        };
        until("the answer", is_answered).await;
    }
}

/// Has a command for every chat.
struct Anywhere(Api);

impl Bot for Anywhere {
    fn profile(&self) -> Profile {
        Profile::new("anywhere", "Anywhere").api(self.0)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("where", "Tells where it is").everywhere()]
    }

    async fn command(&self, cx: &mut Context, _: Command) -> Result {
        cx.say("here");
        Ok(())
    }
}
