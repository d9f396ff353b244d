//! An operator's process and the running one share a portal's tokens and its time.

use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::contract::sample::{self, at};
use imbot::store::{Booking, Installation, Portals, Sqlite};
use uuid::Uuid;

use super::Home;

fn installation(endpoint: &str) -> Installation {
    let mut installation = sample::installation("portal", "application");
    installation.endpoint = endpoint.to_owned();
    installation
}

async fn is_granted(store: &Sqlite, holder: u128) -> bool {
    let (portal, holder) = (MemberId::new("portal"), Uuid::from_u128(holder));
    let claim = store.claim(&portal, holder, at(0), at(30)).await;
    claim.unwrap().unwrap().is_granted
}

#[tokio::test]
async fn one_of_two_processes_may_renew_tokens_until_it_has_stored_them() {
    let home = Home::new();
    let running = home.open();
    running.install(installation("https://old/")).await.unwrap();
    let attending = Sqlite::attend(&home.path, &home.key).unwrap();
    assert!(is_granted(&attending, 1).await);
    assert!(!is_granted(&running, 2).await);
    attending
        .install(installation("https://new/"))
        .await
        .unwrap();
    assert!(is_granted(&running, 2).await);
    let portals = running.portals().await.unwrap();
    assert_eq!(portals[0].endpoint, "https://new/");
    assert!(!is_granted(&attending, 1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_book_at_once_never_get_the_same_time() {
    let home = Home::new();
    let running = home.open();
    let attending = Sqlite::attend(&home.path, &home.key).unwrap();
    let booking = Booking {
        from: at(0),
        each: Duration::from_secs(2),
        most: 4,
        by: at(10_000),
    };
    let all = async |store: &Sqlite| {
        let mut booked = Vec::new();
        for _ in 0..50 {
            let time = store.book(&MemberId::new("portal"), booking).await.unwrap();
            booked.push((time.start, time.end));
        }
        booked
    };
    let (mut booked, others) = tokio::join!(all(&running), all(&attending));
    booked.extend(others);
    booked.sort_unstable();
    assert!(
        booked.windows(2).all(|pair| pair[0].1 == pair[1].0),
        "{booked:?}"
    );
}
