//! Clients, an operator and a bot who write in a line's chat at the same time.
//!
//! A bot is not told to be silent; it only receives the operator's message. The promise: of the
//! clients' messages the bot answers all that it receives before an operator's first message, and
//! none that it receives after. An answer may appear after that message if the bot had started on
//! it before.

use std::time::Duration;

use serde_json::Value;

use super::lines::{BORIS, Stage, WAYS};
use super::stage::texts;
use crate::support::random::Random;

/// How often each way is tried.
const ROUNDS: u64 = 15;
/// Messages in a round.
const WORDS: u64 = 10;

#[tokio::test]
async fn nothing_received_after_an_operators_message_is_answered() {
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
            stage.settles().await;
            let before: Vec<Value> = portal.line_history(chat);
            let of = |message: &Value| message["author"] != BORIS;
            let heard = before.iter().take_while(|message| of(message));
            let answers = heard.filter(|message| message["outside"]["state"] == "came");
            let answers = answers
                .enumerate()
                .map(|(at, message)| format!("{}: {}", at + 1, message["text"].as_str().unwrap()));
            let expected: Vec<String> = ["Welcome".to_owned()].into_iter().chain(answers).collect();
            let received = stage.received_by(&client);
            assert_eq!(
                texts(&received),
                expected,
                "{way:?}, round {round}: {before:#?}"
            );
        }
    }
}
