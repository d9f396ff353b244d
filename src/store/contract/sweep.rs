//! A sweep removes what is older than its limit.

use crate::store::{
    EventId, Limits, NewReminder, Reminder, ReminderChange, ReminderId, Store, TurnCommit,
};
use std::sync::Arc;

use super::sample::{DAY, append, at, conversation, dead, put};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(idle_conversations_are_removed_if_there_is_a_limit),
    check!(a_conversation_that_waits_for_its_reminder_is_not_idle),
    check!(dead_letters_are_removed_after_their_time_unless_they_block_a_key),
];

async fn idle_conversations_are_removed_if_there_is_a_limit(store: Arc<dyn Store>) {
    let store = &*store;
    let old = append(store, 1, "27").await;
    store.commit(put(old, "27", "old")).await.unwrap();
    let new = append(store, 2, "28").await;
    let turn = TurnCommit {
        at: at(1) + 3 * DAY,
        ..put(new, "28", "new")
    };
    store.commit(turn).await.unwrap();
    let now = at(2) + 4 * DAY;
    let swept = store.sweep(now, Limits::default()).await.unwrap();
    assert_eq!(swept.conversations, 0, "for ever by default");
    let limits = Limits {
        idle: Some(2 * DAY),
        ..Limits::default()
    };
    let swept = store.sweep(now, limits).await.unwrap();
    assert_eq!(swept.conversations, 1);
    assert!(store.state(&conversation("27")).await.unwrap().is_none());
    assert!(store.state(&conversation("28")).await.unwrap().is_some());
}

async fn a_conversation_that_waits_for_its_reminder_is_not_idle(store: Arc<dyn Store>) {
    let store = &*store;
    let id = append(store, 1, "27").await;
    let turn = TurnCommit {
        reminders: vec![ReminderChange::Set(reminder(id))],
        ..put(id, "27", "patient")
    };
    store.commit(turn).await.unwrap();
    let limits = Limits {
        idle: Some(2 * DAY),
        ..Limits::default()
    };
    let swept = store.sweep(at(1) + 4 * DAY, limits).await.unwrap();
    assert_eq!(swept.conversations, 0);
    store.due(at(1) + 31 * DAY, 10).await.unwrap();
    let swept = store.sweep(at(1) + 32 * DAY, limits).await.unwrap();
    assert_eq!(swept.conversations, 1, "the reminder has come");
}

/// A reminder after thirty days.
fn reminder(event: EventId) -> NewReminder {
    NewReminder {
        to: conversation("27"),
        reminder: Reminder {
            id: ReminderId { event, index: 0 },
            code: "echo".to_owned(),
            due: at(1) + 30 * DAY,
            payload: serde_json::Value::Null,
            person: None,
            every: None,
        },
    }
}

async fn dead_letters_are_removed_after_their_time_unless_they_block_a_key(store: Arc<dyn Store>) {
    let store = &*store;
    for (occurrence, blocks, late) in [(1, false, 0), (2, true, 0), (3, false, 20)] {
        let id = append(store, occurrence, "27").await;
        let turn = TurnCommit {
            at: at(1) + late * DAY,
            ..dead(id, blocks)
        };
        store.commit(turn).await.unwrap();
    }
    let swept = store
        .sweep(at(2) + 30 * DAY, Limits::default())
        .await
        .unwrap();
    assert_eq!(swept.dead, 1);
    let left = store.dead_letters(None, 10).await.unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|letter| (letter.blocks, letter.at))
        .collect();
    assert_eq!(left, [(true, at(1)), (false, at(1) + 20 * DAY)]);
}
