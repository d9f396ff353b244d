//! Calls wait in order, are taken, and are settled one way or another.

use imbot::event::MessageId;
use imbot::store::{
    Call, CallId, DeadWhat, EventId, MessageRef, OrderingKey, QueuedCall, Settled, Store,
    TurnCommit,
};

use super::{append, at, conversation, every_store, params, queued, say, unsent};

/// An event whose turn decided some calls.
async fn decide(
    store: &dyn Store,
    occurrence: u128,
    calls: impl FnOnce(EventId) -> Vec<std::sync::Arc<QueuedCall>>,
) -> EventId {
    let id = append(store, occurrence, "27").await;
    let calls = calls(id);
    store
        .commit(TurnCommit {
            calls,
            ..TurnCommit::done(id, at(1))
        })
        .await
        .unwrap();
    id
}

fn text(call: &QueuedCall) -> &str {
    let Call::Say { params, .. } = &call.call else {
        panic!("{call:?}");
    };
    params["MESSAGE"].as_str().unwrap()
}

#[tokio::test]
async fn calls_wait_in_order_until_they_are_settled() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let event = decide(store, 1, |id| {
            (0..3)
                .map(|index| say(id, index, "27", &format!("{index}")))
                .collect()
        })
        .await;
        let id = |index| CallId { event, index };
        assert_eq!(unsent(store).await, [id(0), id(1), id(2)], "{name}");
        let rest = store.unsent(Some(id(0)), 1).await.unwrap();
        assert_eq!(rest, [(id(1), conversation("27"))], "{name}");
        let taken = store.take(id(1)).await.unwrap().unwrap();
        assert_eq!(*taken.call, *say(event, 1, "27", "1"), "{name}");
        store.settle(id(1), Settled::Sent(None)).await.unwrap();
        assert_eq!(unsent(store).await, [id(0), id(2)], "{name}");
        assert!(store.take(id(1)).await.unwrap().is_none(), "{name}");
        store.take(id(0)).await.unwrap();
        store.settle(id(0), Settled::GivenUp).await.unwrap();
        assert_eq!(unsent(store).await, [id(2)], "{name}");
        store
            .settle(id(0), Settled::Sent(Some(MessageId(1))))
            .await
            .unwrap();
        assert_eq!(
            store.message(id(0)).await.unwrap(),
            None,
            "{name}: it was settled before"
        );
    }
}

#[tokio::test]
async fn a_call_that_was_taken_before_is_in_doubt() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let event = decide(store, 1, |id| vec![say(id, 0, "27", "hi")]).await;
        let id = CallId { event, index: 0 };
        let is_in_doubt = async || store.take(id).await.unwrap().unwrap().in_doubt;
        assert!(!is_in_doubt().await, "{name}");
        assert!(is_in_doubt().await, "{name}");
        store.settle(id, Settled::NotSent).await.unwrap();
        assert_eq!(unsent(store).await, [id], "{name}");
        assert!(!is_in_doubt().await, "{name}: it was certainly not sent");
    }
}

#[tokio::test]
async fn a_messages_number_is_remembered_on_demand() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let event = decide(store, 1, |id| {
            let (params, answers, remember) = (params("hi").into(), None, false);
            let unnamed = Call::Say {
                params,
                answers,
                remember,
            };
            vec![say(id, 0, "27", "hi"), queued(id, 1, "27", unnamed)]
        })
        .await;
        let id = |index| CallId { event, index };
        for index in [0, 1] {
            store.take(id(index)).await.unwrap();
            store
                .settle(id(index), Settled::Sent(Some(MessageId(100))))
                .await
                .unwrap();
        }
        assert_eq!(
            store.message(id(0)).await.unwrap(),
            Some(MessageId(100)),
            "{name}"
        );
        assert_eq!(store.message(id(1)).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_message_that_waits_is_changed_where_it_waits() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let first = decide(store, 1, |id| {
            vec![say(id, 0, "27", "old"), say(id, 1, "27", "b")]
        })
        .await;
        let message = |index| {
            MessageRef::Queued(CallId {
                event: first,
                index,
            })
        };
        let edit = |message| Call::Edit {
            message,
            params: params("new").into(),
        };
        decide(store, 2, |id| vec![queued(id, 0, "27", edit(message(0)))]).await;
        decide(store, 3, |id| {
            vec![queued(
                id,
                0,
                "27",
                Call::Delete {
                    message: message(1),
                },
            )]
        })
        .await;
        let id = |index| CallId {
            event: first,
            index,
        };
        assert_eq!(unsent(store).await, [id(0)], "{name}");
        let taken = store.take(id(0)).await.unwrap().unwrap();
        assert_eq!(text(&taken.call), "new", "{name}");
        let late = decide(store, 4, |id| vec![queued(id, 0, "27", edit(message(0)))]).await;
        let late = CallId {
            event: late,
            index: 0,
        };
        assert_eq!(
            unsent(store).await,
            [id(0), late],
            "{name}: it is on its way"
        );
        let same = decide(store, 5, |id| {
            let own = MessageRef::Queued(CallId {
                event: id,
                index: 0,
            });
            vec![say(id, 0, "27", "old"), queued(id, 1, "27", edit(own))]
        })
        .await;
        let taken = store
            .take(CallId {
                event: same,
                index: 0,
            })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(text(&taken.call), "new", "{name}: within a turn");
    }
}

#[tokio::test]
async fn a_refused_call_rests_among_the_dead_letters() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let event = decide(store, 1, |id| vec![say(id, 0, "27", "hi")]).await;
        let id = CallId { event, index: 0 };
        store.take(id).await.unwrap();
        let error = "USER_ACCESS_ERROR".to_owned();
        store
            .settle(
                id,
                Settled::Dead {
                    at: at(5),
                    error: error.clone(),
                },
            )
            .await
            .unwrap();
        assert_eq!(unsent(store).await, [], "{name}");
        let letters = store.dead(None, 10).await.unwrap();
        let [letter] = &letters[..] else {
            panic!("{name}: {letters:?}")
        };
        assert_eq!(
            (letter.at, &letter.error, letter.blocks),
            (at(5), &error, false),
            "{name}"
        );
        assert_eq!(letter.key, OrderingKey::Chat(conversation("27")), "{name}");
        let DeadWhat::Call(call) = &letter.what else {
            panic!("{name}")
        };
        assert_eq!(**call, *say(event, 0, "27", "hi"), "{name}");
        assert!(store.revive(letter.id).await.unwrap(), "{name}");
        let taken = store.take(id).await.unwrap().unwrap();
        assert_eq!((text(&taken.call), taken.in_doubt), ("hi", false), "{name}");
    }
}
