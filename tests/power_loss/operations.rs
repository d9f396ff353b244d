//! Steps done with a store: what a hand has in mind becomes what the contract asks for, and what it answers is compared.

use std::sync::Arc;
use std::time::Duration;

use imbot::event::{Api, MessageId};
use imbot::store::{
    Appended, CallId, DeadId, EventId, Failure, ForgetScope, Limits, NewReminder, OrderingKey,
    Outcome, QueuedCall, Redelivery, Reminder, ReminderChange, ReminderId, Settled, StateChange,
    Store, StoredState, TurnCommit,
};
use serde_json::json;

use crate::generators::{at, call, conversation, delivery, id, installation, lane, read, written};
use crate::steps::{Settling, Step};
use crate::world::{Hand, State};

/// Does a step with the store, and compares what it answers. Gives the numbers of new events.
pub(crate) async fn carry_out(
    store: &dyn Store,
    number: usize,
    hand: &Hand,
    step: &Step,
) -> Vec<u64> {
    let now = at(hand.hours);
    let first = |chat: usize| EventId(hand.chats[chat].waiting[0].id);
    match step {
        Step::Install { token } => store.install(installation(number, *token)).await.unwrap(),
        Step::Hear { chats, body } => {
            let heard = delivery(number, hand.hours + 1, chats, *body);
            let Appended::Now(ids) = store.append(heard).await.unwrap() else {
                panic!("the disk is not full");
            };
            return ids.into_iter().map(|id| id.expect("it is new").0).collect();
        }
        Step::Begin(chat) => {
            let begun = store
                .begin(first(*chat), Some(&conversation(number, *chat)))
                .await;
            let begun = begun.unwrap().expect("it waits");
            let here = &hand.chats[*chat];
            assert_eq!(begun.attempt, here.waiting[0].attempts + 1);
            assert_eq!(begun.state.map(|state| read(&state)), here.state);
        }
        Step::Fail(chat) => {
            let failure = Failure {
                at: now,
                error: "the warehouse does not answer".into(),
            };
            store.fail(first(*chat), failure).await.unwrap();
        }
        Step::Done {
            chat,
            said,
            remind,
            aside,
            fill,
        } => {
            let event = first(*chat);
            let state = State::after(hand.chats[*chat].state.as_ref(), event.0, *fill);
            let state = StoredState {
                version: 1,
                bytes: written(&state),
            };
            let to = conversation(number, *chat);
            let calls = (0..)
                .zip(said)
                .map(|(index, said)| {
                    Arc::new(QueuedCall {
                        id: CallId { event, index },
                        to: to.clone(),
                        at: now,
                        api: Api::V2,
                        redelivery: Redelivery::Deduplicated,
                        call: call(said),
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
                            code: "hand".into(),
                            due: at(hand.hours + hours),
                            payload: json!(null),
                        },
                    })
                })
                .collect();
            let turn = TurnCommit {
                state: Some((to, StateChange::Put(state))),
                quarantine: aside.then(|| "it does not read".to_owned()),
                calls,
                reminders,
                ..TurnCommit::done(event, now)
            };
            store.commit(turn).await.unwrap();
        }
        Step::Bury { chat, blocks } => {
            let end = Outcome::Dead {
                error: "tried too often".into(),
                blocks: *blocks,
            };
            let turn = TurnCommit {
                outcome: end,
                ..TurnCommit::done(first(*chat), now)
            };
            store.commit(turn).await.unwrap();
        }
        Step::Take(chat) => {
            let call = &hand.chats[*chat].calls[0];
            let taken = store.take(id(call.key)).await.unwrap().expect("it waits");
            assert_eq!(taken.in_doubt, call.taken);
        }
        Step::Settle(chat, settling) => {
            let taken = hand.chats[*chat].calls.iter().find(|call| call.taken);
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
                .revive(dead(store, &lane(number, *chat)).await)
                .await
                .unwrap()
        ),
        Step::Drop(chat) => assert!(
            store
                .drop_dead_letter(dead(store, &lane(number, *chat)).await)
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
            limits.occurrences = days(20); // hands are not that far apart
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

/// The oldest dead letter of a lane.
async fn dead(store: &dyn Store, lane: &OrderingKey) -> DeadId {
    let letters = store.dead_letters(None, 10_000).await.unwrap();
    let letter = letters.into_iter().find(|letter| letter.key == *lane);
    letter.expect("there is one").id
}
