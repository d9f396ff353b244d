//! Problems are reported with a fix, and do not stop the other checks.

use std::sync::Arc;

use imbot::engine::Mode;
use imbot::portal::Binding;
use imbot::portal::methods::imbot_v2;
use imbot::{Config, serve};
use serde_json::json;
use tokio::net::TcpListener;

use super::{ANN, NOWHERE, Setup, doctor, portal, with_store};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_webhook_is_reported_with_the_portals_error() {
    let setup = Setup::polling().await;
    setup.portal.revoke_webhook();
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is("reached", "ok", "answers in")
        .is(
            "credentials",
            "failed",
            "INVALID_CREDENTIALS (401): Invalid request",
        )
        .advises("credentials", "create a new inbound webhook")
        .is("the rest", "skipped", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_the_running_program_refused_as_unproven_are_a_warning() {
    let setup = Setup::application(None).await;
    let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = setup.config.clone();
    config.admin = Some(admin.local_addr().unwrap());
    tokio::spawn(serve::admin(Arc::clone(&setup.engine), admin));
    let forged = "event=ONCRMDEALADD&auth[member_id]=nobody";
    setup.engine.accept(forged.into()).await.unwrap_err();
    let findings = doctor(&config).await;
    findings
        .is("refused events", "warning", "1 were not proven")
        .advises("refused events", "Reinstall");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_another_administrators_tokens_is_a_warning_that_advises_to_install_again() {
    const BORIS: u64 = 2;
    let setup = Setup::application(None).await;
    let client_id = setup.config.client_id.clone().unwrap();
    setup.portal.make_admin(BORIS).unwrap();
    setup.portal.open_app(BORIS, &client_id).await.unwrap();
    let has_spare = async || {
        let portals = setup.engine.store().portals().await.unwrap();
        portals[0].spare.is_some()
    };
    while !has_spare().await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    setup.portal.dismiss(ANN).unwrap();
    doctor(&setup.config)
        .await
        .is("installer", "warning", "those of user 2")
        .advises("installer", "install the application again");
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_events_of_bots_are_named_and_registering_binds_them() {
    let setup = Setup::application(None).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let url = setup.config.public_url.clone().unwrap();
    let events = ["ONIMBOTV2MESSAGEADD", "ONIMBOTV2REACTIONCHANGE"];
    let unbound = events.map(|event| Binding::online(event, url.as_str()));
    assert!(portal.unbind(&unbound).await.unwrap().is_empty());
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is(
            "bound events",
            "failed",
            "ONIMBOTV2MESSAGEADD, ONIMBOTV2REACTIONCHANGE",
        )
        .advises("bound events", "`register`");
    setup.engine.register(&portal, Mode::Apply).await.unwrap();
    doctor(&setup.config)
        .await
        .is("bound events", "ok", "the bots' events go to");
    setup.talk_to_echo("still there?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_named() {
    let setup = Setup::application(Some("im,crm")).await;
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is(
            "scopes",
            "failed",
            "imbot is not among the granted scopes (im, crm)",
        )
        .is("the bots", "skipped", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_of_another_application_is_not_reported_as_missing() {
    let setup = Setup::application(None).await;
    let (other, _folder) = with_store(Config::polling(&setup.portal));
    let findings = doctor(&other).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is(
            "bot echo",
            "failed",
            "belongs to another application or webhook",
        )
        .advises("bot echo", "if the portal was renamed"); // before anything that gives the bot up
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_of_both_api_versions_and_of_an_old_address_are_warnings() {
    let setup = Setup::application(None).await;
    let id = &setup.engine.portals()[0];
    let portal = setup.engine.portal(id).unwrap();
    let url = setup.config.public_url.clone().unwrap();
    let refused = portal
        .bind(&[Binding::online("ONIMBOTMESSAGEADD", url)])
        .await
        .unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    let old = format!("http://{NOWHERE}/old?CLIENT_ID=secret");
    portal
        .bind(&[Binding::online("ONIMBOTV2MESSAGEADD", old)])
        .await
        .unwrap();
    let findings = doctor(&setup.config).await;
    assert_eq!(
        findings.exit_code,
        Some(0),
        "warnings do not fail the command"
    );
    findings
        .is("API versions", "warning", "ONIMBOT… and ONIMBOTV2…")
        .advises("API versions", "all bots use v2")
        .is("other addresses", "warning", "http://127.0.0.1:9/old");
    let other = findings.check("other addresses")["detail"].to_string();
    assert!(!other.contains("secret"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_unreachable_or_another_programs_fails() {
    let setup = Setup::application(None).await;
    let mut config = setup.config.clone();
    config.public_url = Some(format!("http://{NOWHERE}/"));
    doctor(&config)
        .await
        .is("address", "failed", "not called")
        .advises("address", "use an https address");
    config.allow_host.push(NOWHERE.into());
    let findings = doctor(&config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is(
            "address",
            "failed",
            "http://127.0.0.1:9/health cannot be reached from this machine",
        )
        .is(
            "bound events",
            "failed",
            "not bound to http://127.0.0.1:9/: ONIMBOTV2MESSAGEADD",
        )
        .is(
            "other addresses",
            "warning",
            &setup.config.public_url.clone().unwrap(),
        );
    config.public_url = Some(setup.portal.url());
    doctor(&config)
        .await
        .is("address", "failed", "but not by this program");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_in_the_own_network_needs_allow_host() {
    let (mut config, _folder) = with_store(Config::polling(&portal().await));
    config.portal = vec!["https://localhost:9/rest/1/abcdef123/".to_owned().into()];
    config.allow_host = Vec::new();
    doctor(&config)
        .await
        .is("reached", "failed", "localhost has no public address")
        .advises("reached", "--allow-host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_answers_a_page_or_is_unreachable_does_not_stop_the_other_portals() {
    let (broken, healthy) = (portal().await, portal().await);
    let (mut config, _folder) = with_store(Config::polling(&broken));
    let unreachable = format!("http://{NOWHERE}/rest/1/abcdef123/");
    config
        .portal
        .extend([healthy.webhook_url().into(), unreachable.into()]);
    config
        .allow_host
        .extend([healthy.address().to_string(), NOWHERE.into()]);
    broken.answer_html(1, 502);
    let findings = doctor(&config).await;
    assert_eq!(findings.exit_code, Some(1));
    let of = |portal: String, name: &str| {
        let mut checks = findings.checks.iter();
        let check = checks.find(|check| check["portal"] == *portal && check["name"] == *name);
        check.cloned().unwrap_or_default()
    };
    let page = of(broken.address().to_string(), "credentials");
    assert_eq!(page["status"], "failed");
    assert!(
        page["detail"]
            .as_str()
            .unwrap()
            .contains("(502) is not JSON: <"),
        "{page}"
    );
    assert!(
        page["fix"].as_str().unwrap().contains("in a browser"),
        "{page}"
    );
    assert_eq!(
        of(healthy.address().to_string(), "credentials")["status"],
        "ok"
    );
    let unreachable = of(NOWHERE.into(), "reached");
    assert_eq!(unreachable["status"], "failed");
    assert!(
        unreachable["detail"].as_str().unwrap().contains("refused"),
        "{unreachable}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_program_polls_are_reported_and_stay_on_the_portal() {
    let setup = Setup::polling().await;
    setup.talk_to_echo("hello").await;
    let (portal, config, _folder) = setup.stop().await;
    let echo = portal.bot("echo").unwrap().to_string();
    portal.send(ANN, &echo, "anybody?").unwrap();
    for _ in 0..2 {
        let findings = doctor(&config).await;
        assert_eq!(findings.exit_code, Some(1));
        findings
            .is("program", "failed", "no process uses this store")
            .is("events of echo", "failed", "no program polls them")
            .is("events of poll", "ok", "none are waiting");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_from_the_program_are_named() {
    let setup = Setup::application(None).await;
    let portal = setup.engine.portal(&setup.engine.portals()[0]).unwrap();
    let stray = imbot_v2::BotRegister::new("stray", json!({ "name": "Stray" }));
    let stray_id = portal.run(stray).await.unwrap().bot.id;
    let menu = portal.find_bot("menu").await.unwrap().unwrap().id;
    let fetching = imbot_v2::BotUpdate::new(menu).event_mode("fetch");
    portal.run(fetching).await.unwrap();
    let poll = portal.find_bot("poll").await.unwrap().unwrap().id;
    let commands = portal.run(imbot_v2::CommandList::new(poll)).await.unwrap();
    let remove = imbot_v2::CommandUnregister::new(poll, commands.commands[0].id);
    portal.run(remove).await.unwrap();
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is("other bots", "warning", &format!("stray ({stray_id})"))
        .is(
            "bot menu",
            "failed",
            "its event mode is fetch, but this program needs webhook",
        )
        .is(
            "in sync",
            "warning",
            &format!("add /{} to the bot poll", commands.commands[0].name()),
        );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_near_its_running_time_limit_is_a_warning_and_at_the_limit_a_failure() {
    let portal = portal().await;
    let (config, _folder) = with_store(Config::polling(&portal));
    portal.charge("webhook 1", "profile", 300.0);
    doctor(&config)
        .await
        .is("limits", "warning", "profile has run 300.0 s");
    portal.charge("webhook 1", "profile", 300.0);
    let findings = doctor(&config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings.is("credentials", "failed", "OPERATION_TIME_LIMIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_or_unpaid_portal_fails_with_a_fix_that_mentions_waiting_messages() {
    let portal = portal().await;
    let (config, _folder) = with_store(Config::polling(&portal));
    for (status, code, fix) in [
        (401, "PAYMENT_REQUIRED", "its administrator has to pay"),
        (401, "ACCESS_DENIED", "its administrator has to pay"),
        (403, "PORTAL_DELETED", "stopped or deleted"),
    ] {
        portal.refuse(100, status, code);
        let findings = doctor(&config).await;
        assert_eq!(findings.exit_code, Some(1));
        let words = format!("the portal refused with {code} ({status})");
        findings
            .is("reached", "ok", "")
            .is("credentials", "failed", &words)
            .advises("credentials", fix)
            .advises("credentials", "within a day");
        portal.calm();
    }
    let findings = doctor(&config).await;
    findings.is("credentials", "ok", "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_removed_without_an_event_fails_the_credentials() {
    let setup = Setup::application(None).await;
    setup.portal.lose(10);
    let client_id = setup.config.client_id.clone().unwrap();
    setup.portal.uninstall(&client_id, false).unwrap();
    let findings = doctor(&setup.config).await;
    assert_eq!(findings.exit_code, Some(1));
    findings
        .is("credentials", "failed", "oauth/token")
        .advises("credentials", "install the application");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_on_no_line_is_a_warning() {
    let setup = Setup::application(None).await;
    for line in [1, 2] {
        setup.portal.delete_line(line).unwrap();
    }
    let findings = doctor(&setup.config).await;
    for bot in ["frontdesk", "assistant"] {
        let name = format!("bot {bot} on lines");
        findings.is(&name, "warning", "none of the portal's 0 lines");
    }
    assert_eq!(findings.exit_code, Some(0));
}
