//! A reminder comes into the inbox once, when it is due.

use imbot::store::{
    Content, EventId, NewReminder, Reminder, ReminderChange, ReminderId, Store, TurnCommit,
};
use serde_json::json;

use super::{append, at, chat, conversation, every_store, waiting};

fn reminder(event: EventId, index: u16, due: u64) -> Reminder {
    Reminder {
        id: ReminderId { event, index },
        code: "echo".to_owned(),
        due: at(due),
        payload: json!({ "due": due }),
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

#[tokio::test]
async fn reminders_come_when_they_are_due_each_once() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let event = remind(store, 1, &[30, 10, 20]).await;
        assert_eq!(store.next_due().await.unwrap(), Some(at(10)), "{name}");
        assert!(store.due(at(9), 10).await.unwrap().is_empty(), "{name}");
        let due = store.due(at(25), 1).await.unwrap();
        let [(first, lane)] = &due[..] else {
            panic!("{name}: {due:?}")
        };
        assert_eq!(*lane, chat("27"), "{name}");
        let content = store.event(*first).await.unwrap().unwrap();
        assert_eq!((content.key, content.at), (chat("27"), at(25)), "{name}");
        let Content::Reminder(came) = content.content else {
            panic!("{name}")
        };
        assert_eq!(came, reminder(event, 1, 10), "{name}: the earliest first");
        let rest = store.due(at(25), 10).await.unwrap();
        assert_eq!(rest.len(), 1, "{name}");
        assert!(rest[0].0 > *first && *first > event, "{name}");
        assert!(store.due(at(25), 10).await.unwrap().is_empty(), "{name}");
        assert_eq!(store.next_due().await.unwrap(), Some(at(30)), "{name}");
        assert_eq!(store.status().await.unwrap().reminders, 1, "{name}");
        assert_eq!(waiting(store).await, [*first, rest[0].0], "{name}");
        store
            .commit(TurnCommit::done(*first, at(26)))
            .await
            .unwrap();
        assert_eq!(waiting(store).await, [rest[0].0], "{name}");
    }
}

#[tokio::test]
async fn a_cancelled_reminder_does_not_come() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
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
            panic!("{name}: {due:?}")
        };
        let Content::Reminder(came) = store.event(id).await.unwrap().unwrap().content else {
            panic!("{name}");
        };
        assert_eq!(came.id.index, 1, "{name}");
        assert_eq!(store.next_due().await.unwrap(), None, "{name}");
    }
}
