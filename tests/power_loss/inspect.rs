//! Reads the content of a store through its contract alone.
//!
//! Reading counts attempts, takes calls and moves events to the dead letters, so the store cannot
//! be used for anything else afterwards.

use imbot::event::MessageId;
use imbot::store::{
    Call as StoredCall, Content, DeadWhat, EventId, MessageRef, OrderingKey, Outcome, QueuedCall,
    Store, StoreError, Time, TurnCommit,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::generators::{HOUR, at, body, chat_key, chat_of, conversation, id, parse_state};
use crate::world::{
    Body, Call, CallKey, CallKind, Chat, Dead, Event, EventKind, WORKERS, Worker, World,
};

/// Returns the content. The expected content determines for which messages an id is read.
pub(crate) async fn read_world(store: &dyn Store, expected: &World) -> Result<World, StoreError> {
    let mut world: World = expected
        .iter()
        .map(|worker| Worker {
            hours: worker.hours,
            last_delivery: worker.last_delivery.clone(),
            ..Worker::default()
        })
        .collect();
    for installation in store.portals().await? {
        let tokens = installation
            .access
            .tokens()
            .expect("tokens of an application");
        let token = tokens.access.expose_secret();
        let worker =
            (0..WORKERS).find(|worker| *chat_key(*worker, 0).portal() == installation.portal);
        world[worker.expect("a portal of a worker")].token = token.parse().ok();
    }
    for (event, key) in store.waiting(None, None, usize::MAX >> 1).await? {
        let (worker, chat) = chat_of(&key);
        let content = store.event(event).await?.expect("the event waits").content;
        let here = conversation(worker, chat);
        let turn = store.begin(event, Some(&here)).await?;
        let turn = turn.expect("the event waits");
        world[worker].chats[chat].waiting.push(Event {
            id: event.0,
            kind: event_kind(&content),
            attempts: turn.attempt - 1,
            failures: 0,
        });
    }
    for call in store.unsent(None, None, usize::MAX >> 1).await? {
        let (worker, chat) = chat_of(&OrderingKey::Chat(call.to));
        let taken = store.take(call.id).await?.expect("the call waits");
        world[worker].chats[chat]
            .calls
            .push(queued(&taken.call, taken.in_doubt));
    }
    for letter in store.dead_letters(None, usize::MAX >> 1).await? {
        let (worker, chat) = chat_of(&letter.key);
        world[worker].chats[chat].dead.push(match &letter.what {
            DeadWhat::Call(call) => Dead::Call(queued(call, false)),
            DeadWhat::Event { id, content, .. } => Dead::Event {
                event: Event {
                    id: id.0,
                    kind: event_kind(content),
                    attempts: letter.attempts,
                    failures: letter.history.len(),
                },
                blocks: letter.blocks,
            },
        });
    }
    for (number, worker) in world.iter_mut().enumerate() {
        for (chat, here) in worker.chats.iter_mut().enumerate() {
            read_chat(store, number, chat, here, &expected[number].chats[chat]).await?;
        }
    }
    // Last, because it adds events to the inbox.
    for (event, key) in store.due(Time(u64::MAX >> 1), usize::MAX >> 1).await? {
        let (worker, chat) = chat_of(&key);
        let Content::Reminder(reminder) =
            store.event(event).await?.expect("the event waits").content
        else {
            panic!("the event of a reminder is not a reminder");
        };
        let hours = (reminder.due.0 - at(0).0) / HOUR;
        let key = (reminder.id.event.0, reminder.id.index);
        world[worker].chats[chat].reminders.push((key, hours));
    }
    for here in world.iter_mut().flat_map(|worker| &mut worker.chats) {
        here.reminders.sort_unstable();
        read_failures(store, &mut here.waiting).await?;
    }
    Ok(world)
}

/// Reads the failures of waiting events. Only dead letters show them, so all events become dead
/// letters.
async fn read_failures(store: &dyn Store, waiting: &mut [Event]) -> Result<(), StoreError> {
    for event in &*waiting {
        let (error, blocks) = (String::new(), false);
        let turn = TurnCommit {
            outcome: Outcome::Dead { error, blocks },
            ..TurnCommit::done(EventId(event.id), at(0))
        };
        store.commit(turn).await?;
    }
    for letter in store.dead_letters(None, usize::MAX >> 1).await? {
        let DeadWhat::Event { id, .. } = letter.what else {
            continue;
        };
        if let Some(event) = waiting.iter_mut().find(|event| event.id == id.0) {
            event.failures = letter.history.len();
        }
    }
    Ok(())
}

/// Reads the state, the quarantined states and the ids of messages of a chat.
async fn read_chat(
    store: &dyn Store,
    worker: usize,
    chat: usize,
    here: &mut Chat,
    expected: &Chat,
) -> Result<(), StoreError> {
    let key = conversation(worker, chat);
    here.state = store.state(&key).await?.map(|state| parse_state(&state));
    here.quarantined = store.quarantined(&key).await?.len();
    let calls = expected.calls.iter().map(|call| call.key);
    let mut keys: Vec<CallKey> = expected
        .messages
        .iter()
        .map(|(key, _)| *key)
        .chain(calls)
        .collect();
    keys.sort_unstable();
    for key in keys {
        if let Some(MessageId(number)) = store.message(id(key)).await? {
            here.messages.push((key, number));
        }
    }
    Ok(())
}

fn event_kind(content: &Content) -> EventKind {
    match content {
        Content::Reminder(reminder) => {
            EventKind::Reminder((reminder.id.event.0, reminder.id.index))
        }
        Content::Delivered { body: bytes, part } => {
            let number = std::str::from_utf8(&bytes[..16])
                .ok()
                .and_then(|text| u64::from_str_radix(text, 16).ok());
            let content = Body {
                number: number.expect("a body of a worker"),
                length: bytes.len(),
            };
            assert_eq!(*bytes, body(content), "a body has changed");
            EventKind::Delivered {
                body: content,
                part: *part,
            }
        }
    }
}

fn queued(call: &QueuedCall, is_taken: bool) -> Call {
    let text = |params: &Map<String, Value>| params["MESSAGE"].as_str().expect("a text").to_owned();
    let of = |message: &MessageRef| match message {
        MessageRef::Queued(of) => (of.event.0, of.index),
        MessageRef::Sent(_) => panic!("workers use no ids of messages"),
    };
    let kind = match &call.call {
        StoredCall::Say {
            params, remember, ..
        } => CallKind::Say {
            text: text(params),
            remember: *remember,
        },
        StoredCall::Edit { message, params } => CallKind::Edit {
            of: of(message),
            text: text(params),
        },
        StoredCall::Delete { message } => CallKind::Delete { of: of(message) },
        other => panic!("workers make no such call: {other:?}"),
    };
    let EventId(event) = call.id.event;
    Call {
        key: (event, call.id.index),
        kind,
        is_taken,
    }
}
