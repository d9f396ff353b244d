//! Messages, edits, deletions and answers of a bot, as users of the portal see them.

use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, Setup, texts, until};

/// Edits or deletes its last message on request.
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

async fn setup(api: Api) -> Setup {
    let setup = Setup::installed(App::new().bot(Clerk(api))).await;
    setup.write("clerk", "a paper");
    setup.receives("clerk", &["a paper"]).await;
    setup
}

#[tokio::test]
async fn a_message_is_edited_in_a_later_turn() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("clerk", "edit");
        setup.receives("clerk", &["edited"]).await;
        assert_eq!(setup.messages_of("clerk")[0]["edited"], true);
        assert_eq!(setup.sent(api).len(), 1);
    }
}

#[tokio::test]
async fn a_message_is_deleted_in_a_later_turn() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("clerk", "delete");
        let is_deleted = |message: &Value| message["deleted"] == true;
        until("the deletion", || {
            setup.messages_of("clerk").iter().all(is_deleted)
        })
        .await;
    }
}

#[tokio::test]
async fn typing_is_shown() {
    for api in BOTH {
        types(&setup(api).await).await;
    }
}

async fn types(setup: &Setup) {
    let mut live = setup.portal.subscribe(ANN);
    setup.write("clerk", "type");
    let bot = setup.portal.bot("clerk").unwrap();
    let seen = tokio::time::timeout(super::stage::PATIENCE, async {
        loop {
            let update = live.next().await.unwrap();
            if update["type"] == "typing" && update["user"] == bot {
                break update;
            }
        }
    });
    assert_eq!(seen.await.unwrap()["dialog_id"], bot.to_string());
}

#[tokio::test]
async fn a_pressed_button_gives_its_command_which_is_answered_once() {
    for api in BOTH {
        presses(&setup(api).await, api).await;
    }
}

async fn presses(setup: &Setup, api: Api) {
    let paper = setup.messages_of("clerk").remove(0);
    assert_eq!(paper["keyboard"]["BUTTONS"][0]["TEXT"], "Stamp");
    let id = paper["id"].as_u64().unwrap();
    setup.portal.press(ANN, id, 0).unwrap();
    setup
        .receives("clerk", &["a paper", "stamped: paper"])
        .await;
    let answers = setup.traffic("imbot.command.answer");
    if api == Api::V1 {
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["request"]["MESSAGE_ID"], json!(id));
    } else {
        assert!(answers.is_empty(), "what it can say as well it says");
    }
}

#[tokio::test]
async fn a_typed_command_is_answered_as_a_command() {
    let setup = setup(Api::V1).await;
    let id = setup.write("clerk", "/stamp letter");
    setup
        .receives("clerk", &["a paper", "stamped: letter"])
        .await;
    let answers = setup.traffic("imbot.command.answer");
    let asked: Vec<&Value> = answers
        .iter()
        .map(|a| &a["request"]["MESSAGE_ID"])
        .collect();
    assert_eq!(asked, [&json!(id)]);
    assert_eq!(setup.traffic("imbot.message.add").len(), 1);
}

#[tokio::test]
async fn many_messages_of_one_chat_are_answered_in_order() {
    let setup = Setup::installed(App::new().bot(super::stage::Echo)).await;
    for number in 0..20 {
        setup.write("echo", &number.to_string());
    }
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    until("twenty answers", || {
        texts(&setup.messages_of("echo")) == expected
    })
    .await;
}

#[tokio::test]
async fn a_command_of_a_chat_that_the_bot_is_not_in_is_answered_there() {
    for api in BOTH {
        let setup = Setup::installed(App::new().bot(Anywhere(api))).await;
        setup.answers_where_the_bot_is_not_a_member().await;
    }
}

/// A bot with a command that works in every chat.
struct Anywhere(Api);

impl Bot for Anywhere {
    fn profile(&self) -> Profile {
        Profile::new("anywhere", "Anywhere").api(self.0)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("where", "Shows the chat").everywhere()]
    }

    async fn command(&self, cx: &mut Context, _: Command) -> Result {
        cx.say("here");
        Ok(())
    }
}
