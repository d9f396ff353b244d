//! The tokens of an administrator who opened the application are used when the person who installed
//! it is gone.

use imbot::event::UserId;
use imbot::prelude::*;
use imbot::store::{Installation, Spare};
use reqwest::Client;
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::stage::{ANN, Echo, PATIENCE, Setup, until};

/// Another person, who is not an administrator at first.
const BORIS: u64 = 2;
/// A person who never is an administrator.
const CLARA: u64 = 3;

async fn installation(setup: &Setup) -> Installation {
    setup.engine.store().portals().await.unwrap().remove(0)
}

async fn spare(setup: &Setup) -> Option<Spare> {
    installation(setup).await.spare
}

/// A person opens the application and gets its page.
async fn opens(setup: &Setup, user: u64) {
    let client_id = &setup.credentials.client_id;
    let (status, page) = setup.portal.open_app(user, client_id).await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("echo") || page.contains("Echo"), "{page}");
}

/// Boris opens the application as an administrator, and his tokens are stored.
async fn boris_opens(setup: &Setup) {
    setup.portal.make_admin(BORIS).unwrap();
    opens(setup, BORIS).await;
    let end = Instant::now() + PATIENCE;
    while spare(setup).await.is_none() {
        assert!(Instant::now() < end, "the tokens are not stored");
        sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(spare(setup).await.unwrap().user, UserId(BORIS));
}

#[tokio::test]
async fn another_administrators_tokens_serve_when_the_installer_is_dismissed_and_after_a_restart() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let before = installation(&setup).await;
    boris_opens(&setup).await;
    setup.portal.dismiss(ANN).unwrap();
    setup.write("echo", "one");
    setup.receives("echo", &["one"]).await;
    let setup = setup.restart(App::new().bot(Echo)).await;
    setup.write("echo", "two");
    setup.receives("echo", &["one", "two"]).await;
    let first = spare(&setup).await.unwrap().tokens;
    setup.portal.expire_tokens();
    setup.write("echo", "three");
    setup.receives("echo", &["one", "two", "three"]).await;

    let after = installation(&setup).await;
    assert_eq!(
        after.application_token.expose_secret(),
        before.application_token.expose_secret()
    );
    assert_eq!(after.endpoint, before.endpoint);
    assert!(after.access.is_same(&before.access), "not replaced");
    let renewed = after.spare.unwrap().tokens;
    assert_ne!(
        renewed.refresh.expose_secret(),
        first.refresh.expose_secret()
    );
    assert_eq!(setup.engine.counts().dead.get(), 0);
}

#[tokio::test]
async fn the_spare_tokens_serve_when_the_installers_refresh_token_is_refused() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    boris_opens(&setup).await;
    setup.portal.expire_tokens();
    setup.portal.refuse_tokens(1, 400, "invalid_grant");
    setup.write("echo", "one");
    setup.receives("echo", &["one"]).await;
    assert_eq!(setup.engine.counts().dead.get(), 0);
}

#[tokio::test]
async fn messages_wait_until_an_administrator_opens_the_application() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.portal.dismiss(ANN).unwrap();
    setup.write("echo", "one");
    until("the message waits", || setup.engine.waiting().1 == 1).await;
    boris_opens(&setup).await;
    for _ in 0..600 {
        if !setup.messages_of("echo").is_empty() {
            break;
        }
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        tokio::time::resume();
        sleep(std::time::Duration::from_millis(100)).await;
    }
    setup.receives("echo", &["one"]).await;
}

#[tokio::test]
async fn tokens_of_ordinary_people_and_of_the_installer_are_never_kept() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let (asked, exchanged) = (
        setup.traffic("profile").len(),
        setup.traffic("oauth/token").len(),
    );
    opens(&setup, CLARA).await;
    until("Clara is asked about", || {
        setup.traffic("profile").len() == asked + 1
    })
    .await;
    opens(&setup, ANN).await;
    until("Ann is asked about", || {
        setup.traffic("profile").len() == asked + 3
    })
    .await;
    assert!(spare(&setup).await.is_none());
    boris_opens(&setup).await;
    let exchanges = setup.traffic("oauth/token").len() - exchanged;
    assert_eq!(exchanges, 1, "only those of Boris are exchanged");
    let (asked, exchanged) = (
        setup.traffic("profile").len(),
        setup.traffic("oauth/token").len(),
    );
    opens(&setup, BORIS).await; // a moment later
    until("Boris is asked about", || {
        setup.traffic("profile").len() == asked + 1
    })
    .await;
    opens(&setup, CLARA).await;
    until("Clara is asked about", || {
        setup.traffic("profile").len() == asked + 2
    })
    .await;
    assert_eq!(setup.traffic("oauth/token").len(), exchanged);
    assert_eq!(spare(&setup).await.unwrap().user, UserId(BORIS));
}

#[tokio::test]
async fn forged_tokens_are_never_kept_and_cost_a_bounded_number_of_calls() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let installed = installation(&setup).await;
    let member_id = installed.portal.to_string();
    let calls = |setup: &Setup| {
        let traffic = ["profile", "oauth/token"].map(|name| setup.traffic(name).len());
        traffic.iter().sum::<usize>()
    };
    let before = calls(&setup);
    let post = async |fields: &[(&str, &str)]| {
        let request = Client::new().post(&setup.handler).form(fields);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    let forged = [
        ("AUTH_ID", "forged"),
        ("REFRESH_ID", "forged, too"),
        ("PLACEMENT", "DEFAULT"),
    ];
    post(&[&forged[..], &[("member_id", "another portal")]].concat()).await;
    let wrong = [("member_id", &*member_id), ("APPLICATION_TOKEN", "wrong")];
    post(&[&forged[..], &wrong].concat()).await;
    for number in 0..100 {
        let access = format!("forged {number}");
        post(&[
            ("AUTH_ID", &access),
            ("REFRESH_ID", "forged, too"),
            ("member_id", &member_id),
            (
                "APPLICATION_TOKEN",
                installed.application_token.expose_secret(),
            ),
            ("PLACEMENT", "DEFAULT"),
        ])
        .await;
    }
    until("one is checked", || calls(&setup) > before).await;
    assert!(calls(&setup) <= before + 30, "{}", calls(&setup) - before);
    assert!(spare(&setup).await.is_none());
    setup.write("echo", "still here");
    setup.receives("echo", &["still here"]).await;
}

#[tokio::test]
async fn strangers_without_the_applications_token_do_not_use_up_the_checks() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let member_id = installation(&setup).await.portal.to_string();
    for number in 0..100 {
        let access = format!("forged {number}");
        let fields = [
            ("AUTH_ID", access.as_str()),
            ("REFRESH_ID", "forged, too"),
            ("member_id", &member_id),
            ("PLACEMENT", "DEFAULT"),
        ];
        let request = Client::new().post(&setup.handler).form(&fields);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    boris_opens(&setup).await;
    assert!(spare(&setup).await.is_some());
}

#[tokio::test]
async fn a_new_installation_removes_the_spare_tokens() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    boris_opens(&setup).await;
    setup.install().await;
    assert!(spare(&setup).await.is_none());
    setup.write("echo", "one");
    setup.receives("echo", &["one"]).await;
}
