//! Conversations are listed once each, in order, and parts are found and changed from outside.

use std::sync::Arc;

use crate::event::{BotId, DialogId, MemberId};
use crate::store::{
    Conversation, Limits, ListScope, Notice, PartScope, StateChange, Store, TurnCommit,
};

use super::sample::{DAY, append, at, conversation, stored};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(conversations_are_listed_once_whatever_is_stored_of_them),
    check!(the_list_has_pages_and_a_scope),
    check!(parts_are_found_by_their_name_or_their_conversation),
    check!(a_part_that_is_changed_from_outside_is_a_notice),
    check!(broadcasts_and_pauses_are_never_idle),
];

/// A conversation on another portal, or of another bot.
fn elsewhere(portal: &str, bot: u64, dialog: &str) -> Conversation {
    Conversation {
        portal: MemberId::new(portal),
        bot: BotId(bot),
        dialog: DialogId::from(dialog),
    }
}

/// Stores something under each key, by a turn at this time.
async fn put_all(store: &dyn Store, event: u128, seconds: u64, keys: &[Conversation]) {
    let event = append(store, event, "99").await;
    let put = |key: &Conversation| (key.clone(), StateChange::Put(stored("1")));
    let turn = TurnCommit {
        parts: keys.iter().map(put).collect(),
        ..TurnCommit::done(event, at(seconds))
    };
    store.commit(turn).await.unwrap();
}

async fn list(store: &dyn Store, scope: &ListScope, limit: usize) -> Vec<String> {
    let (mut all, mut last) = (Vec::new(), None);
    loop {
        let page = store.conversations(scope.clone(), last.as_ref(), limit);
        let page = page.await.unwrap();
        assert!(page.len() <= limit);
        let Some(listed) = page.last() else {
            return all;
        };
        last = Some(listed.key.clone());
        all.extend(page.iter().map(|listed| listed.key.to_string()));
    }
}

async fn conversations_are_listed_once_whatever_is_stored_of_them(store: Arc<dyn Store>) {
    let store = &*store;
    let chat = conversation("chat1");
    let keys = [
        chat.clone(),
        chat.part("form/27"),
        chat.of_person(crate::event::UserId(28)),
        conversation("chat10").of_person(crate::event::UserId(27)),
        conversation("27").part("known"),
        Conversation::of_broadcast(MemberId::new("portal"), BotId(7), "sale").part("job"),
    ];
    put_all(store, 1, 1, &keys).await;
    put_all(store, 2, 5, &[chat.part("form/27")]).await;
    let page = store.conversations(ListScope::All, None, 10).await.unwrap();
    let page: Vec<_> = page
        .iter()
        .map(|listed| (listed.key.dialog.as_str(), listed.last_turn))
        .collect();
    assert_eq!(page, [("27", at(1)), ("chat1", at(5)), ("chat10", at(1))]);
}

async fn the_list_has_pages_and_a_scope(store: Arc<dyn Store>) {
    let store = &*store;
    let own = MemberId::new("portal");
    let keys = [
        conversation("27"),
        conversation("chat1"),
        conversation("chat1").part("known"),
        conversation("chat2"),
        elsewhere("portal", 70, "27"),
        elsewhere("portal2", 7, "27"),
    ];
    put_all(store, 1, 1, &keys).await;
    let bot = ["portal/7/27", "portal/7/chat1", "portal/7/chat2"];
    for limit in [1, 2, 100] {
        let of_bot = list(store, &ListScope::Bot(own.clone(), BotId(7)), limit).await;
        assert_eq!(of_bot, bot, "{limit}");
        let of_portal = list(store, &ListScope::Portal(own.clone()), limit).await;
        assert_eq!(of_portal, [&bot[..], &["portal/70/27"]].concat(), "{limit}");
        let all = list(store, &ListScope::All, limit).await;
        assert_eq!(all.len(), 5, "{limit}");
    }
}

async fn parts_are_found_by_their_name_or_their_conversation(store: Arc<dyn Store>) {
    let store = &*store;
    let [one, other] = [conversation("27"), conversation("chat1")];
    let keys = [
        one.clone(),
        one.part("paused"),
        one.part("form"),
        other.part("paused"),
        conversation("chat12").part("known"),
    ];
    put_all(store, 1, 1, &keys).await;
    let named = |partition| PartScope::Named {
        partition,
        name: "paused".to_owned(),
    };
    let find = async |scope: PartScope, after: Option<&Conversation>, limit| {
        let found = store.parts(scope, after, limit).await.unwrap();
        assert!(found.iter().all(|(_, state)| *state == stored("1")));
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let all = [one.part("paused"), other.part("paused")];
    let own = store.partition(&one.portal);
    for partition in [None, Some(own)] {
        assert_eq!(find(named(partition), None, 10).await, all);
    }
    assert_eq!(find(named(None), None, 1).await, all[..1]);
    assert_eq!(find(named(None), Some(&all[0]), 10).await, all[1..]);
    let of_one = [one.part("form"), one.part("paused")];
    assert_eq!(find(PartScope::Of(one.clone()), None, 10).await, of_one);
    let rest = find(PartScope::Of(one), Some(&of_one[0]), 10).await;
    assert_eq!(rest, of_one[1..]);
}

async fn a_part_that_is_changed_from_outside_is_a_notice(store: Arc<dyn Store>) {
    let store = &*store;
    let part = conversation("27").part("paused");
    for (change, expected) in [
        (StateChange::Put(stored("1")), Some(stored("1"))),
        (StateChange::Put(stored("2")), Some(stored("2"))),
        (StateChange::Keep, Some(stored("2"))),
        (StateChange::Forget, None),
    ] {
        store.change_part(&part, at(1), change).await.unwrap();
        assert_eq!(store.state(&part).await.unwrap(), expected);
        let notices = store.notices().await.unwrap();
        assert_eq!(notices, [Notice::Part(part.clone())]);
    }
}

async fn broadcasts_and_pauses_are_never_idle(store: Arc<dyn Store>) {
    let store = &*store;
    let sale = Conversation::of_broadcast(MemberId::new("portal"), BotId(7), "sale");
    let kept = [sale.part("job"), conversation("27").part("paused")];
    put_all(store, 1, 1, &kept).await;
    put_all(store, 2, 1, &[conversation("27").part("known")]).await;
    let limits = Limits {
        idle: Some(DAY),
        ..Limits::default()
    };
    let swept = store.sweep(at(1) + 4 * DAY, limits).await.unwrap();
    assert_eq!(swept.conversations, 1);
    for key in kept {
        assert!(store.state(&key).await.unwrap().is_some(), "{key}");
    }
}
