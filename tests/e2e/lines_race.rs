//! Clients, an operator and a bot who all talk at once in a line's chat.
//!
//! Nobody tells a bot that it is to be silent, so it can only hear it. What is promised: of what clients write, the bot
//! answers what it hears before an operator's first word, all of it, and nothing of what it hears after. An answer may
//! still stand behind that word where the bot began on it before.

use std::time::Duration;

use serde_json::Value;

use super::lines::{BORIS, Stage, WAYS};
use super::stage::texts;
use crate::support::random::Random;

/// How often each way is tried.
const ROUNDS: u64 = 15;
/// Words in a round.
const WORDS: u64 = 10;

#[tokio::test]
async fn nothing_that_is_heard_behind_an_operators_word_is_answered() {
    for way in WAYS {
        let stage = Stage::on(way).await;
        for round in 0..ROUNDS {
            let mut dice = Random::new(round);
            let client = stage.visitor(&format!("client {round}"));
            let portal = &stage.desk.portal;
            let chat = portal.client_says(&client, "m0").unwrap().chat;
            portal.join(BORIS, chat).unwrap();
            for word in 1..=WORDS {
                match dice.below(5) {
                    0 => drop(
                        portal
                            .send(BORIS, &format!("chat{chat}"), "I am here")
                            .unwrap(),
                    ),
                    _ => drop(portal.client_says(&client, &format!("m{word}")).unwrap()),
                }
                tokio::time::sleep(Duration::from_millis(dice.below(4))).await;
            }
            stage.rests().await;
            let before: Vec<Value> = portal.line_history(chat);
            let of = |message: &Value| message["author"] != BORIS;
            let heard = before.iter().take_while(|message| of(message));
            let answers = heard.filter(|message| message["outside"]["state"] == "came");
            let answers = answers
                .enumerate()
                .map(|(at, message)| format!("{}: {}", at + 1, message["text"].as_str().unwrap()));
            let expected: Vec<String> = ["Welcome".to_owned()].into_iter().chain(answers).collect();
            let told = stage.told(&client);
            assert_eq!(
                texts(&told),
                expected,
                "{way:?}, round {round}: {before:#?}"
            );
        }
    }
}
