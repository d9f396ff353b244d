//! Features of v2 only, by webhook and by polling: reactions, contexts, files, reading, the input
//! field, and statuses.

use imbot::emulator::Feed;
use imbot::portal::FileContent;
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, PATIENCE, Setup, texts, until};

/// Carries out commands, and reports the events that it receives.
struct Modern(EventMode);

impl Bot for Modern {
    fn profile(&self) -> Profile {
        Profile::new("modern", "Modern").event_mode(self.0)
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        match message.text.as_str() {
            "react" => {
                cx.react(message.id, "fire").await?;
                cx.react(message.id, "fire").await?; // again has no effect
            }
            "unreact" => cx.unreact(message.id, "fire").await?,
            "read" => cx.read().await?,
            "silence" => cx.text_field(false).await?,
            "think" => {
                let _thinking = cx.showing(Status::Thinking);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            "file" => {
                let sent = cx.upload("list.txt", b"milk, bread");
                let sent = sent.caption("what we need").await?;
                cx.say(format!("sent as {}", sent.file.name));
            }
            _ => {}
        }
        for file in &message.files {
            let about = cx.describe(file).await?;
            let FileContent {
                content, header, ..
            } = cx.download(file).await?;
            assert_eq!(header.name, about.name);
            let content = String::from_utf8_lossy(&content);
            cx.say(format!(
                "{content} from {}, {} of {} bytes",
                about.name, about.kind, about.size
            ));
        }
        Ok(())
    }

    async fn reaction(&self, cx: &mut Context, reaction: Reaction) -> Result {
        let what = if reaction.added { "set" } else { "taken back" };
        cx.say(format!("{} {what}", reaction.reaction));
        Ok(())
    }

    async fn opened(&self, cx: &mut Context, context: Value) -> Result {
        cx.say(format!(
            "about {}",
            context["deal"]["title"].as_str().unwrap_or("?")
        ));
        Ok(())
    }

    async fn edited(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("now: {}", message.text));
        Ok(())
    }

    async fn deleted(&self, cx: &mut Context, _: Deleted) -> Result {
        cx.say("gone");
        Ok(())
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        cx.say("hello");
        Ok(())
    }
}

/// A setup for each way of delivering events, with an open private chat.
async fn setups() -> [Setup; 2] {
    let setup = async |mode| {
        let setup = Setup::installed(App::new().bot(Modern(mode))).await;
        let bot = setup.portal.bot("modern").unwrap();
        setup.portal.open(ANN, bot).unwrap();
        setup.receives("modern", &["hello"]).await;
        setup
    };
    tokio::join!(setup(EventMode::Webhook), setup(EventMode::Fetch)).into()
}

/// Waits for an update of a kind.
async fn sees(live: &mut Feed, fits: impl Fn(&Value) -> bool) {
    let seen = async { while !fits(&live.next().await.unwrap()) {} };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("an update in time");
}

#[tokio::test]
async fn every_event_of_a_chat_is_received() {
    for setup in setups().await {
        let own = setup.messages_of("modern")[0]["id"].as_u64().unwrap();
        setup.portal.react(ANN, own, "fire").unwrap();
        setup.receives("modern", &["hello", "fire set"]).await;
        setup.portal.unreact(ANN, own, "fire").unwrap();
        setup
            .receives("modern", &["hello", "fire set", "fire taken back"])
            .await;
        let hers = setup.write("modern", "a word");
        until("all events to be handled", || {
            setup.engine.waiting() == (0, 0)
        })
        .await;
        setup.portal.edit(ANN, hers, "another").unwrap();
        until("the edit", || {
            texts(&setup.messages_of("modern")).last() == Some(&"now: another")
        })
        .await;
        setup.portal.delete(ANN, hers).unwrap();
        until("the deletion", || {
            texts(&setup.messages_of("modern")).last() == Some(&"gone")
        })
        .await;
        let bot = setup.portal.bot("modern").unwrap();
        let context = json!({ "deal": { "title": "A house" } });
        setup.portal.open_with_context(ANN, bot, &context).unwrap();
        until("the context", || {
            texts(&setup.messages_of("modern")).last() == Some(&"about A house")
        })
        .await;
    }
}

#[tokio::test]
async fn a_bot_reacts_reads_and_hides_the_input_field() {
    for setup in setups().await {
        setup.write("modern", "react");
        until("the reaction", || {
            setup.traffic("imbot.v2.chat.message.reaction.add").len() == 2
        })
        .await;
        let hers = setup.portal.history(ANN, &setup.dialog("modern"));
        let hers = hers
            .iter()
            .find(|message| message["text"] == "react")
            .unwrap();
        assert!(hers.to_string().contains("fire"), "{hers}");
        for (word, method) in [
            ("read", "imbot.v2.chat.message.read"),
            ("silence", "imbot.v2.chat.textfield.enabled"),
        ] {
            setup.write("modern", word);
            until(word, || !setup.traffic(method).is_empty()).await;
            assert_eq!(setup.traffic(method)[0]["status"], 200, "{word}");
        }
        until("the turns to end", || setup.engine.waiting() == (0, 0)).await;
        assert_eq!(setup.engine.counts().failed.get(), 0);
    }
}

#[tokio::test]
async fn a_bot_shows_a_thinking_status() {
    for setup in setups().await {
        let mut live = setup.portal.subscribe(ANN);
        setup.write("modern", "think");
        sees(&mut live, |update| {
            update["type"] == "typing" && update.to_string().contains("THINKING")
        })
        .await;
    }
}

#[tokio::test]
async fn files_are_sent_and_read() {
    for setup in setups().await {
        setup.write("modern", "file");
        until("the file", || {
            texts(&setup.messages_of("modern")).last() == Some(&"sent as list.txt")
        })
        .await;
        assert_eq!(texts(&setup.messages_of("modern"))[1], "what we need");
        let hers = json!({ "name": "note.txt", "content": "bm90ZQ==" });
        let answer = reqwest::Client::new()
            .post(format!("{}im.v2.File.upload", setup.portal.webhook_url()))
            .json(&json!({ "dialogId": setup.dialog("modern"), "fields": hers }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        until("the content", || {
            texts(&setup.messages_of("modern")).last()
                == Some(&"note from note.txt, file of 4 bytes")
        })
        .await;
    }
}
