//! Where all is well, nothing is complained of; and what it looks like.

use std::time::Duration;

use imbot::Config;
use imbot::emulator::{Emulator, Options, Rate};
use imbot::portal::Plan;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::text;
use super::{Desk, NOWHERE, PATIENCE, doctor, portal, run, with_store};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_polls_is_well() {
    let desk = Desk::polling().await;
    desk.talks("hello").await;
    let found = doctor(&desk.config).await;
    assert_eq!((found.code, found.complaints()), (Some(0), vec![]));
    found
        .is("program", "ok", "it runs")
        .is("last event", "ok", "ago")
        .is("address", "skipped", "poll")
        .is("credentials", "ok", "webhook is accepted")
        .is("rights", "ok", "an administrator")
        .is("bot echo", "ok", "its events are polled")
        .is("in step", "ok", "")
        .is("events of echo", "ok", "")
        .is("limits", "ok", "imbot.v2.Event.get has run");
    desk.talks("and now?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_well_but_for_its_plain_http() {
    let desk = Desk::application(None).await;
    desk.talks("hello").await;
    let found = doctor(&desk.config).await;
    assert_eq!(
        (found.code, found.complaints()),
        (Some(0), vec!["certificate"])
    );
    found
        .is("address", "ok", "asked from here")
        .is("certificate", "warning", "plain http")
        .is("clock", "ok", "agree")
        .is("application", "ok", "finished")
        .is("payment", "ok", "a local application")
        .is("scopes", "ok", "imbot")
        .is("bot poll", "ok", "posted to our address")
        .is("bot frontdesk on lines", "ok", "it serves Support (1)")
        .is(
            "bound events",
            "ok",
            &desk.config.public_url.clone().unwrap(),
        );
}

#[tokio::test(flavor = "multi_thread")]
async fn for_people_each_check_is_a_line_in_columns() {
    let portal = portal().await;
    let mut config = with_store(Config::polling(&portal)).0;
    let output = run(&config, &[]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for line in [
        "  failed   bot echo       it is not on the portal → run `register`, or start the program",
        "  ok       credentials    the inbound webhook is accepted\n",
        "  skipped  store          there is no store at",
    ] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
    assert!(text(&output.stderr).contains("5 checks failed"));
    config.portal.clear();
    config.client_id = Some("local.1".into());
    config.client_secret = Some("zxcvbn831c76b092f9".to_owned().into());
    config.public_url = Some(format!("http://{NOWHERE}/"));
    doctor(&config)
        .await
        .is("store", "failed", "there is no store at")
        .is("portals", "failed", "none is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_over_are_renewed_and_the_running_program_goes_on_with_them() {
    let desk = Desk::application(None).await;
    desk.talks("before").await;
    desk.portal.expire_tokens();
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(0));
    found.is("credentials", "ok", "could be renewed just now");
    desk.portal.expire_tokens();
    desk.talks("after").await;
    doctor(&desk.config)
        .await
        .is("credentials", "ok", "is accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_has_moved_is_told_and_followed() {
    let portal = portal().await;
    let (mut config, _folder) = with_store(Config::polling(&portal));
    let moved = format!("localhost:{}", portal.address().port());
    config.allow_host.push(moved.clone());
    portal.rename(&moved);
    doctor(&config)
        .await
        .is("reached", "ok", &format!("on to {moved}"))
        .is("credentials", "ok", "is accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_bots_that_use_up_the_limit_nothing_is_refused_and_they_go_on() {
    let portal = Emulator::start(Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: Some(Rate::ENTERPRISE),
        ..Options::default()
    });
    let portal = portal.await.unwrap();
    let desk = Desk::polling_on(portal, Plan::Enterprise).await;
    let own = desk.engine.portal(&desk.engine.portals()[0]).unwrap();
    let mut busy = JoinSet::new();
    for _ in 0..8 {
        let own = own.clone();
        busy.spawn(async move {
            loop {
                let alone = json!({ "by": null }); // it goes in no batch
                own.call::<Value>("profile", &alone).await.unwrap();
            }
        });
    }
    let end = Instant::now() + PATIENCE;
    while desk.portal.rate_counts().peak < 200.0 {
        assert!(Instant::now() < end, "the bucket is not filled");
        sleep(Duration::from_millis(5)).await;
    }
    let before = desk.portal.rate_counts().requests;
    let found = doctor(&desk.config).await;
    let mut complaints = found.complaints();
    // How many questions get an answer in the time for one is up to the machine.
    complaints.retain(|name| {
        let check = found.check(name);
        let words = check["detail"].as_str().unwrap();
        !(check["status"] == "warning" && words.contains("no answer within"))
    });
    assert_eq!((found.code, complaints), (Some(0), vec!["last event"]));
    assert!(desk.portal.rate_counts().requests - before > 10);
    assert!(busy.try_join_next().is_none(), "a call was refused");
    assert_eq!(desk.portal.rate_counts().refused, 0);
}
