//! Tokens and addresses of a portal change while it is called: each is renewed once, stored, and
//! shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use imbot::engine::SWEEP_INTERVAL;
use imbot::portal::{Application, Http, Plan, Portal};
use imbot::prelude::*;
use imbot::store::{Access, Clock, Installation, Memory, Store, Time, Tokens};
use poem::http::StatusCode;
use poem::{Request, Response, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::stage::{Echo, Setup};

/// The installation that the program has stored.
async fn installation(setup: &Setup) -> Installation {
    setup.engine.store().portals().await.unwrap().remove(0)
}

/// The client of another process on the same store.
fn other(setup: &Setup, installation: Installation) -> Portal {
    let application = Application {
        client_id: setup.credentials.client_id.clone(),
        client_secret: setup.credentials.client_secret.clone().into(),
        oauth_url: setup.portal.oauth_url(),
    };
    let hosts = [&installation.endpoint, &setup.portal.oauth_url()]
        .map(|address| address.split('/').nth(2).unwrap().to_owned());
    Portal::new(
        Http::new(hosts).unwrap(),
        Some(Arc::new(application)),
        Arc::clone(setup.engine.store()),
        installation,
        Plan::default(),
    )
}

fn exchanges(setup: &Setup) -> usize {
    setup.traffic("oauth/token").len()
}

async fn profile(portal: &Portal) -> Value {
    portal.call("profile", &json!({})).await.unwrap()
}

#[tokio::test]
async fn processes_on_one_store_renew_the_tokens_once() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let installation = installation(&setup).await;
    let own = setup.engine.portal(&installation.portal).unwrap();
    let others: Vec<Portal> = (0..4)
        .map(|_| other(&setup, installation.clone()))
        .collect();
    let before = exchanges(&setup);
    setup.portal.expire_tokens();
    let all = others.iter().chain([&own]).cycle().take(15);
    join_all(all.map(profile)).await;
    assert_eq!(exchanges(&setup) - before, 1);
    // A process that was suspended meanwhile has the old pair, which no longer works.
    let late = other(&setup, installation);
    profile(&late).await;
    assert_eq!(exchanges(&setup) - before, 1);
}

#[tokio::test]
async fn tokens_are_renewed_shortly_before_they_expire_and_only_for_a_call() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let portal = other(&setup, installation(&setup).await);
    setup.portal.expire_tokens();
    profile(&portal).await; // from now on their expiry is known
    let before = exchanges(&setup);
    for (seconds, renewed) in [(3_500, 0), (45, 1), (3_500, 1), (7_200, 2)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        profile(&portal).await;
        assert_eq!(
            exchanges(&setup) - before,
            renewed,
            "after {seconds} seconds"
        );
    }
    let refused = setup.traffic("profile");
    let refused = refused.iter().filter(|call| call["status"] == 401);
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn a_rejected_application_gets_an_error_and_stops_calling() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let mut revoked = installation(&setup).await;
    revoked.access = Access::Tokens(Tokens {
        access: "dead".to_owned().into(),
        refresh: "dead, too".to_owned().into(),
    });
    let store = setup.engine.store();
    store.install(revoked.clone()).await.unwrap();
    let portal = other(&setup, revoked);
    let (calls, before) = (setup.traffic("profile").len(), exchanges(&setup));
    for _ in 0..3 {
        let error = portal
            .call::<Value>("profile", &json!({}))
            .await
            .unwrap_err();
        assert!(
            error.is_access_revoked() && !error.may_have_run(),
            "{error}"
        );
        assert!(
            error.to_string().contains("install the application"),
            "{error}"
        );
    }
    assert_eq!(setup.traffic("profile").len() - calls, 1);
    assert_eq!(exchanges(&setup) - before, 1);
}

/// An address that redirects every call with this status: to other REST methods, or to itself.
async fn moved(status: u16, to: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}/rest/", listener.local_addr().unwrap());
    let to = to.unwrap_or_else(|| own.clone());
    let endpoint = poem::endpoint::make_sync(move |request: Request| {
        let method = request.uri().path().trim_start_matches("/rest/").to_owned();
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response::builder().status(status);
        response
            .header("location", format!("{to}{method}"))
            .body(())
    });
    let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
    own
}

#[tokio::test]
async fn a_moved_portal_is_called_at_its_new_address_which_is_stored() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let new = installation(&setup).await;
    let at = async |endpoint: String| {
        let hosts = [&endpoint, &new.endpoint].map(|url| url.split('/').nth(2).unwrap().to_owned());
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let mut old = new.clone();
        old.endpoint = endpoint;
        store.install(old.clone()).await.unwrap();
        let http = Http::new(hosts).unwrap();
        let portal = Portal::new(http, None, Arc::clone(&store), old, Plan::default());
        (portal, store)
    };
    for status in [301, 302, 307, 308] {
        let (portal, store) = at(moved(status, Some(new.endpoint.clone())).await).await;
        let params = json!({ "code": "echo" });
        let found: Value = portal.call("imbot.v2.Bot.get", &params).await.unwrap();
        assert_eq!(
            found["bot"]["code"], "echo",
            "{status}: the body came along"
        );
        assert_eq!(portal.endpoint(), new.endpoint, "{status}");
        let stored = store.portals().await.unwrap().remove(0);
        assert_eq!(stored.endpoint, new.endpoint, "{status}");
    }
    let (portal, _) = at(moved(302, None).await).await;
    let error = portal
        .call::<Value>("profile", &json!({}))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("more than 3 redirects"),
        "{error}"
    );
    assert!(error.was_not_run() && error.may_pass_later());
}

#[tokio::test]
async fn tokens_that_no_call_renews_are_renewed_before_they_expire() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const SWEEPS_MAX: u32 = 600; // a minute, on a slow machine
    let days = Arc::new(AtomicU32::new(0));
    let clock = Arc::clone(&days);
    let clock = Clock::new(move || Time(1_764_406_800_000) + DAY * clock.load(Ordering::Relaxed));
    let setup = Setup::installed(App::new().bot(Echo).clock(clock)).await;
    let before = exchanges(&setup);
    for (day, renewed) in [(100, 0), (119, 0), (121, 1), (240, 1), (242, 2)] {
        days.store(day, Ordering::Relaxed);
        for _ in 0..SWEEPS_MAX {
            sweep().await;
            if exchanges(&setup) - before >= renewed {
                break;
            }
        }
        assert_eq!(exchanges(&setup) - before, renewed, "day {day}");
    }
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    profile(&portal).await;
}

/// Lets the store be swept once.
async fn sweep() {
    tokio::time::pause();
    tokio::time::advance(SWEEP_INTERVAL + Duration::from_secs(1)).await;
    tokio::time::resume();
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_token_that_the_portal_does_not_recognise_is_renewed_once() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let portal = other(&setup, installation(&setup).await);
    let before = exchanges(&setup);
    setup.portal.refuse(1, 401, "NO_AUTH_FOUND");
    profile(&portal).await;
    assert_eq!(exchanges(&setup) - before, 1);
    // New tokens are not renewed again.
    setup.portal.refuse(3, 401, "NO_AUTH_FOUND");
    for _ in 0..3 {
        let refused = portal.call::<Value>("profile", &Value::Null).await;
        let error = refused.unwrap_err();
        assert!(
            error.is("NO_AUTH_FOUND") && error.to_string().contains("new inbound webhook"),
            "{error}"
        );
    }
    assert_eq!(exchanges(&setup) - before, 1);
}
