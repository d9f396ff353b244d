//! A portal is installed once, and uninstalled with or without what was said there.

use crate::event::{MemberId, UserId};
use crate::store::{ADDRESSES_MAX, Access, Installation, Spare, Store, Tokens, Webhook};
use secrecy::ExposeSecret;
use std::sync::Arc;
use uuid::Uuid;

use super::sample::{append, at, conversation, put, waiting};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(an_installation_replaces_an_earlier_one),
    check!(an_installation_is_read_by_its_portal_until_it_is_removed),
    check!(an_inbound_webhook_is_read_as_it_was_stored),
    check!(the_former_hosts_and_the_time_of_an_installation_are_kept),
    check!(the_spare_tokens_of_a_portal_are_kept_until_a_new_installation),
    check!(one_at_a_time_may_renew_the_tokens_of_a_portal),
    check!(conversations_stay_when_a_portal_is_uninstalled),
    check!(conversations_go_with_a_portal_when_that_is_asked_for),
    check!(the_latest_addresses_of_the_program_are_kept_up_to_a_bound),
    check!(notes_about_a_portal_are_replaced_and_are_removed_with_it),
    check!(the_secret_of_a_store_stays_the_same),
];

fn installation(endpoint: &str) -> Installation {
    Installation::new(
        MemberId::new("portal"),
        endpoint.to_owned(),
        format!("application of {endpoint}").into(),
        Access::Tokens(Tokens {
            access: format!("access of {endpoint}").into(),
            refresh: format!("refresh of {endpoint}").into(),
        }),
    )
}

async fn an_installation_replaces_an_earlier_one(store: Arc<dyn Store>) {
    let store = &*store;
    store.install(installation("https://old/")).await.unwrap();
    store.install(installation("https://new/")).await.unwrap();
    let portals = store.portals().await.unwrap();
    let [own] = &portals[..] else {
        panic!("{portals:?}")
    };
    assert_eq!(own.endpoint, "https://new/");
    let tokens = own.access.tokens().unwrap();
    let secrets = [&own.application_token, &tokens.access, &tokens.refresh];
    assert_eq!(
        secrets.map(|secret| secret.expose_secret()),
        ["application", "access", "refresh"].map(|what| format!("{what} of https://new/"))
    );
    assert!(
        !format!("{portals:?}").contains("access of"),
        "secrets are not printed"
    );
    assert_eq!(store.status().await.unwrap().portals, 1);
}

async fn an_installation_is_read_by_its_portal_until_it_is_removed(store: Arc<dyn Store>) {
    let store = &*store;
    let (portal, other) = (MemberId::new("portal"), MemberId::new("other"));
    let read = async |portal| store.portal(portal).await.unwrap();
    assert!(read(&portal).await.is_none());
    store.install(installation("https://own/")).await.unwrap();
    let own = read(&portal).await.unwrap();
    assert_eq!(own.endpoint, "https://own/");
    assert!(own.access.is_same(&installation("https://own/").access));
    assert!(read(&other).await.is_none());
    store.install(installation("https://new/")).await.unwrap();
    assert_eq!(read(&portal).await.unwrap().endpoint, "https://new/");
    store.uninstall(&portal, false).await.unwrap();
    assert!(read(&portal).await.is_none());
}

async fn an_inbound_webhook_is_read_as_it_was_stored(store: Arc<dyn Store>) {
    let store = &*store;
    let webhook = Webhook {
        user: UserId(7),
        code: "abc123".into(),
        bot_token: "ours".into(),
    };
    let mut behind = installation("https://example.bitrix24.com/rest/7/");
    behind.access = Access::Webhook(webhook);
    store.install(behind.clone()).await.unwrap();
    let own = store.portals().await.unwrap().remove(0);
    let (Access::Webhook(own), Access::Webhook(given)) = (own.access, behind.access) else {
        panic!("of another kind")
    };
    assert_eq!((own.user, own.code.expose_secret()), (UserId(7), "abc123"));
    let tokens = [&own.bot_token, &given.bot_token].map(ExposeSecret::expose_secret);
    assert_eq!(tokens[0], tokens[1]);
}

async fn the_former_hosts_and_the_time_of_an_installation_are_kept(store: Arc<dyn Store>) {
    let store = &*store;
    let mut given = installation("https://new.bitrix24.com/rest/");
    given.former_hosts = vec![
        "old.bitrix24.com".to_owned(),
        "other.bitrix24.com".to_owned(),
    ];
    given.installed_at = Some(1_764_406_800);
    store.install(given.clone()).await.unwrap();
    let own = store.portals().await.unwrap().remove(0);
    let claimed = store.claim(&given.portal, Uuid::from_u128(1), at(0), at(30));
    let claimed = claimed.await.unwrap().unwrap().installation;
    for read in [own, claimed] {
        assert_eq!(read.former_hosts, given.former_hosts);
        assert_eq!(read.installed_at, given.installed_at);
    }
}

