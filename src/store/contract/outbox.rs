//! Calls wait in order, are taken, and are settled one way or another.

use crate::event::MessageId;
use crate::store::{
    Call, CallId, DeadWhat, EventId, MessageRef, OrderingKey, QueuedCall, Settled, Store,
    TurnCommit, Unsent,
};
use std::sync::Arc;

use super::sample::{append, at, conversation, params, queued, say, unsent};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(calls_wait_in_order_until_they_are_settled),
    check!(a_call_that_was_taken_before_is_in_doubt),
    check!(the_id_of_a_message_is_kept_if_that_is_asked_for),
    check!(an_edit_changes_a_message_that_still_waits),
    check!(a_refused_call_becomes_a_dead_letter),
    check!(a_call_is_queued_once_before_its_turn_ends),
];

/// An event whose turn decided some calls.
async fn decide(
    store: &dyn Store,
    occurrence: u128,
    calls: impl FnOnce(EventId) -> Vec<Arc<QueuedCall>>,
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

async fn calls_wait_in_order_until_they_are_settled(store: Arc<dyn Store>) {
    let store = &*store;
    let event = decide(store, 1, |id| {
        (0..3)
            .map(|index| say(id, index, "27", &format!("{index}")))
            .collect()
    })
    .await;
    let id = |index| CallId { event, index };
    assert_eq!(unsent(store).await, [id(0), id(1), id(2)]);
    let rest = store.unsent(None, Some(id(0)), 1).await.unwrap();
    let second = |is_taken| (id(1), conversation("27"), is_taken);
    let parts = |call: Unsent| (call.id, call.to, call.is_taken);
    let rest: Vec<_> = rest.into_iter().map(parts).collect();
    assert_eq!(rest, [second(false)]);
    let taken = store.take(id(1)).await.unwrap().unwrap();
    let rest = store.unsent(None, Some(id(0)), 1).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(parts).collect();
    assert_eq!(rest, [second(true)]);
    assert_eq!(*taken.call, *say(event, 1, "27", "1"));
    store.settle(id(1), Settled::Sent(None)).await.unwrap();
    assert_eq!(unsent(store).await, [id(0), id(2)]);
    assert!(store.take(id(1)).await.unwrap().is_none());
    store.take(id(0)).await.unwrap();
    store.settle(id(0), Settled::GivenUp).await.unwrap();
    assert_eq!(unsent(store).await, [id(2)]);
    store
        .settle(id(0), Settled::Sent(Some(MessageId(1))))
        .await
        .unwrap();
    assert_eq!(
        store.message(id(0)).await.unwrap(),
        None,
        "it was settled before"
    );
}

async fn a_call_that_was_taken_before_is_in_doubt(store: Arc<dyn Store>) {
    let store = &*store;
    let event = decide(store, 1, |id| vec![say(id, 0, "27", "hi")]).await;
    let id = CallId { event, index: 0 };
    let is_in_doubt = async || store.take(id).await.unwrap().unwrap().in_doubt;
    assert!(!is_in_doubt().await);
    assert!(is_in_doubt().await);
    store.settle(id, Settled::NotSent).await.unwrap();
    assert_eq!(unsent(store).await, [id]);
    assert!(!is_in_doubt().await, "it was certainly not sent");
}

async fn the_id_of_a_message_is_kept_if_that_is_asked_for(store: Arc<dyn Store>) {
    let store = &*store;
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
    assert_eq!(store.message(id(0)).await.unwrap(), Some(MessageId(100)));
    assert_eq!(store.message(id(1)).await.unwrap(), None);
}

async fn an_edit_changes_a_message_that_still_waits(store: Arc<dyn Store>) {
    let store = &*store;
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
    assert_eq!(unsent(store).await, [id(0)]);
    let taken = store.take(id(0)).await.unwrap().unwrap();
    assert_eq!(text(&taken.call), "new");
    let late = decide(store, 4, |id| vec![queued(id, 0, "27", edit(message(0)))]).await;
    let late = CallId {
        event: late,
        index: 0,
    };
    assert_eq!(unsent(store).await, [id(0), late], "it is on its way");
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
    assert_eq!(text(&taken.call), "new", "within a turn");
}

async fn a_refused_call_becomes_a_dead_letter(store: Arc<dyn Store>) {
    let store = &*store;
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
    assert_eq!(unsent(store).await, []);
    let letters = store.dead_letters(None, 10).await.unwrap();
    let [letter] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(
        (letter.at, &letter.error, letter.blocks),
        (at(5), &error, false)
    );
    assert_eq!(letter.key, OrderingKey::Chat(conversation("27")));
    let DeadWhat::Call(call) = &letter.what else {
        panic!("of another kind")
    };
    assert_eq!(**call, *say(event, 0, "27", "hi"));
    assert!(store.revive(letter.id).await.unwrap());
    let taken = store.take(id).await.unwrap().unwrap();
    assert_eq!((text(&taken.call), taken.in_doubt), ("hi", false));
}

async fn a_call_is_queued_once_before_its_turn_ends(store: Arc<dyn Store>) {
    let store = &*store;
    let event = append(store, 1, "27").await;
    let early = say(event, 0, "27", "wait");
    for _ in 0..2 {
        store.queue(vec![Arc::clone(&early)]).await.unwrap();
    }
    assert_eq!(unsent(store).await, [early.id]);
    let last = say(event, 1, "27", "done");
    let calls = vec![Arc::clone(&last)];
    let done = TurnCommit::done(event, at(1));
    store.commit(TurnCommit { calls, ..done }).await.unwrap();
    assert_eq!(unsent(store).await, [early.id, last.id]);
}
