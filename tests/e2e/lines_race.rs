//! Clients, an operator and a bot who write in a line's chat at the same time.
//!
//! The portal does not ask a bot to be silent; the bot only receives the operator's message. It
//! must answer all clients' messages that it receives before the operator's first message, and no
//! later ones. An answer may appear after the operator's message if the bot had started it before.

use std::time::Duration;

use serde_json::Value;

use super::lines::{BORIS, MODES, Stage};
use super::stage::texts;
use crate::support::random::Random;

/// Number of rounds in each mode.
const ROUNDS: u64 = 15;
/// Number of messages in a round.
const WORDS: u64 = 10;

#[tokio::test]
async fn nothing_received_after_an_operators_message_is_answered() {
    for mode in MODES {
        let stage = Stage::on(mode).await;
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
                "{mode:?}, round {round}: {before:#?}"
            );
        }
    }
}
