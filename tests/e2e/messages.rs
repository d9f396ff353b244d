//! Replies, forwarded messages, files, long texts, attachments, and the parts that are removed
//! again, as the portal gets them from both kinds of bots.

use imbot::message::Item;
use imbot::portal::methods::event;
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, Setup, texts, until};
use crate::support::log::Log;

const BOTH: [Api; 2] = [Api::V1, Api::V2];

/// Answers each word with a message of its kind.
struct Writer(Api);

impl Bot<Option<MessageRef>> for Writer {
    fn profile(&self) -> Profile {
        Profile::new("writer", "Writer").api(self.0)
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("start", "Starts").params("<what>"),
            CommandSpec::new("where", "Shows the chat").everywhere(),
        ]
    }

    async fn message(&self, cx: &mut Context<Option<MessageRef>>, message: Message) -> Result {
        match message.text.as_str() {
            "reply" => drop(cx.say("Yes, that one.").reply_to(message.id)),
            "forward" => drop(cx.say(Draft::new("").forward([message.id]))),
            "file" => drop(cx.say(Draft::new("The list").file("list.txt", "milk"))),
            "attach" => drop(cx.say("").attach(Attach::new().message("only this"))),
            "long" => drop(cx.say_long("A sentence. ".repeat(2_000))),
            "raw" => drop(cx.say(Draft::new("raw").field("silentConnector", true))),
            "unknown button" => {
                cx.say("Press")
                    .keyboard(Button::command("Go", "nosuch", "1"));
            }
            "known button" => {
                cx.say("Press")
                    .keyboard(Button::command("Go", "start", "1"));
            }
            "refused" => drop(cx.call::<Value>("no.such.method").await?),
            "pay" => {
                cx.say("Pay?").keyboard([
                    Button::command_once("Yes", "start", "payment"),
                    Button::command_once("No", "start", "nothing"),
                ]);
            }
            "rich" => {
                let said = cx
                    .say("rich")
                    .attach(Attach::new().message("a"))
                    .keyboard(Button::send("Hi", "hi"));
                cx.state = Some(said.reference());
            }
            "bare" => {
                if let Some(last) = cx.state {
                    cx.message(last).without_attach().without_keyboard();
                }
            }
            "whisper" => cx.state = Some(cx.say(Draft::new("psst").whisper()).reference()),
            "whisper again" => {
                if let Some(last) = cx.state {
                    cx.message(last).edit(Draft::new("psst!").whisper());
                }
            }
            _ => {
                cx.say(match (message.reply_to, message.forwarded) {
                    (Some(to), _) => format!("a reply to {to}"),
                    (None, Some(from)) => format!("from {:?}", from.message),
                    (None, None) => format!("said {}", message.text),
                });
            }
        }
        Ok(())
    }

    async fn opened(&self, cx: &mut Context<Option<MessageRef>>, context: Value) -> Result {
        cx.say(format!("about {}", context["deal"]));
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Option<MessageRef>>, command: Command) -> Result {
        match command.name.as_str() {
            "where" => cx
                .say("here")
                .menu(Menu::new().item(Item::send("Hi", "hi"))),
            _ => {
                let (what,): (String,) = command.args()?;
                cx.say(format!("started {what}"))
            }
        };
        Ok(())
    }
}

async fn setup(api: Api) -> Setup {
    Setup::installed(App::new().bot(Writer(api))).await
}

/// Waits until the bot has sent this many messages to Ann, and returns them.
async fn messages(setup: &Setup, count: usize) -> Vec<Value> {
    until(&format!("{count} messages"), || {
        setup.messages_of("writer").len() >= count
    })
    .await;
    setup.settles().await;
    setup.messages_of("writer")
}

/// Calls a method as Ann, through an inbound webhook.
async fn call(setup: &Setup, method: &str, params: &Value) -> Value {
    let address = format!("{}{method}", setup.portal.webhook_url());
    let request = reqwest::Client::new().post(address).json(params);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_bot_replies_and_forwards() {
    for api in BOTH {
        let setup = setup(api).await;
        let asked = setup.write("writer", "reply");
        let said = messages(&setup, 1).await;
        assert_eq!(
            (&said[0]["text"], &said[0]["reply"]),
            (&json!("Yes, that one."), &json!(asked))
        );
        let original = setup.write("writer", "forward");
        let said = messages(&setup, 2).await;
        assert_eq!(
            (&said[1]["text"], &said[1]["forwarded"]),
            (&json!("forward"), &json!(original))
        );
        assert_eq!(setup.engine.counts().failed.get(), 0);
    }
}

#[tokio::test]
async fn a_bot_gets_what_a_message_replies_to() {
    for api in BOTH {
        let setup = setup(api).await;
        let first = setup.write("writer", "hello");
        messages(&setup, 1).await;
        let dialog = setup.dialog("writer");
        let reply = json!({ "DIALOG_ID": dialog, "MESSAGE": "and this", "REPLY_ID": first });
        call(&setup, "im.message.add", &reply).await;
        let expected = format!("a reply to {first}");
        setup.receives("writer", &["said hello", &expected]).await;
    }
}

#[tokio::test]
async fn a_bot_gets_the_context_that_its_chat_was_opened_with() {
    for api in BOTH {
        let setup = setup(api).await;
        let bot = setup.portal.bot("writer").unwrap();
        if api == Api::V1 {
            // `imbot.register` has no parameter for this event.
            let portal = setup
                .engine
                .portal(&setup.engine.portals().remove(0))
                .unwrap();
            let bind = event::Bind::new("ONIMBOTCONTEXTGET").handler(setup.handler.clone());
            portal.run(bind).await.unwrap();
        }
        let context = json!({ "deal": "A house" });
        setup.portal.open_with_context(ANN, bot, &context).unwrap();
        setup.receives("writer", &["about \"A house\""]).await;
    }
}

#[tokio::test]
async fn a_file_with_a_caption_waits_its_turn_in_the_outbox() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("writer", "file");
        setup.write("writer", "after it");
        let said = messages(&setup, 2).await;
        assert_eq!(texts(&said), ["The list", "said after it"]);
        assert_eq!(said[0]["files"][0]["name"], "list.txt");
        assert_eq!(said[0]["files"][0]["size"], 4);
    }
}

