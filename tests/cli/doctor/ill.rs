//! What is wrong is found, told in words that help, and stops nothing else.

use imbot::Config;
use imbot::engine::Mode;
use imbot::portal::Binding;
use imbot::portal::methods::imbot_v2;
use serde_json::json;

use super::{ANN, Desk, NOWHERE, doctor, portal, with_store};

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_deleted_is_told_in_the_portals_words() {
    let desk = Desk::polling().await;
    desk.portal.revoke_webhook();
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(1));
    found
        .is("reached", "ok", "answers in")
        .is(
            "credentials",
            "failed",
            "INVALID_CREDENTIALS (401): Invalid request",
        )
        .is("the rest", "skipped", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_named() {
    let desk = Desk::application(Some("im,crm")).await;
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(1));
    found
        .is(
            "scopes",
            "failed",
            "imbot is not among the granted scopes (im, crm)",
        )
        .is("the bots", "skipped", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_of_another_owner_is_told_from_one_that_is_missing() {
    let desk = Desk::application(None).await;
    let (other, _folder) = with_store(Config::polling(&desk.portal));
    let found = doctor(&other).await;
    assert_eq!(found.code, Some(1));
    found.is(
        "bot echo",
        "failed",
        "belongs to another application or webhook",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_generations_and_an_old_address_are_told() {
    let desk = Desk::application(None).await;
    let id = &desk.engine.portals()[0];
    let portal = desk.engine.portal(id).unwrap();
    let url = desk.config.public_url.clone().unwrap();
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
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(0), "warnings alone fail nothing");
    found
        .is("generations", "warning", "ONIMBOT… and ONIMBOTV2…")
        .is("stray addresses", "warning", "http://127.0.0.1:9/old");
    let fix = found.check("generations")["fix"].to_string();
    assert!(
        fix.contains("all bots are of the second generation"),
        "{fix}"
    );
    let stray = found.check("stray addresses")["detail"].to_string();
    assert!(!stray.contains("secret"), "{stray}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_events_that_were_unbound_are_named_and_registering_binds_them() {
    let desk = Desk::application(None).await;
    let portal = desk.engine.portal(&desk.engine.portals()[0]).unwrap();
    let url = desk.config.public_url.clone().unwrap();
    let events = ["ONIMBOTV2MESSAGEADD", "ONIMBOTV2REACTIONCHANGE"];
    let unbound = events.map(|event| Binding::online(event, url.as_str()));
    assert!(portal.unbind(&unbound).await.unwrap().is_empty());
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(1));
    found.is(
        "bound events",
        "failed",
        "ONIMBOTV2MESSAGEADD, ONIMBOTV2REACTIONCHANGE",
    );
    let fix = found.check("bound events")["fix"].to_string();
    assert!(fix.contains("`register`"), "{fix}");
    desk.engine.register(&portal, Mode::Apply).await.unwrap();
    doctor(&desk.config)
        .await
        .is("bound events", "ok", "the bots' events go to");
    desk.talks("still there?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_reached_or_is_somebody_elses_is_told() {
    let desk = Desk::application(None).await;
    let mut config = desk.config.clone();
    config.public_url = Some(format!("http://{NOWHERE}/"));
    doctor(&config).await.is("address", "failed", "not called");
    config.allow_host.push(NOWHERE.into());
    let found = doctor(&config).await;
    assert_eq!(found.code, Some(1));
    found
        .is(
            "address",
            "failed",
            "http://127.0.0.1:9/health cannot be reached from here",
        )
        .is(
            "bound events",
            "failed",
            "not bound to http://127.0.0.1:9/: ONIMBOTV2MESSAGEADD",
        )
        .is(
            "stray addresses",
            "warning",
            &desk.config.public_url.clone().unwrap(),
        );
    config.public_url = Some(desk.portal.url());
    doctor(&config)
        .await
        .is("address", "failed", "and not by this program");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_answers_a_page_or_not_at_all_does_not_stop_the_others() {
    let (ill, well) = (portal().await, portal().await);
    let (mut config, _folder) = with_store(Config::polling(&ill));
    let away = format!("http://{NOWHERE}/rest/1/abcdef123/");
    config
        .portal
        .extend([well.webhook_url().into(), away.into()]);
    config
        .allow_host
        .extend([well.address().to_string(), NOWHERE.into()]);
    ill.answer_html(1, 502);
    let found = doctor(&config).await;
    assert_eq!(found.code, Some(1));
    let of = |portal: String, name: &str| {
        let mut checks = found.checks.iter();
        let check = checks.find(|check| check["portal"] == *portal && check["name"] == *name);
        check.cloned().unwrap_or_default()
    };
    let page = of(ill.address().to_string(), "credentials");
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
        of(well.address().to_string(), "credentials")["status"],
        "ok"
    );
    let away = of(NOWHERE.into(), "reached");
    assert_eq!(away["status"], "failed");
    assert!(
        away["detail"].as_str().unwrap().contains("refused"),
        "{away}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_nobody_takes_are_told_and_not_taken_by_looking() {
    let desk = Desk::polling().await;
    desk.talks("here").await;
    let (portal, config, _folder) = desk.leave().await;
    let echo = portal.bot("echo").unwrap().to_string();
    portal.send(ANN, &echo, "anybody?").unwrap();
    for _ in 0..2 {
        let found = doctor(&config).await;
        assert_eq!(found.code, Some(1));
        found
            .is("program", "failed", "no process works with this store")
            .is("events of echo", "failed", "nobody takes them")
            .is("events of poll", "ok", "none wait");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_from_the_program_is_named() {
    let desk = Desk::application(None).await;
    let portal = desk.engine.portal(&desk.engine.portals()[0]).unwrap();
    let stray = imbot_v2::BotRegister::new("stray", json!({ "name": "Stray" }));
    let stray_id = portal.run(stray).await.unwrap().bot.id;
    let menu = portal.find_bot("menu").await.unwrap().unwrap().id;
    let fetching = imbot_v2::BotUpdate::new(menu).event_mode("fetch");
    portal.run(fetching).await.unwrap();
    let poll = portal.find_bot("poll").await.unwrap().unwrap().id;
    let commands = portal.run(imbot_v2::CommandList::new(poll)).await.unwrap();
    let remove = imbot_v2::CommandUnregister::new(poll, commands.commands[0].id);
    portal.run(remove).await.unwrap();
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(1));
    found
        .is("other bots", "warning", &format!("stray ({stray_id})"))
        .is(
            "bot menu",
            "failed",
            "its event mode is fetch, and this program needs webhook",
        )
        .is(
            "in step",
            "warning",
            &format!("add /{} to the bot poll", commands.commands[0].name()),
        );
}

#[tokio::test(flavor = "multi_thread")]
async fn running_time_is_told_before_and_after_it_is_used_up() {
    let portal = portal().await;
    let (config, _folder) = with_store(Config::polling(&portal));
    portal.charge("webhook 1", "profile", 300.0);
    doctor(&config)
        .await
        .is("limits", "warning", "profile has run 300.0 s");
    portal.charge("webhook 1", "profile", 300.0);
    let found = doctor(&config).await;
    assert_eq!(found.code, Some(1));
    found.is("credentials", "failed", "OPERATION_TIME_LIMIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_stopped_or_not_paid_for_is_told_with_what_becomes_of_its_messages() {
    let portal = portal().await;
    let (config, _folder) = with_store(Config::polling(&portal));
    for (status, code, fix) in [
        (401, "PAYMENT_REQUIRED", "its administrator has to pay"),
        (401, "ACCESS_DENIED", "its administrator has to pay"),
        (403, "PORTAL_DELETED", "stopped or deleted"),
    ] {
        portal.refuse(100, status, code);
        let found = doctor(&config).await;
        assert_eq!(found.code, Some(1));
        let words = format!("the portal refused with {code} ({status})");
        found
            .is("reached", "ok", "")
            .is("credentials", "failed", &words);
        let told = found.check("credentials")["fix"].to_string();
        assert!(
            told.contains(fix) && told.contains("within a day"),
            "{told}"
        );
        portal.calm();
    }
    let found = doctor(&config).await;
    found.is("credentials", "ok", "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_was_removed_without_a_word_is_told() {
    let desk = Desk::application(None).await;
    desk.portal.lose(10);
    let client_id = desk.config.client_id.clone().unwrap();
    desk.portal.uninstall(&client_id, false).unwrap();
    let found = doctor(&desk.config).await;
    assert_eq!(found.code, Some(1));
    found.is("credentials", "failed", "oauth/token");
    let told = found.check("credentials")["fix"].to_string();
    assert!(told.contains("install the application"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_nobody_chose_for_a_line_is_told() {
    let desk = Desk::application(None).await;
    desk.portal.delete_line(1).unwrap();
    let found = doctor(&desk.config).await;
    found.is(
        "bot frontdesk on lines",
        "warning",
        "on none of the portal's 0 lines",
    );
    assert_eq!(found.code, Some(0));
}
