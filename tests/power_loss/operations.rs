//! Runs steps on a store and compares its answers with the expected ones.

use std::sync::Arc;
use std::time::Duration;

use imbot::event::{Api, MessageId};
use imbot::store::{
    Appended, CallId, DeadId, EventId, Failure, ForgetScope, Limits, NewReminder, OrderingKey,
    Outcome, QueuedCall, Redelivery, Reminder, ReminderChange, ReminderId, Settled, StateChange,
    Store, StoredState, TurnCommit,
};
use serde_json::json;

use crate::generators::{
    at, call, chat_key, conversation, delivery, id, installation, parse_state, state_bytes,
};
use crate::steps::{Settling, Step};
use crate::world::{State, Worker};

/// Runs a step on the store and compares the answer. Returns the numbers of new events.
pub(crate) async fn execute(
    store: &dyn Store,
    number: usize,
    worker: &Worker,
    step: &Step,
) -> Vec<u64> {
    let now = at(worker.hours);
    let first = |chat: usize| EventId(worker.chats[chat].waiting[0].id);
    match step {
        Step::Install { token } => store.install(installation(number, *token)).await.unwrap(),
        Step::Append { chats, body } => {
            let delivery = delivery(number, worker.hours + 1, chats, *body);
            let Appended::Now(ids) = store.append(delivery).await.unwrap() else {
                panic!("the delivery was spooled");
            };
            return ids
                .into_iter()
                .map(|id| id.expect("the event is new").0)
                .collect();
        }
        Step::Begin(chat) => {
            let turn = store
                .begin(first(*chat), Some(&conversation(number, *chat)))
                .await;
            let turn = turn.unwrap().expect("the event waits");
            let here = &worker.chats[*chat];
            assert_eq!(turn.attempt, here.waiting[0].attempts + 1);
            assert_eq!(turn.state.map(|state| parse_state(&state)), here.state);
        }
        Step::Fail(chat) => {
            let failure = Failure {
                at: now,
                error: "the warehouse does not answer".into(),
            };
            store.fail(first(*chat), failure).await.unwrap();
        }
        Step::Commit {
            chat,
            calls,
            remind,
            quarantines,
            fill,
        } => {
            let event = first(*chat);
            let state = State::after(worker.chats[*chat].state.as_ref(), event.0, *fill);
            let state = StoredState {
                version: 1,
                bytes: state_bytes(&state),
            };
            let to = conversation(number, *chat);
            let calls = (0..)
                .zip(calls)
                .map(|(index, kind)| {
                    Arc::new(QueuedCall {
                        id: CallId { event, index },
                        to: to.clone(),
                        at: now,
                        api: Api::V2,
                        redelivery: Redelivery::Deduplicated,
                        call: call(kind),
                    })
                })
                .collect();
            let reminders = remind
                .iter()
                .map(|hours| {
                    ReminderChange::Set(NewReminder {
                        to: to.clone(),
                        reminder: Reminder {
                            id: ReminderId { event, index: 0 },
                            code: "worker".into(),
                            due: at(worker.hours + hours),
                            payload: json!(null),
                            person: None,
                            every: None,
                        },
                    })
                })
                .collect();
            let turn = TurnCommit {
                state: Some((to, StateChange::Put(state))),
                quarantine: quarantines.then(|| "it cannot be read".to_owned()),
                calls,
                reminders,
                ..TurnCommit::done(event, now)
            };
            store.commit(turn).await.unwrap();
        }
        Step::DeadLetter { chat, blocks } => {
            let outcome = Outcome::Dead {
                error: "tried too often".into(),
                blocks: *blocks,
            };
            let turn = TurnCommit {
                outcome,
                ..TurnCommit::done(first(*chat), now)
            };
            store.commit(turn).await.unwrap();
        }
        Step::Take(chat) => {
            let call = &worker.chats[*chat].calls[0];
            let taken = store.take(id(call.key)).await.unwrap();
            assert_eq!(taken.expect("the call waits").in_doubt, call.is_taken);
        }
        Step::Settle(chat, settling) => {
            let taken = worker.chats[*chat].calls.iter().find(|call| call.is_taken);
            let settled = match settling {
                Settling::Sent(number) => Settled::Sent(Some(MessageId(*number))),
                Settling::GivenUp => Settled::GivenUp,
                Settling::NotSent => Settled::NotSent,
                Settling::Dead => Settled::Dead {
                    at: now,
                    error: "refused".into(),
                },
            };
            store.settle(id(taken.unwrap().key), settled).await.unwrap();
        }
        Step::Revive(chat) => assert!(
            store
                .revive(dead(store, &chat_key(number, *chat)).await)
                .await
                .unwrap()
        ),
        Step::Drop(chat) => assert!(
            store
                .drop_dead_letter(dead(store, &chat_key(number, *chat)).await)
                .await
                .unwrap()
        ),
        Step::Due => {
            let due = store.due(now, 10_000).await.unwrap();
            return due.into_iter().map(|(id, _)| id.0).collect();
        }
        Step::Sweep => {
            let days = |days: u32| Duration::from_secs(24 * 60 * 60) * days;
            let mut limits = Limits::default();
            (limits.dead, limits.messages) = (days(10_000), days(10_000));
            limits.occurrences = days(20); // the workers' times differ by less
            store.sweep(now, limits).await.unwrap();
        }
        Step::Forget(chat) => {
            store
                .forget(ForgetScope::Conversation(conversation(number, *chat)))
                .await
                .unwrap();
        }
    }
    Vec::new()
}

/// Returns the oldest dead letter of a key.
async fn dead(store: &dyn Store, key: &OrderingKey) -> DeadId {
    let letters = store.dead_letters(None, 10_000).await.unwrap();
    let letter = letters.into_iter().find(|letter| letter.key == *key);
    letter.expect("there is a dead letter").id
}
