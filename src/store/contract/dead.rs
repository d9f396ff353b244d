//! Dead letters keep their history, are revived to their old place, or are dropped.

use crate::store::{Content, DeadWhat, Notice, Store};
use std::sync::Arc;

use super::sample::{append, at, body, chat, dead, failure, waiting};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(a_dead_letter_keeps_its_history),
    check!(a_revived_event_has_its_old_number_and_a_clean_count),
    check!(dropping_the_letter_that_blocks_a_key_unblocks_it),
    check!(dead_letters_are_read_page_by_page),
];

async fn a_dead_letter_keeps_its_history(store: Arc<dyn Store>) {
    let store = &*store;
    let id = append(store, 1, "27").await;
    for error in ["first", "second"] {
        store.begin(id, None).await.unwrap();
        store.fail(id, failure(error)).await.unwrap();
    }
    store.begin(id, None).await.unwrap();
    store.commit(dead(id, false)).await.unwrap();
    assert_eq!(waiting(store).await, []);
    let letters = store.dead_letters(None, 10).await.unwrap();
    let [letter] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(letter.history, [failure("first"), failure("second")]);
    assert_eq!((letter.attempts, letter.at), (3, at(1)));
    assert_eq!(
        (&*letter.error, letter.blocks),
        ("the handler failed", false)
    );
    let DeadWhat::Event {
        id: own,
        at: came,
        content,
    } = &letter.what
    else {
        panic!("of another kind");
    };
    assert_eq!((*own, *came, &letter.key), (id, at(0), &chat("27")));
    let Content::Delivered { body: kept, .. } = content else {
        panic!("of another kind")
    };
    assert_eq!(*kept, body(1));
}

async fn a_revived_event_has_its_old_number_and_a_clean_count(store: Arc<dyn Store>) {
    let store = &*store;
    let first = append(store, 1, "27").await;
    store.begin(first, None).await.unwrap();
    store.fail(first, failure("once")).await.unwrap();
    store.commit(dead(first, true)).await.unwrap();
    let second = append(store, 2, "27").await;
    assert_eq!(store.blocked().await.unwrap(), [chat("27")]);
    store.notices().await.unwrap();
    let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(store.revive(letter.id).await.unwrap());
    assert!(!store.revive(letter.id).await.unwrap());
    assert_eq!(waiting(store).await, [first, second]);
    assert!(store.blocked().await.unwrap().is_empty());
    let notices = store.notices().await.unwrap();
    assert_eq!(notices, [Notice::Event(first, chat("27"))]);
    assert!(
        store.notices().await.unwrap().is_empty(),
        "each notice comes once"
    );
    assert_eq!(store.begin(first, None).await.unwrap().unwrap().attempt, 1);
    let Content::Delivered { body: kept, .. } = store.event(first).await.unwrap().unwrap().content
    else {
        panic!("of another kind");
    };
    assert_eq!(kept, body(1));
    store.commit(dead(first, false)).await.unwrap();
    let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(letter.history.is_empty());
}

async fn dropping_the_letter_that_blocks_a_key_unblocks_it(store: Arc<dyn Store>) {
    let store = &*store;
    for (occurrence, blocks, expected) in [
        (1, false, vec![]),
        (2, true, vec![Notice::Unblocked(chat("27"))]),
    ] {
        let id = append(store, occurrence, "27").await;
        store.commit(dead(id, blocks)).await.unwrap();
        store.notices().await.unwrap();
        let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
        assert!(store.drop_dead_letter(letter.id).await.unwrap());
        assert!(!store.drop_dead_letter(letter.id).await.unwrap());
        assert_eq!(store.notices().await.unwrap(), expected);
        assert!(store.blocked().await.unwrap().is_empty());
        assert_eq!(waiting(store).await, []);
    }
}

async fn dead_letters_are_read_page_by_page(store: Arc<dyn Store>) {
    let store = &*store;
    for occurrence in 0..5 {
        let id = append(store, occurrence, "27").await;
        store.commit(dead(id, false)).await.unwrap();
    }
    let first = store.dead_letters(None, 3).await.unwrap();
    let rest = store.dead_letters(Some(first[2].id), 3).await.unwrap();
    assert_eq!((first.len(), rest.len()), (3, 2));
    assert!(first[2].id < rest[0].id);
    assert_eq!(store.status().await.unwrap().dead, 5);
}
