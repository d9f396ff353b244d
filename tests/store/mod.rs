//! The contract that every store keeps. A new engine adds one line to [`every_store`].

use std::sync::Arc;

use bytes::Bytes;
use imbot::event::{BotId, DialogId, MemberId, MessageId};
use imbot::store::{
    Call, CallId, Conversation, EventId, Installation, Memory, NewEvent, QueuedCall, StateChange,
    Store, Tokens, Turn,
};
use serde_json::Map;

fn every_store() -> Vec<(&'static str, Arc<dyn Store>)> {
    vec![("memory", Arc::new(Memory::new()))]
}

fn event(occurrence: &str) -> NewEvent {
    let body = Bytes::copy_from_slice(format!("event={occurrence}").as_bytes());
    NewEvent {
        portal: MemberId::new("portal"),
        occurrence: occurrence.into(),
        body,
        part: 0,
    }
}

fn conversation(dialog: &str) -> Conversation {
    Conversation {
        portal: MemberId::new("portal"),
        bot: BotId(7),
        dialog: DialogId::from(dialog),
    }
}

fn say(event: EventId, index: u16, remember: bool) -> Arc<QueuedCall> {
    let call = Call::Say {
        params: Map::new(),
        answers: None,
        remember,
    };
    Arc::new(QueuedCall {
        id: CallId { event, index },
        to: conversation("27"),
        call,
    })
}

#[tokio::test]
async fn an_event_waits_until_its_turn_is_committed() {
    for (name, store) in every_store() {
        let ids = store
            .append(vec![event("a"), event("b"), event("c")])
            .await
            .unwrap();
        let ids: Vec<EventId> = ids.into_iter().flatten().collect();
        assert!(ids.is_sorted() && ids.len() == 3, "{name}");
        store
            .commit(Turn {
                event: ids[1],
                state: None,
                calls: vec![],
            })
            .await
            .unwrap();
        let waiting = store.waiting().await.unwrap();
        let waiting: Vec<_> = waiting
            .iter()
            .map(|(id, event)| (*id, event.body.as_ref()))
            .collect();
        assert_eq!(
            waiting,
            [(ids[0], b"event=a".as_ref()), (ids[2], b"event=c".as_ref())],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_repeat_has_no_number_and_another_portal_is_no_repeat() {
    for (name, store) in every_store() {
        let first = store.append(vec![event("a")]).await.unwrap();
        let elsewhere = NewEvent {
            portal: MemberId::new("elsewhere"),
            ..event("a")
        };
        let again = store
            .append(vec![event("a"), elsewhere, event("b")])
            .await
            .unwrap();
        assert!(
            first[0].is_some() && again[0].is_none() && again[1].is_some() && again[2].is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_commit_writes_state_and_calls_once() {
    for (name, store) in every_store() {
        let id = store.append(vec![event("a")]).await.unwrap()[0].unwrap();
        let key = conversation("27");
        let state = |text: &'static str| {
            Some((
                key.clone(),
                StateChange::Put(Bytes::from_static(text.as_bytes())),
            ))
        };
        store
            .commit(Turn {
                event: id,
                state: state("1"),
                calls: vec![say(id, 0, false)],
            })
            .await
            .unwrap();
        store
            .commit(Turn {
                event: id,
                state: state("2"),
                calls: vec![say(id, 1, false)],
            })
            .await
            .unwrap();
        assert_eq!(store.state(&key).await.unwrap().unwrap(), "1", "{name}");
        assert_eq!(store.unsent().await.unwrap().len(), 1, "{name}");
        assert_eq!(
            store.state(&conversation("28")).await.unwrap(),
            None,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_state_stays_until_it_is_replaced_or_forgotten() {
    for (name, store) in every_store() {
        let key = conversation("27");
        for (occurrence, change, expected) in [
            ("a", StateChange::Put(Bytes::from_static(b"1")), Some("1")),
            ("b", StateChange::Keep, Some("1")),
            ("c", StateChange::Put(Bytes::from_static(b"2")), Some("2")),
            ("d", StateChange::Forget, None),
        ] {
            let id = store.append(vec![event(occurrence)]).await.unwrap()[0].unwrap();
            store
                .commit(Turn {
                    event: id,
                    state: Some((key.clone(), change)),
                    calls: vec![],
                })
                .await
                .unwrap();
            let state = store.state(&key).await.unwrap();
            assert_eq!(
                state.as_deref(),
                expected.map(str::as_bytes),
                "{name} after {occurrence}"
            );
        }
    }
}

#[tokio::test]
async fn calls_wait_in_order_until_they_are_sent_and_a_number_is_remembered_on_demand() {
    for (name, store) in every_store() {
        let id = store.append(vec![event("a")]).await.unwrap()[0].unwrap();
        let calls = vec![say(id, 0, true), say(id, 1, false), say(id, 2, true)];
        store
            .commit(Turn {
                event: id,
                state: None,
                calls,
            })
            .await
            .unwrap();
        let order: Vec<u16> = store
            .unsent()
            .await
            .unwrap()
            .iter()
            .map(|call| call.id.index)
            .collect();
        assert_eq!(order, [0, 1, 2], "{name}");
        for index in 0..2 {
            store
                .sent(
                    CallId { event: id, index },
                    Some(MessageId(100 + u64::from(index))),
                )
                .await
                .unwrap();
        }
        assert_eq!(store.unsent().await.unwrap().len(), 1, "{name}");
        let number = async |index| store.message(CallId { event: id, index }).await.unwrap();
        assert_eq!(
            (number(0).await, number(1).await, number(2).await),
            (Some(MessageId(100)), None, None),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_portal_is_installed_once_and_uninstalled() {
    for (name, store) in every_store() {
        let installation = |endpoint: &str| Installation {
            portal: MemberId::new("portal"),
            endpoint: endpoint.into(),
            application_token: "token".to_owned().into(),
            tokens: Tokens {
                access: "a".to_owned().into(),
                refresh: "r".to_owned().into(),
            },
        };
        store.install(installation("https://old/")).await.unwrap();
        store.install(installation("https://new/")).await.unwrap();
        let portals = store.portals().await.unwrap();
        assert_eq!(
            (portals.len(), portals[0].endpoint.as_str()),
            (1, "https://new/"),
            "{name}"
        );
        assert!(
            !format!("{portals:?}").contains("token\""),
            "{name}: secrets are not printed"
        );
        store.uninstall(&MemberId::new("portal")).await.unwrap();
        assert!(store.portals().await.unwrap().is_empty(), "{name}");
    }
}
