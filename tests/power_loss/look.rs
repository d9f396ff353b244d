//! What a store holds, read through its contract alone.
//!
//! Looking counts attempts, takes calls and buries events, so a store that was looked at is of no use any more.

use imbot::event::MessageId;
use imbot::store::{
    Call as QueuedKind, Content, DeadWhat, EventId, MessageRef, OrderingKey, Outcome, QueuedCall,
    Store, StoreError, Time, TurnCommit,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::generators::{HOUR, at, body, conversation, id, lane, place, read};
use crate::world::{
    Body, Call, CallKey, Chat, ChatEventKind, Dead, Event, HANDS, Hand, Said, World,
};

/// Looks at everything. The world that is expected says which messages may have numbers.
pub(crate) async fn look(store: &dyn Store, expected: &World) -> Result<World, StoreError> {
    let mut world: World = expected
        .iter()
        .map(|hand| Hand {
            hours: hand.hours,
            heard: hand.heard.clone(),
            ..Hand::default()
        })
        .collect();
    for installation in store.portals().await? {
        let tokens = installation.access.tokens().expect("an application's");
        let token = tokens.access.expose_secret();
        let hand = (0..HANDS).find(|hand| *lane(*hand, 0).portal() == installation.portal);
        world[hand.expect("a portal of ours")].token = token.parse().ok();
    }
    for (event, lane) in store.waiting(None, usize::MAX >> 1).await? {
        let (hand, chat) = place(&lane);
        let content = store.event(event).await?.expect("it waits").content;
        let here = conversation(hand, chat);
        let begun = store.begin(event, Some(&here)).await?.expect("it waits");
        world[hand].chats[chat].waiting.push(Event {
            id: event.0,
            what: what(&content),
            attempts: begun.attempt - 1,
            failures: 0,
        });
    }
    for (call, to) in store.unsent(None, usize::MAX >> 1).await? {
        let (hand, chat) = place(&OrderingKey::Chat(to));
        let taken = store.take(call).await?.expect("it waits");
        world[hand].chats[chat]
            .calls
            .push(queued(&taken.call, taken.in_doubt));
    }
    for letter in store.dead_letters(None, usize::MAX >> 1).await? {
        let (hand, chat) = place(&letter.key);
        world[hand].chats[chat].dead.push(match &letter.what {
            DeadWhat::Call(call) => Dead::Call(queued(call, false)),
            DeadWhat::Event { id, content, .. } => Dead::Event {
                event: Event {
                    id: id.0,
                    what: what(content),
                    attempts: letter.attempts,
                    failures: letter.history.len(),
                },
                blocks: letter.blocks,
            },
        });
    }
    for (number, hand) in world.iter_mut().enumerate() {
        for (chat, here) in hand.chats.iter_mut().enumerate() {
            rest(store, number, chat, here, &expected[number].chats[chat]).await?;
        }
    }
    // Last, since it puts them among what waits.
    for (event, lane) in store.due(Time(u64::MAX >> 1), usize::MAX >> 1).await? {
        let (hand, chat) = place(&lane);
        let Content::Reminder(reminder) = store.event(event).await?.expect("it waits").content
        else {
            panic!("a reminder is another thing than what was set");
        };
        let hours = (reminder.due.0 - at(0).0) / HOUR;
        let key = (reminder.id.event.0, reminder.id.index);
        world[hand].chats[chat].reminders.push((key, hours));
    }
    for here in world.iter_mut().flat_map(|hand| &mut hand.chats) {
        here.reminders.sort_unstable();
        failures(store, &mut here.waiting).await?;
    }
    Ok(world)
}

/// How attempts at an event failed is told with its dead letter only: so all that waits dies at last.
async fn failures(store: &dyn Store, waiting: &mut [Event]) -> Result<(), StoreError> {
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

/// What is found by asking for it.
async fn rest(
    store: &dyn Store,
    hand: usize,
    chat: usize,
    here: &mut Chat,
    expected: &Chat,
) -> Result<(), StoreError> {
    let key = conversation(hand, chat);
    here.state = store.state(&key).await?.map(|state| read(&state));
    here.aside = store.quarantined(&key).await?.len();
    let calls = expected.calls.iter().map(|call| call.key);
    let mut asked: Vec<CallKey> = expected
        .messages
        .iter()
        .map(|(key, _)| *key)
        .chain(calls)
        .collect();
    asked.sort_unstable();
    for key in asked {
        if let Some(MessageId(number)) = store.message(id(key)).await? {
            here.messages.push((key, number));
        }
    }
    Ok(())
}

fn what(content: &Content) -> ChatEventKind {
    match content {
        Content::Reminder(reminder) => {
            ChatEventKind::Reminder((reminder.id.event.0, reminder.id.index))
        }
        Content::Delivered { body: bytes, part } => {
            let number = std::str::from_utf8(&bytes[..16])
                .ok()
                .and_then(|text| u64::from_str_radix(text, 16).ok());
            let made = Body {
                number: number.expect("a body of ours"),
                length: bytes.len(),
            };
            assert_eq!(*bytes, body(made), "a body is not what it was");
            ChatEventKind::Heard {
                body: made,
                part: *part,
            }
        }
    }
}

fn queued(call: &QueuedCall, taken: bool) -> Call {
    let text = |params: &Map<String, Value>| params["MESSAGE"].as_str().expect("a text").to_owned();
    let of = |message: &MessageRef| match message {
        MessageRef::Queued(of) => (of.event.0, of.index),
        MessageRef::Sent(_) => panic!("hands know no numbers of messages"),
    };
    let what = match &call.call {
        QueuedKind::Say {
            params, remember, ..
        } => Said::Say {
            text: text(params),
            remember: *remember,
        },
        QueuedKind::Edit { message, params } => Said::Edit {
            of: of(message),
            text: text(params),
        },
        QueuedKind::Delete { message } => Said::Delete { of: of(message) },
        other => panic!("hands make no such call: {other:?}"),
    };
    let EventId(event) = call.id.event;
    Call {
        key: (event, call.id.index),
        what,
        taken,
    }
}
