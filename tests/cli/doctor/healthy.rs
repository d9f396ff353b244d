//! A healthy program gets no complaints; and the format of the output.

use std::time::Duration;

use imbot::Config;
use imbot::emulator::{Emulator, Options, Rate};
use imbot::portal::Plan;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::text;
use super::{NOWHERE, Setup, TIMEOUT, doctor, portal, run, with_store};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_polls_has_no_complaints() {
    let setup = Setup::polling().await;
    setup.talk_to_echo("hello").await;
    let findings = doctor(&setup.config).await;
    findings.only_complains_about(&[]);
    findings
        .is("program", "ok", "it is running")
        .is("last event", "ok", "ago")
        .is("address", "skipped", "poll")
        .is("credentials", "ok", "webhook is accepted")
        .is("rights", "ok", "an administrator")
        .is("bot echo", "ok", "its events are polled")
        .is("in sync", "ok", "")
        .is("events of echo", "ok", "")
        .is("limits", "ok", "imbot.v2.Event.get has run");
    setup.talk_to_echo("hello again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_has_no_complaints_except_its_plain_http_address() {
    let setup = Setup::application(None).await;
    setup.talk_to_echo("hello").await;
    let findings = doctor(&setup.config).await;
    findings.only_complains_about(&["certificate"]);
    findings
        .is("address", "ok", "called from this machine")
        .is("certificate", "warning", "plain http")
        .is("clock", "ok", "agree")
        .is("application", "ok", "finished")
        .is("payment", "ok", "a local application")
        .is("scopes", "ok", "imbot")
        .is("bot poll", "ok", "posted to this program")
        .is("bot frontdesk on lines", "ok", "it serves Support (1)")
        .is(
            "bound events",
            "ok",
            &setup.config.public_url.clone().unwrap(),
        );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_is_printed_as_a_line_in_columns() {
    let portal = portal().await;
    let mut config = with_store(Config::polling(&portal)).0;
    let output = run(&config, &[]).await;
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for line in [
        "  failed   bot echo       it is not on the portal → run `register`, or start the program",
        "  ok       credentials    the inbound webhook is accepted\n",
        "  skipped  store          there is no store at",
    ] {
        assert!(printed.contains(line), "{line} is missing in\n{printed}");
    }
    assert!(text(&output.stderr).contains("6 checks failed"));
    config.portal.clear();
    config.client_id = Some("local.1".into());
    config.client_secret = Some("zxcvbn831c76b092f9".to_owned().into());
    config.public_url = Some(format!("http://{NOWHERE}/"));
    doctor(&config)
        .await
        .is("store", "failed", "there is no store at")
        .is("portals", "failed", "no portal is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_tokens_are_renewed_and_the_running_program_uses_the_new_ones() {
    let setup = Setup::application(None).await;
    setup.talk_to_echo("before").await;
    setup.portal.expire_tokens();
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(0));
    findings.is("credentials", "ok", "was renewed just now");
    setup.portal.expire_tokens();
    setup.talk_to_echo("after").await;
    doctor(&setup.config)
        .await
        .is("credentials", "ok", "is accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_portal_is_reported_and_followed() {
    let portal = portal().await;
    let (mut config, _folder) = with_store(Config::polling(&portal));
    let moved = format!("localhost:{}", portal.address().port());
    config.allow_host.push(moved.clone());
    portal.rename(&moved);
    doctor(&config)
        .await
        .is("reached", "ok", &format!("redirects to {moved}"))
        .is("credentials", "ok", "is accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_a_login_page_is_not_reported_as_a_move() {
    let portal = portal().await;
    let (config, _folder) = with_store(Config::polling(&portal));
    portal.redirect(1_000, "/auth/?backurl=/rest/");
    doctor(&config)
        .await
        .is("reached", "failed", "redirects to another page")
        .advises("reached", "a login or a maintenance page");
}

#[tokio::test(flavor = "multi_thread")]
async fn next_to_bots_that_use_up_the_rate_limit_no_call_is_refused() {
    let portal = Emulator::start(Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: Some(Rate::ENTERPRISE),
        ..Options::default()
    });
    let portal = portal.await.unwrap();
    let setup = Setup::polling_on(portal, Plan::Enterprise).await;
    let client = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let mut busy = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        busy.spawn(async move {
            loop {
                let unbatched = json!({ "by": null }); // a null cannot go in a batch
                client.call::<Value>("profile", &unbatched).await.unwrap();
            }
        });
    }
    let end = Instant::now() + TIMEOUT;
    while setup.portal.rate_counts().peak < 200.0 {
        assert!(Instant::now() < end, "the bucket is not filled");
        sleep(Duration::from_millis(5)).await;
    }
    let before = setup.portal.rate_counts().requests;
    let findings = doctor(&setup.config).await;
    findings.only_complains_about(&["last event"]);
    assert!(setup.portal.rate_counts().requests - before > 10);
    assert!(busy.try_join_next().is_none(), "a call was refused");
    assert_eq!(setup.portal.rate_counts().refused, 0);
}
