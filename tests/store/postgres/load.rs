//! Chats that append events and commit turns while the database fails.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::store::contract::sample::{body, chat, conversation, delivery, numbers, put, stored};
use imbot::store::{
    Content, EventId, Inbox, OrderingKey, Postgres, StoreError, StoreErrorKind, Turns,
};
use tokio::task::JoinHandle;

use super::members::node::eventually;

/// Number of chats.
const CHATS: u128 = 8;

/// Number of events that are read at once.
const PAGE: usize = 1_000;

/// Chats that write to a store until they are stopped. Each repeats what the store cannot do now,
/// as a portal or the engine does.
pub(crate) struct Load {
    chats: Vec<JoinHandle<Written>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    ends: AtomicBool,
    /// Number of finished operations.
    done: AtomicUsize,
    /// Number of operations that were refused, and why the last one was.
    refused: AtomicUsize,
    last_refusal: Mutex<String>,
}

/// What a chat has stored.
struct Written {
    dialog: String,
    /// The acknowledged events without a turn. The number is not known if the answer was lost.
    kept: Vec<(u128, Option<EventId>)>,
    /// The last state.
    state: Option<String>,
}

impl Load {
    /// Begins to write to a store, which is empty.
    pub(crate) fn start(store: &Arc<Postgres>) -> Self {
        let counts = Arc::<Counts>::default();
        let chats = (0..CHATS).map(|number| {
            let (store, counts) = (Arc::clone(store), Arc::clone(&counts));
            tokio::spawn(write(number, store, counts))
        });
        Self {
            chats: chats.collect(),
            counts,
        }
    }

    /// Waits for so many more finished operations.
    pub(crate) async fn goes_on(&self, count: usize) {
        let end = self.counts.done.load(Ordering::SeqCst) + count;
        let are_done = async || self.counts.done.load(Ordering::SeqCst) >= end;
        assert!(eventually(are_done).await, "nothing is stored any more");
    }

    /// Returns the number of operations that the store has refused.
    pub(crate) fn refused(&self) -> usize {
        self.counts.refused.load(Ordering::SeqCst)
    }

    /// Returns why the last one was refused.
    pub(crate) fn last_refusal(&self) -> String {
        self.counts.last_refusal.lock().unwrap().clone()
    }

    /// Ends the chats. Checks that the events that wait are those that were acknowledged and had no
    /// turn, those of each chat in their order, and that each state is the last one.
    pub(crate) async fn stop(self, store: &Postgres) {
        self.counts.ends.store(true, Ordering::SeqCst);
        let mut chats = Vec::new();
        for chat in self.chats {
            chats.push(chat.await.unwrap());
        }
        let mut found: HashMap<OrderingKey, Vec<EventId>> = HashMap::new();
        for (id, key) in all_waiting(store).await {
            found.entry(key).or_default().push(id);
        }
        for written in chats {
            let found = found.remove(&chat(&written.dialog)).unwrap_or_default();
            assert_eq!(found.len(), written.kept.len(), "{}", written.dialog);
            for (id, (occurrence, known)) in found.into_iter().zip(written.kept) {
                assert!(
                    known.is_none_or(|known| known == id),
                    "{id} is not {known:?}"
                );
                assert_eq!(occurrence_body(store, id).await, body(occurrence));
            }
            let state = store.state(&conversation(&written.dialog)).await.unwrap();
            assert_eq!(state, written.state.as_deref().map(stored));
        }
        assert_eq!(found.len(), 0);
    }
}

/// Writes until the end.
async fn write(number: u128, store: Arc<Postgres>, counts: Arc<Counts>) -> Written {
    let dialog = format!("chat{number}");
    let mut written = Written {
        dialog: dialog.clone(),
        kept: Vec::new(),
        state: None,
    };
    let mut count = 0;
    while !counts.ends.load(Ordering::SeqCst) {
        let occurrence = number << 64 | count;
        let before = counts.refused.load(Ordering::SeqCst);
        let append = || store.append(delivery(occurrence, &[chat(&dialog)]));
        let appended = repeat(&counts, append).await;
        let id = numbers(appended)[0];
        let was_refused = counts.refused.load(Ordering::SeqCst) > before;
        assert!(
            id.is_some() || was_refused,
            "a new event is taken for a repeat"
        );
        count += 1;
        match id {
            Some(id) if count % 2 == 0 => {
                let begun = repeat(&counts, || store.begin(id, None)).await;
                assert!(begun.is_some(), "{id} is lost");
                let state = count.to_string();
                let turn = put(id, &dialog, &state);
                repeat(&counts, || store.commit(turn.clone())).await;
                written.state = Some(state);
            }
            id => written.kept.push((occurrence, id)),
        }
    }
    written
}

/// Repeats an operation until the store can do it.
async fn repeat<T, F>(counts: &Counts, run: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match run().await {
            Ok(done) => {
                counts.done.fetch_add(1, Ordering::SeqCst);
                return done;
            }
            Err(error) => {
                let later = [StoreErrorKind::Unavailable, StoreErrorKind::Full];
                assert!(later.contains(&error.kind()), "{error}");
                counts.refused.fetch_add(1, Ordering::SeqCst);
                *counts.last_refusal.lock().unwrap() = error.to_string();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn all_waiting(store: &Postgres) -> Vec<(EventId, OrderingKey)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.waiting(None, after, PAGE).await.unwrap();
        after = page.last().map(|(id, _)| *id);
        all.extend(page);
        if after.is_none() {
            return all;
        }
    }
}

/// Returns the body of an event, which names its occurrence.
async fn occurrence_body(store: &Postgres, id: EventId) -> bytes::Bytes {
    match store.event(id).await.unwrap().unwrap().content {
        Content::Delivered { body, .. } => body,
        Content::Reminder(_) => panic!("{id} is a reminder"),
    }
}
