//! What only the second generation of the bot platform has, by webhook and by polling: reactions, contexts, files, reading,
//! the input field, and what a bot shows that it is doing.

use imbot::emulator::Feed;
use imbot::prelude::*;
use serde_json::{Value, json};

use super::stage::{ANN, PATIENCE, Setup, texts, until};

/// Does what it is told, and tells what it sees.
struct Modern(EventMode);

impl Bot for Modern {
    fn profile(&self) -> Profile {
        Profile::new("modern", "Modern").event_mode(self.0)
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        match message.text.as_str() {
            "react" => {
                cx.react(message.id, "fire").await?;
                cx.react(message.id, "fire").await?; // it is set already
            }
            "unreact" => cx.unreact(message.id, "fire").await?,
            "read" => cx.read().await?,
            "silence" => cx.text_field(false).await?,
            "think" => {
                let _thinking = cx.showing(Status::Thinking);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            "file" => {
                let sent = cx.upload("list.txt", b"milk, bread").await?;
                cx.say(format!("sent as {}", sent.file.name));
            }
            _ => {}
        }
        for file in &message.files {
            let content = cx.download(file).await?;
            cx.say(String::from_utf8_lossy(&content).into_owned());
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

/// A road for each way to events, in a private chat that is open.
async fn roads() -> [Setup; 2] {
    let road = async |mode| {
        let road = Setup::to(App::new().bot(Modern(mode))).await;
        let bot = road.portal.bot("modern").unwrap();
        road.portal.open(ANN, bot).unwrap();
        road.hears("modern", &["hello"]).await;
        road
    };
    tokio::join!(road(EventMode::Webhook), road(EventMode::Fetch)).into()
}

/// Waits for news of a kind.
async fn sees(live: &mut Feed, fits: impl Fn(&Value) -> bool) {
    let seen = async { while !fits(&live.next().await.unwrap()) {} };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("the news in time");
}

#[tokio::test]
async fn all_that_happens_in_a_chat_is_heard() {
    for road in roads().await {
        let own = road.said("modern")[0]["id"].as_u64().unwrap();
        road.portal.react(ANN, own, "fire").unwrap();
        road.hears("modern", &["hello", "fire set"]).await;
        road.portal.unreact(ANN, own, "fire").unwrap();
        road.hears("modern", &["hello", "fire set", "fire taken back"])
            .await;
        let hers = road.tell("modern", "a word");
        until("everything to be told", || road.engine.waiting() == (0, 0)).await;
        road.portal.edit(ANN, hers, "another").unwrap();
        until("the edit", || {
            texts(&road.said("modern")).last() == Some(&"now: another")
        })
        .await;
        road.portal.delete(ANN, hers).unwrap();
        until("the deletion", || {
            texts(&road.said("modern")).last() == Some(&"gone")
        })
        .await;
        let bot = road.portal.bot("modern").unwrap();
        let context = json!({ "deal": { "title": "A house" } });
        road.portal.open_with_context(ANN, bot, &context).unwrap();
        until("the context", || {
            texts(&road.said("modern")).last() == Some(&"about A house")
        })
        .await;
    }
}

#[tokio::test]
async fn a_bot_reacts_reads_and_takes_the_input_field_away() {
    for road in roads().await {
        road.tell("modern", "react");
        until("the reaction", || {
            road.traffic("imbot.v2.chat.message.reaction.add").len() == 2
        })
        .await;
        let hers = road.portal.history(ANN, &road.dialog("modern"));
        let hers = hers
            .iter()
            .find(|message| message["text"] == "react")
            .unwrap();
        assert!(hers.to_string().contains("fire"), "{hers}");
        for (word, method) in [
            ("read", "imbot.v2.chat.message.read"),
            ("silence", "imbot.v2.chat.textfield.enabled"),
        ] {
            road.tell("modern", word);
            until(word, || !road.traffic(method).is_empty()).await;
            assert_eq!(road.traffic(method)[0]["status"], 200, "{word}");
        }
        until("the turns to end", || road.engine.waiting() == (0, 0)).await;
        assert_eq!(road.engine.counts().failed.get(), 0);
    }
}

#[tokio::test]
async fn a_bot_shows_that_it_thinks() {
    for road in roads().await {
        let mut live = road.portal.subscribe(ANN);
        road.tell("modern", "think");
        sees(&mut live, |news| {
            news["type"] == "typing" && news.to_string().contains("THINKING")
        })
        .await;
    }
}

#[tokio::test]
async fn files_go_both_ways() {
    for road in roads().await {
        road.tell("modern", "file");
        until("the file", || {
            texts(&road.said("modern")).last() == Some(&"sent as list.txt")
        })
        .await;
        let hers = json!({ "name": "note.txt", "content": "bm90ZQ==" });
        let answer = reqwest::Client::new()
            .post(format!("{}im.v2.File.upload", road.portal.webhook_url()))
            .json(&json!({ "dialogId": road.dialog("modern"), "fields": hers }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        until("the content", || {
            texts(&road.said("modern")).last() == Some(&"note")
        })
        .await;
    }
}