async fn the_spare_tokens_of_a_portal_are_kept_until_a_new_installation(store: Arc<dyn Store>) {
    let store = &*store;
    let mut given = installation("https://own/");
    let tokens = Tokens {
        access: "spare access".into(),
        refresh: "spare refresh".into(),
    };
    given.spare = Some(Spare::new(UserId(9), tokens));
    store.install(given).await.unwrap();
    let own = store.portals().await.unwrap().remove(0);
    let claimed = store.claim(&own.portal, Uuid::from_u128(1), at(0), at(30));
    let claimed = claimed.await.unwrap().unwrap().installation;
    for read in [own, claimed] {
        assert!(!format!("{read:?}").contains("spare access"), "not printed");
        let spare = read.spare.unwrap();
        let secrets = [&spare.tokens.access, &spare.tokens.refresh];
        assert_eq!(spare.user, UserId(9));
        assert_eq!(
            secrets.map(|secret| secret.expose_secret()),
            ["spare access", "spare refresh"]
        );
    }
    store.install(installation("https://own/")).await.unwrap();
    assert!(store.portals().await.unwrap()[0].spare.is_none());
}

async fn one_at_a_time_may_renew_the_tokens_of_a_portal(store: Arc<dyn Store>) {
    let store = &*store;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let claim = async |holder, now, until| {
        let portal = MemberId::new("portal");
        let claim = store.claim(&portal, holder, at(now), at(until)).await;
        claim.unwrap()
    };
    assert!(claim(one, 0, 30).await.is_none(), "not installed");
    store.install(installation("https://old/")).await.unwrap();
    let own = claim(one, 0, 30).await.unwrap();
    assert!(own.is_granted);
    assert_eq!(own.installation.endpoint, "https://old/");
    assert!(!claim(other, 29, 60).await.unwrap().is_granted);
    assert!(claim(one, 29, 60).await.unwrap().is_granted, "again");
    assert!(claim(other, 60, 90).await.unwrap().is_granted, "over");
    assert!(!claim(one, 60, 90).await.unwrap().is_granted);
    store.install(installation("https://new/")).await.unwrap();
    let renewed = claim(one, 61, 90).await.unwrap();
    assert!(renewed.is_granted, "ended by the installation");
    let tokens = [&own.installation.access, &renewed.installation.access];
    assert!(!tokens[0].is_same(tokens[1]));
}

/// Uninstalls a portal. Returns how much of its conversation and its events is left.
async fn uninstalled(store: &dyn Store, forget: bool) -> usize {
    store.install(installation("https://own/")).await.unwrap();
    for (occurrence, dialog) in [(1, "27"), (2, "chat5")] {
        let id = append(store, occurrence, dialog).await;
        store.commit(put(id, dialog, "{}")).await.unwrap();
    }
    append(store, 3, "27").await;
    store
        .uninstall(&MemberId::new("portal"), forget)
        .await
        .unwrap();
    assert!(store.portals().await.unwrap().is_empty());
    let state = store.state(&conversation("27")).await.unwrap();
    usize::from(state.is_some()) + waiting(store).await.len()
}

async fn conversations_stay_when_a_portal_is_uninstalled(store: Arc<dyn Store>) {
    assert_eq!(uninstalled(&*store, false).await, 2);
}

async fn conversations_go_with_a_portal_when_that_is_asked_for(store: Arc<dyn Store>) {
    assert_eq!(uninstalled(&*store, true).await, 0);
    assert_eq!(store.status().await.unwrap().conversations, 0);
}

async fn the_latest_addresses_of_the_program_are_kept_up_to_a_bound(store: Arc<dyn Store>) {
    let store = &*store;
    let note = async |address: &str| store.addresses(Some(address)).await.unwrap();
    assert_eq!(note("https://one/").await, ["https://one/"]);
    assert_eq!(note("https://one/").await, ["https://one/"]);
    assert_eq!(store.addresses(None).await.unwrap(), ["https://one/"]);
    let both = ["https://one/", "https://two/"];
    assert_eq!(note("https://two/").await, both);
    let back = ["https://two/", "https://one/"];
    assert_eq!(
        note("https://one/").await,
        back,
        "the last one is that of now"
    );
    for number in 0..ADDRESSES_MAX {
        note(&format!("https://{number}/")).await;
    }
    let known = note("https://new/").await;
    assert_eq!(known.len(), ADDRESSES_MAX);
    assert_eq!(known.last().unwrap(), "https://new/");
    assert!(!known.contains(&"https://one/".to_owned()));
}

async fn notes_about_a_portal_are_replaced_and_are_removed_with_it(store: Arc<dyn Store>) {
    let store = &*store;
    let (one, other) = (MemberId::new("m1"), MemberId::new("m12"));
    let note = async |portal, name| store.note(portal, name).await.unwrap();
    assert_eq!(note(&one, "echo").await, None);
    for (portal, name, text) in [
        (&one, "echo", "1"),
        (&one, "echo", "2"),
        (&one, "poll", "3"),
        (&other, "echo", "4"),
    ] {
        store.set_note(portal, name, text.to_owned()).await.unwrap();
    }
    assert_eq!(note(&one, "echo").await.as_deref(), Some("2"));
    assert_eq!(note(&one, "poll").await.as_deref(), Some("3"));
    store.uninstall(&one, false).await.unwrap();
    assert_eq!(note(&one, "echo").await, None);
    assert_eq!(note(&one, "poll").await, None);
    assert_eq!(note(&other, "echo").await.as_deref(), Some("4"));
}

async fn the_secret_of_a_store_stays_the_same(store: Arc<dyn Store>) {
    let store = &*store;
    let first = store.secret().await.unwrap();
    assert_ne!(first.bytes(), &[0; 32]);
    assert_eq!(store.secret().await.unwrap(), first);
}
