//! States of another version: an older one is upgraded, and one that cannot be read is quarantined.

use std::sync::Arc;

use bytes::Bytes;
use imbot::prelude::*;
use imbot::store::{
    Appended, Conversation, Inbox, Memory, NewDelivery, NewEvent, Occurrence, OrderingKey, Portals,
    StateChange, StoredState, Time, TurnCommit, Turns,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stage::{MEMBER, Stage, TOKEN, message};
use imbot::store::contract::sample::installation;

#[derive(Default, Serialize, Deserialize)]
struct Order {
    what: String,
    pieces: u32,
}

/// A shop whose first version stored only the pieces, as a number.
struct Shop;

impl Bot<Order> for Shop {
    fn state_version(&self) -> u32 {
        2
    }

    fn upgrade(&self, version: u32, old: Value) -> Result<Order> {
        match (version, old.as_u64()) {
            (1, Some(pieces)) => Ok(Order {
                what: "pizza".into(),
                pieces: pieces as u32,
            }),
            _ => panic!("a bug in `upgrade`"),
        }
    }

    async fn message(&self, cx: &mut Context<Order>, _: Message) -> Result {
        cx.say(format!("{} × {}", cx.state.pieces, cx.state.what));
        Ok(())
    }
}

fn here() -> Conversation {
    Conversation {
        portal: imbot::event::MemberId::new(MEMBER),
        bot: imbot::event::BotId(7),
        dialog: "27".into(),
    }
}

/// A store in which the conversation has this state.
async fn store_with(version: u32, bytes: &'static str) -> Arc<Memory> {
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    let event = NewEvent {
        occurrence: Occurrence(1),
        key: OrderingKey::Chat(here()),
        part: 0,
    };
    let delivery = NewDelivery {
        portal: here().portal,
        body: Bytes::new(),
        at: Time(0),
        events: vec![event],
    };
    let Appended::Now(ids) = store.append(delivery).await.unwrap() else {
        panic!()
    };
    let state = StoredState {
        version,
        bytes: Bytes::from_static(bytes.as_bytes()),
    };
    let turn = TurnCommit {
        state: Some((here(), StateChange::Put(state))),
        ..TurnCommit::done(ids[0].unwrap(), Time(0))
    };
    store.commit(turn).await.unwrap();
    store
}

async fn answers(version: u32, bytes: &'static str) -> (String, u64, Option<StoredState>) {
    let stage = Stage::on(App::new().bot(Shop), store_with(version, bytes).await).await;
    stage.post(message("shop", "27", 1, "well?")).await;
    stage.until_idle().await;
    let said = stage.sent.texts("27").remove(0);
    let state = stage.store.state(&here()).await.unwrap();
    (said, stage.engine.counts().state_resets.get(), state)
}

#[tokio::test]
async fn an_older_state_is_upgraded_and_stored_with_the_current_version() {
    let (said, resets, state) = answers(1, "3").await;
    assert_eq!((said.as_str(), resets), ("3 × pizza", 0));
    let state = state.unwrap();
    assert_eq!(state.version, 2);
    assert_eq!(state.bytes, r#"{"what":"pizza","pieces":3}"#);
}

#[tokio::test]
async fn a_conversation_whose_state_cannot_be_read_starts_from_the_default_and_is_counted() {
    for (version, bytes) in [
        (2, "no JSON at all"),
        (2, r#"{"another":"shape"}"#),
        (1, r#""a panic in upgrade""#),
        (3, r#"{"what":"from the future","pieces":1}"#),
    ] {
        let (said, resets, state) = answers(version, bytes).await;
        assert_eq!((said.as_str(), resets), ("0 × ", 1), "{version} {bytes}");
        assert_eq!(state, None, "the default is not stored: {bytes}");
    }
}

#[tokio::test]
async fn a_state_of_the_current_version_is_read_as_it_is() {
    let (said, resets, _) = answers(2, r#"{"what":"cake","pieces":1}"#).await;
    assert_eq!((said.as_str(), resets), ("1 × cake", 0));
}
