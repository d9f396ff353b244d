//! A reminder moves into the inbox once, when it is due.

use crate::store::{
    Content, EventId, Every, NewReminder, Reminder, ReminderChange, ReminderId, Store, TurnCommit,
};
use serde_json::json;
use std::sync::Arc;

use super::sample::{append, at, chat, conversation, waiting};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(reminders_become_events_when_they_are_due_each_once),
    check!(a_cancelled_reminder_never_becomes_an_event),
    check!(a_repeating_reminder_waits_for_the_turn_of_its_event_and_comes_again),
    check!(a_repeating_reminder_that_is_cancelled_while_its_event_waits_does_not_come_again),
];

fn reminder(event: EventId, index: u16, due: u64) -> Reminder {
    Reminder {
        id: ReminderId { event, index },
        code: "echo".to_owned(),
        due: at(due),
        payload: json!({ "due": due }),
        person: None,
        every: None,
    }
}

async fn remind(store: &dyn Store, occurrence: u128, due: &[u64]) -> EventId {
    let event = append(store, occurrence, "27").await;
    let set = |(index, due): (u16, &u64)| {
        ReminderChange::Set(NewReminder {
            to: conversation("27"),
            reminder: reminder(event, index, *due),
        })
    };
    let reminders = (0..).zip(due).map(set).collect();
    store
        .commit(TurnCommit {
            reminders,
            ..TurnCommit::done(event, at(1))
        })
        .await
        .unwrap();
    event
}

async fn reminders_become_events_when_they_are_due_each_once(store: Arc<dyn Store>) {
    let store = &*store;
    let event = remind(store, 1, &[30, 10, 20]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    assert!(store.due(at(9), 10).await.unwrap().is_empty());
    let due = store.due(at(25), 1).await.unwrap();
    let [(first, key)] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!(*key, chat("27"));
    let content = store.event(*first).await.unwrap().unwrap();
    assert_eq!((content.key, content.at), (chat("27"), at(25)));
    let Content::Reminder(came) = content.content else {
        panic!("of another kind")
    };
    assert_eq!(came, reminder(event, 1, 10), "the earliest first");
    let rest = store.due(at(25), 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert!(rest[0].0 > *first && *first > event);
    assert!(store.due(at(25), 10).await.unwrap().is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
    assert_eq!(store.status().await.unwrap().reminders, 1);
    assert_eq!(waiting(store).await, [*first, rest[0].0]);
    store
        .commit(TurnCommit::done(*first, at(26)))
        .await
        .unwrap();
    assert_eq!(waiting(store).await, [rest[0].0]);
}

async fn a_cancelled_reminder_never_becomes_an_event(store: Arc<dyn Store>) {
    let store = &*store;
    let event = remind(store, 1, &[10, 20]).await;
    let second = append(store, 2, "27").await;
    let cancel = |index| ReminderChange::Cancel(ReminderId { event, index });
    let reminders = vec![cancel(0), cancel(9)];
    store
        .commit(TurnCommit {
            reminders,
            ..TurnCommit::done(second, at(1))
        })
        .await
        .unwrap();
    let due = store.due(at(100), 10).await.unwrap();
    let [(id, _)] = due[..] else {
        panic!("{due:?}")
    };
    let Content::Reminder(came) = store.event(id).await.unwrap().unwrap().content else {
        panic!("of another kind");
    };
    assert_eq!(came.id.index, 1);
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// Sets a reminder that repeats, and one that does not. Returns the event of both.
async fn remind_repeatedly(store: &dyn Store) -> EventId {
    let event = append(store, 1, "27").await;
    let set = |reminder| {
        let to = conversation("27");
        ReminderChange::Set(NewReminder { to, reminder })
    };
    let reminders = vec![
        set(repeating(event, 10)),
        set(reminder(event, 1, 1_000_000)),
    ];
    let turn = TurnCommit {
        reminders,
        ..TurnCommit::done(event, at(1))
    };
    store.commit(turn).await.unwrap();
    event
}

fn repeating(event: EventId, due: u64) -> Reminder {
    Reminder {
        every: Some(Every::day_at(9, 0, "UTC")),
        ..reminder(event, 0, due)
    }
}

async fn change(store: &dyn Store, event: EventId, change: ReminderChange) {
    let turn = TurnCommit {
        reminders: vec![change],
        ..TurnCommit::done(event, at(2))
    };
    store.commit(turn).await.unwrap();
}

/// Returns the event of the only reminder that is due, and the reminder.
async fn only_due(store: &dyn Store, now: u64) -> (EventId, Reminder) {
    let due = store.due(at(now), 10).await.unwrap();
    let [(id, key)] = &due[..] else {
        panic!("{due:?}")
    };
    assert_eq!(*key, chat("27"));
    let Content::Reminder(came) = store.event(*id).await.unwrap().unwrap().content else {
        panic!("of another kind");
    };
    (*id, came)
}

async fn a_repeating_reminder_waits_for_the_turn_of_its_event_and_comes_again(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let event = remind_repeatedly(store).await;
    let (first, came) = only_due(store, 25).await;
    assert_eq!(came, repeating(event, 10));
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000_000)));
    assert!(store.due(at(500_000), 10).await.unwrap().is_empty());
    assert_eq!(store.status().await.unwrap().reminders, 2);
    change(store, first, ReminderChange::Repeat(repeating(event, 30))).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
    let (second, came) = only_due(store, 31).await;
    assert_eq!(came, repeating(event, 30));
    change(store, second, ReminderChange::Cancel(came.id)).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000_000)));
    assert_eq!(store.status().await.unwrap().reminders, 1);
}

async fn a_repeating_reminder_that_is_cancelled_while_its_event_waits_does_not_come_again(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let event = remind_repeatedly(store).await;
    let other = append(store, 2, "27").await;
    let (first, came) = only_due(store, 25).await;
    change(store, other, ReminderChange::Cancel(came.id)).await;
    assert_eq!(waiting(store).await, [first], "it has come already");
    change(store, first, ReminderChange::Repeat(repeating(event, 30))).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000_000)));
    assert_eq!(store.status().await.unwrap().reminders, 1);
    assert!(store.due(at(500_000), 10).await.unwrap().is_empty());
}
