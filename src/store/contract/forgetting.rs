//! Forgetting removes everything of a person or a conversation, and nothing of others.

use crate::event::{BotId, MemberId, UserId};
use crate::store::{
    Conversation, ForgetScope, NewReminder, Reminder, ReminderChange, ReminderId, Store, TurnCommit,
};
use serde_json::json;
use std::sync::Arc;

use super::sample::{append, at, conversation, dead, put, say};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(everything_of_a_conversation_is_forgotten_and_nothing_else),
    check!(a_person_is_forgotten_in_private_chats_with_every_bot_of_the_portal),
    check!(own_states_and_parts_are_forgotten_with_their_dialog_and_with_the_person),
];

/// Leaves something of everything in a dialog: a state, a call, a reminder, a dead letter and an
/// event.
async fn talk(store: &dyn Store, first: u128, dialog: &str) {
    let event = append(store, first, dialog).await;
    let reminder = Reminder {
        id: ReminderId { event, index: 0 },
        code: "echo".to_owned(),
        due: at(10),
        payload: json!(null),
        person: None,
        every: None,
    };
    let to = conversation(dialog);
    let turn = TurnCommit {
        calls: vec![say(event, 0, dialog, "hi")],
        reminders: vec![ReminderChange::Set(NewReminder { to, reminder })],
        ..put(event, dialog, "{}")
    };
    store.commit(turn).await.unwrap();
    let event = append(store, first + 1, dialog).await;
    store.commit(dead(event, true)).await.unwrap();
    append(store, first + 2, dialog).await;
}

/// How many events, calls, reminders, conversations and dead letters there are.
async fn left(store: &dyn Store) -> [u64; 5] {
    let status = store.status().await.unwrap();
    let [events, calls] = [status.events, status.calls];
    [
        events,
        calls,
        status.reminders,
        status.conversations,
        status.dead,
    ]
}

async fn everything_of_a_conversation_is_forgotten_and_nothing_else(store: Arc<dyn Store>) {
    let store = &*store;
    talk(store, 10, "27").await;
    talk(store, 20, "chat27").await;
    talk(store, 30, "270").await;
    let whom = ForgetScope::Conversation(conversation("27"));
    assert_eq!(store.forget(whom.clone()).await.unwrap(), 5);
    assert_eq!(left(store).await, [2; 5]);
    assert_eq!(store.forget(whom).await.unwrap(), 0);
    assert!(store.state(&conversation("27")).await.unwrap().is_none());
    assert!(store.state(&conversation("270")).await.unwrap().is_some());
    assert_eq!(store.blocked().await.unwrap().len(), 2);
}

async fn own_states_and_parts_are_forgotten_with_their_dialog_and_with_the_person(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let own = |dialog: &str, user| conversation(dialog).of_person(UserId(user));
    let all = [
        own("chat1", 27),
        conversation("chat1").part("form/28"),
        own("chat12", 27),
        conversation("chat12").part("form/27"),
        conversation("27").part("pressed"),
        own("chat12", 28),
        conversation("chat12").part("pressed"),
        conversation("127").part("pressed"),
    ];
    for (key, occurrence) in all.iter().zip(1..) {
        let event = append(store, occurrence, "chat1").await;
        let (_, change) = put(event, "chat1", "{}").state.unwrap();
        let turn = TurnCommit {
            state: Some((key.clone(), change)),
            ..TurnCommit::done(event, at(1))
        };
        store.commit(turn).await.unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for key in &all {
            left.push(store.state(key).await.unwrap().is_some());
        }
        left
    };
    let dialog = ForgetScope::Conversation(conversation("chat1"));
    assert_eq!(store.forget(dialog).await.unwrap(), 2);
    assert_eq!(
        left().await,
        [false, false, true, true, true, true, true, true]
    );
    let portal = MemberId::new("portal");
    let user = UserId(27);
    assert_eq!(
        store
            .forget(ForgetScope::User { portal, user })
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        left().await,
        [false, false, false, false, false, true, true, true]
    );
}

async fn a_person_is_forgotten_in_private_chats_with_every_bot_of_the_portal(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    talk(store, 10, "27").await;
    talk(store, 20, "127").await;
    let event = append(store, 30, "27").await;
    let own = conversation("27");
    let other = |portal, bot| Conversation {
        portal: MemberId::new(portal),
        bot: BotId(bot),
        ..own.clone()
    };
    for (key, is_forgotten) in [(other("portal", 12), true), (other("elsewhere", 7), false)] {
        let state = put(event, "27", "{}")
            .state
            .map(|(_, change)| (key.clone(), change));
        let event = append(store, 40 + u128::from(is_forgotten), "chat1").await;
        store
            .commit(TurnCommit {
                state,
                ..TurnCommit::done(event, at(1))
            })
            .await
            .unwrap();
    }
    let portal = MemberId::new("portal");
    let forgotten = store
        .forget(ForgetScope::User {
            portal,
            user: UserId(27),
        })
        .await
        .unwrap();
    assert_eq!(forgotten, 7);
    assert_eq!(left(store).await, [1, 1, 1, 2, 1]);
    assert!(store.state(&other("portal", 12)).await.unwrap().is_none());
    assert!(store.state(&other("elsewhere", 7)).await.unwrap().is_some());
}