#[tokio::test]
async fn an_attachment_needs_no_text_with_v2() {
    let setup = setup(Api::V2).await;
    setup.write("writer", "attach");
    let said = messages(&setup, 1).await;
    assert_eq!(said[0]["attach"]["BLOCKS"][0]["MESSAGE"], "only this");
    assert_eq!(setup.engine.counts().failed.get(), 0);
}

#[tokio::test]
async fn a_long_text_arrives_whole() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("writer", "long");
        let said = messages(&setup, 2).await;
        let whole = texts(&said).join(" ");
        assert_eq!(whole, "A sentence. ".repeat(2_000).trim_end());
    }
}

#[tokio::test]
async fn parts_of_a_sent_message_are_removed() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("writer", "rich");
        let said = messages(&setup, 1).await;
        assert!(said[0]["attach"].is_object() && said[0]["keyboard"].is_object());
        setup.write("writer", "bare");
        until("the parts to go", || {
            let said = setup.messages_of("writer").remove(0);
            said["attach"].is_null() && said["keyboard"].is_null()
        })
        .await;
        assert_eq!(texts(&setup.messages_of("writer")), ["rich"]);
    }
}

#[tokio::test]
async fn a_turn_whose_call_the_portal_refuses_for_good_is_not_retried() {
    let setup = setup(Api::V2).await;
    setup.write("writer", "refused");
    let said = messages(&setup, 1).await;
    assert!(texts(&said)[0].starts_with("Sorry"), "{said:?}");
    assert_eq!(setup.traffic("no.such.method").len(), 1);
    let counts = setup.engine.counts();
    assert_eq!((counts.failed.get(), counts.dead.get()), (1, 1));
}

#[tokio::test]
async fn a_button_that_works_once_counts_the_first_press_and_takes_its_keyboard_away() {
    for api in BOTH {
        let setup = setup(api).await;
        setup.write("writer", "pay");
        let said = messages(&setup, 1).await;
        let id = said[0]["id"].as_u64().unwrap();
        for button in [0, 1, 0] {
            // Refused if the keyboard is gone already.
            let _ = setup.portal.press(ANN, id, button);
        }
        setup.receives("writer", &["Pay?", "started payment"]).await;
        setup.settles().await;
        assert_eq!(
            texts(&setup.messages_of("writer")),
            ["Pay?", "started payment"]
        );
        assert!(setup.messages_of("writer")[0]["keyboard"].is_null());
    }
}

#[tokio::test]
async fn a_field_without_a_method_reaches_the_portal_by_its_name() {
    let setup = setup(Api::V2).await;
    setup.write("writer", "raw");
    messages(&setup, 1).await;
    assert_eq!(
        setup.sent(Api::V2)[0]["request"]["fields"]["silentConnector"],
        true
    );
}

#[tokio::test]
async fn a_whisper_is_edited_by_the_method_that_documents_it() {
    let setup = setup(Api::V2).await;
    setup.write("writer", "whisper");
    messages(&setup, 1).await;
    setup.write("writer", "whisper again");
    setup.receives("writer", &["psst!"]).await;
    let edits = setup.traffic("imbot.message.update");
    assert_eq!(edits[0]["request"]["SKIP_CONNECTOR"], "Y");
}

#[tokio::test]
async fn a_registered_command_behind_a_mention_comes_as_a_command() {
    for api in BOTH {
        let setup = setup(api).await;
        let bot = setup.portal.bot("writer").unwrap();
        let group = setup.portal.group(ANN, "Team", &[ANN, bot]).unwrap();
        let last = |expected: &str| {
            let last = setup.portal.history(ANN, &group).pop();
            last.is_some_and(|last| last["text"] == expected)
        };
        for (line, expected) in [
            ("/start engine", "started engine"),
            ("/unknown engine", "said /unknown engine"),
            (", start engine", "said start engine"),
        ] {
            let text = format!("[USER={bot}]Writer[/USER] {line}");
            setup.portal.send(ANN, &group, &text).unwrap();
            until(expected, || last(expected)).await;
        }
    }
}

#[tokio::test]
async fn an_answer_with_a_menu_is_given_where_the_bot_is_not_a_member() {
    for api in BOTH {
        let (log, _guard) = Log::record();
        let setup = setup(api).await;
        setup.answers_where_the_bot_is_not_a_member().await;
        // The method of v2 takes no menu.
        let is_dropped = log.text().contains("part=\"MENU\"");
        assert_eq!(is_dropped, api == Api::V2, "{}", log.text());
    }
}

#[tokio::test]
async fn a_button_whose_command_is_not_registered_is_logged_when_it_is_said() {
    for (word, is_logged) in [("unknown button", true), ("known button", false)] {
        let (log, _guard) = Log::record();
        let setup = setup(Api::V2).await;
        setup.write("writer", word);
        messages(&setup, 1).await;
        let log = log.text();
        assert_eq!(log.contains("command=\"nosuch\""), is_logged, "{log}");
    }
}
