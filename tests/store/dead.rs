//! Dead letters are told with their story, revived to their old place, or dropped.

use imbot::store::{Content, DeadWhat, Notice};

use super::{append, at, body, chat, dead, every_store, failure, waiting};

#[tokio::test]
async fn a_dead_letter_tells_how_it_came_about() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let id = append(store, 1, "27").await;
        for error in ["first", "second"] {
            store.begin(id, None).await.unwrap();
            store.fail(id, failure(error)).await.unwrap();
        }
        store.begin(id, None).await.unwrap();
        store.commit(dead(id, false)).await.unwrap();
        assert_eq!(waiting(store).await, [], "{name}");
        let letters = store.dead(None, 10).await.unwrap();
        let [letter] = &letters[..] else {
            panic!("{name}: {letters:?}")
        };
        assert_eq!(
            letter.history,
            [failure("first"), failure("second")],
            "{name}"
        );
        assert_eq!((letter.attempts, letter.at), (3, at(1)), "{name}");
        assert_eq!(
            (&*letter.error, letter.blocks),
            ("the handler failed", false),
            "{name}"
        );
        let DeadWhat::Event {
            id: own,
            at: came,
            content,
        } = &letter.what
        else {
            panic!("{name}");
        };
        assert_eq!(
            (*own, *came, &letter.key),
            (id, at(0), &chat("27")),
            "{name}"
        );
        let Content::Delivered { body: kept, .. } = content else {
            panic!("{name}")
        };
        assert_eq!(*kept, body(1), "{name}");
    }
}

#[tokio::test]
async fn a_revived_event_has_its_old_number_and_a_clean_count() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let first = append(store, 1, "27").await;
        store.begin(first, None).await.unwrap();
        store.fail(first, failure("once")).await.unwrap();
        store.commit(dead(first, true)).await.unwrap();
        let second = append(store, 2, "27").await;
        assert_eq!(store.blocked().await.unwrap(), [chat("27")], "{name}");
        store.notices().await.unwrap();
        let letter = store.dead(None, 1).await.unwrap().remove(0);
        assert!(store.revive(letter.id).await.unwrap(), "{name}");
        assert!(!store.revive(letter.id).await.unwrap(), "{name}");
        assert_eq!(waiting(store).await, [first, second], "{name}");
        assert!(store.blocked().await.unwrap().is_empty(), "{name}");
        let news = store.notices().await.unwrap();
        assert_eq!(news, [Notice::Event(first, chat("27"))], "{name}");
        assert!(
            store.notices().await.unwrap().is_empty(),
            "{name}: told once"
        );
        assert_eq!(
            store.begin(first, None).await.unwrap().unwrap().attempt,
            1,
            "{name}"
        );
        let Content::Delivered { body: kept, .. } =
            store.event(first).await.unwrap().unwrap().content
        else {
            panic!("{name}");
        };
        assert_eq!(kept, body(1), "{name}");
        store.commit(dead(first, false)).await.unwrap();
        let letter = store.dead(None, 1).await.unwrap().remove(0);
        assert!(letter.history.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn dropping_the_letter_that_blocks_opens_its_lane() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        for (occurrence, blocks, expected) in [
            (1, false, vec![]),
            (2, true, vec![Notice::Unblocked(chat("27"))]),
        ] {
            let id = append(store, occurrence, "27").await;
            store.commit(dead(id, blocks)).await.unwrap();
            store.notices().await.unwrap();
            let letter = store.dead(None, 1).await.unwrap().remove(0);
            assert!(store.drop_dead(letter.id).await.unwrap(), "{name}");
            assert!(!store.drop_dead(letter.id).await.unwrap(), "{name}");
            assert_eq!(store.notices().await.unwrap(), expected, "{name}");
            assert!(store.blocked().await.unwrap().is_empty(), "{name}");
            assert_eq!(waiting(store).await, [], "{name}");
        }
    }
}

#[tokio::test]
async fn dead_letters_are_told_page_by_page() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        for occurrence in 0..5 {
            let id = append(store, occurrence, "27").await;
            store.commit(dead(id, false)).await.unwrap();
        }
        let first = store.dead(None, 3).await.unwrap();
        let rest = store.dead(Some(first[2].id), 3).await.unwrap();
        assert_eq!((first.len(), rest.len()), (3, 2), "{name}");
        assert!(first[2].id < rest[0].id, "{name}");
        assert_eq!(store.status().await.unwrap().dead, 5, "{name}");
    }
}
