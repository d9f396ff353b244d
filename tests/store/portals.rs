//! A portal is installed once, and uninstalled with or without what was said there.

use imbot::event::{MemberId, UserId};
use imbot::portal::inbound;
use imbot::store::{ADDRESSES_MAX, Access, Installation, Key, Portals, Sqlite, Store, Tokens};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use uuid::Uuid;

use super::{append, at, conversation, every_store, put, waiting};

fn installation(endpoint: &str) -> Installation {
    Installation {
        portal: MemberId::new("portal"),
        endpoint: endpoint.to_owned(),
        application_token: format!("application of {endpoint}").into(),
        access: Access::Tokens(Tokens {
            access: format!("access of {endpoint}").into(),
            refresh: format!("refresh of {endpoint}").into(),
        }),
    }
}

#[tokio::test]
async fn an_installation_takes_the_place_of_an_earlier_one() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        store.install(installation("https://old/")).await.unwrap();
        store.install(installation("https://new/")).await.unwrap();
        let portals = store.portals().await.unwrap();
        let [own] = &portals[..] else {
            panic!("{name}: {portals:?}")
        };
        assert_eq!(own.endpoint, "https://new/", "{name}");
        let tokens = own.access.tokens().unwrap();
        let secrets = [&own.application_token, &tokens.access, &tokens.refresh];
        assert_eq!(
            secrets.map(|secret| secret.expose_secret()),
            ["application", "access", "refresh"].map(|what| format!("{what} of https://new/")),
            "{name}"
        );
        assert!(
            !format!("{portals:?}").contains("access of"),
            "{name}: secrets are not printed"
        );
        assert_eq!(store.status().await.unwrap().portals, 1, "{name}");
    }
}

#[tokio::test]
async fn a_portal_behind_an_inbound_webhook_is_known_by_its_address() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let behind = inbound("https://example.bitrix24.com/rest/7/abc123/").unwrap();
        store.install(behind.clone()).await.unwrap();
        let own = store.portals().await.unwrap().remove(0);
        let (Access::Webhook(own), Access::Webhook(given)) = (own.access, behind.access) else {
            panic!("{name}")
        };
        assert_eq!(
            (own.user, own.code.expose_secret()),
            (UserId(7), "abc123"),
            "{name}"
        );
        let tokens = [&own.bot_token, &given.bot_token].map(ExposeSecret::expose_secret);
        assert_eq!(tokens[0], tokens[1], "{name}");
    }
}

#[tokio::test]
async fn one_at_a_time_may_renew_the_tokens_of_a_portal() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let claim = async |holder, now, until| {
            let portal = MemberId::new("portal");
            let claim = store.claim(&portal, holder, at(now), at(until)).await;
            claim.unwrap()
        };
        assert!(claim(one, 0, 30).await.is_none(), "{name}: not installed");
        store.install(installation("https://old/")).await.unwrap();
        let own = claim(one, 0, 30).await.unwrap();
        assert!(own.is_granted, "{name}");
        assert_eq!(own.installation.endpoint, "https://old/", "{name}");
        assert!(!claim(other, 29, 60).await.unwrap().is_granted, "{name}");
        assert!(
            claim(one, 29, 60).await.unwrap().is_granted,
            "{name}: again"
        );
        assert!(
            claim(other, 60, 90).await.unwrap().is_granted,
            "{name}: over"
        );
        assert!(!claim(one, 60, 90).await.unwrap().is_granted, "{name}");
        store.install(installation("https://new/")).await.unwrap();
        let renewed = claim(one, 61, 90).await.unwrap();
        assert!(renewed.is_granted, "{name}: ended by the installation");
        let tokens = [&own.installation.access, &renewed.installation.access];
        assert!(!tokens[0].is_same(tokens[1]), "{name}");
    }
}

#[tokio::test]
async fn a_process_that_attends_a_store_renews_no_tokens_beside_the_one_that_has_it() {
    let folder = TempDir::new().unwrap();
    let (path, key) = (folder.path().join("store.db"), Key::random());
    let own = Sqlite::open(&path, &key).unwrap();
    own.install(installation("https://old/")).await.unwrap();
    let attending = Sqlite::attend(&path, &key).unwrap();
    let claim = async |store: &Sqlite, holder| {
        let (portal, holder) = (MemberId::new("portal"), Uuid::from_u128(holder));
        let claim = store.claim(&portal, holder, at(0), at(30)).await;
        claim.unwrap().unwrap()
    };
    assert!(claim(&attending, 1).await.is_granted);
    assert!(!claim(&own, 2).await.is_granted);
    attending
        .install(installation("https://new/"))
        .await
        .unwrap();
    let taken_over = claim(&own, 2).await;
    assert_eq!(taken_over.installation.endpoint, "https://new/");
    assert!(!claim(&attending, 1).await.is_granted);
}

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

#[tokio::test]
async fn what_was_said_stays_when_a_portal_is_uninstalled_and_goes_when_that_is_asked_for() {
    for subject in every_store() {
        assert_eq!(
            uninstalled(&*subject.store, false).await,
            2,
            "{}",
            subject.name
        );
    }
    for subject in every_store() {
        assert_eq!(
            uninstalled(&*subject.store, true).await,
            0,
            "{}",
            subject.name
        );
        assert_eq!(
            subject.store.status().await.unwrap().conversations,
            0,
            "{}",
            subject.name
        );
    }
}

#[tokio::test]
async fn the_addresses_of_the_program_are_remembered_up_to_a_bound() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let note = async |address: &str| store.addresses(Some(address)).await.unwrap();
        assert_eq!(note("https://one/").await, ["https://one/"], "{name}");
        assert_eq!(note("https://one/").await, ["https://one/"], "{name}");
        assert_eq!(
            store.addresses(None).await.unwrap(),
            ["https://one/"],
            "{name}"
        );
        let both = ["https://one/", "https://two/"];
        assert_eq!(note("https://two/").await, both, "{name}");
        let back = ["https://two/", "https://one/"];
        assert_eq!(
            note("https://one/").await,
            back,
            "{name}: the last one is that of now"
        );
        for number in 0..ADDRESSES_MAX {
            note(&format!("https://{number}/")).await;
        }
        let known = note("https://new/").await;
        assert_eq!(known.len(), ADDRESSES_MAX, "{name}");
        assert_eq!(known.last().unwrap(), "https://new/", "{name}");
        assert!(!known.contains(&"https://one/".to_owned()), "{name}");
    }
}
