//! A portal's limits: no call is refused for them, people's answers share requests, and a blocked
//! portal is not called.

use std::time::Duration;

use futures_util::future::join_all;
use imbot::portal::Portal;
use imbot::prelude::*;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::stage::{ANN, Echo, Setup, texts, until};

/// An installed application, its portal's client, and the id of its bot.
async fn setup() -> (Setup, Portal, u64) {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let id = setup.engine.portals().remove(0);
    let portal = setup.engine.portal(&id).unwrap();
    let bot = setup.portal.bot("echo").unwrap();
    (setup, portal, bot)
}

/// Makes calls until some are batched, which happens at a full bucket: the next call has to wait.
async fn fill(setup: &Setup, portal: &Portal) {
    let no_params = json!({});
    let together = || setup.traffic("batch").len();
    let before = together();
    while together() == before {
        let calls = (0..10).map(|_| portal.call::<Value>("profile", &no_params));
        join_all(calls)
            .await
            .into_iter()
            .for_each(|answer| drop(answer.unwrap()));
    }
}

#[tokio::test]
async fn at_a_full_bucket_messages_are_batched_and_each_gets_its_own_answer() {
    let (setup, portal, bot) = setup().await;
    let groups = setup.groups(bot, 60);
    fill(&setup, &portal).await;
    let text = |n: usize| match n {
        7 => "$result[0] is $next".to_owned(), // would be replaced in a batch
        _ => format!("number {n} & [b]more[/b] + 100%"),
    };
    let say = |(n, dialog): (usize, &String)| {
        let params = json!({ "BOT_ID": bot, "DIALOG_ID": dialog, "MESSAGE": text(n) });
        let keyed = portal.with_key(dialog);
        async move { keyed.call::<u64>("imbot.message.add", &params).await }
    };
    let nowhere = "chat999999".to_owned();
    let (said, refused) = tokio::join!(
        join_all(groups.iter().enumerate().map(say)),
        say((99, &nowhere))
    );
    for (n, (group, said)) in groups.iter().zip(said).enumerate() {
        let mut history = setup.portal.history(ANN, group);
        history.retain(|message| message["author"] == bot);
        assert_eq!(texts(&history), [text(n)]);
        assert_eq!(history[0]["id"], said.unwrap(), "{group}");
    }
    let refused = refused.unwrap_err();
    assert_eq!(refused.method(), "imbot.message.add");
    assert!(
        refused.code().is_some() && !refused.may_have_run(),
        "{refused}"
    );
    // The exact number depends on the machine; one by one there would be 61.
    let requests = setup.traffic("imbot.message.add").len() + setup.traffic("batch").len();
    assert!(requests <= 15, "{requests} requests for 61 messages");
    assert_eq!(setup.portal.rate_counts().refused, 0);
}

#[tokio::test]
async fn calls_with_a_token_of_their_own_are_not_batched_with_others() {
    let (setup, portal, _) = setup().await;
    let no_params = json!({});
    let foreign = portal.with_token("the token of an event".into());
    fill(&setup, &portal).await;
    let before = setup.traffic("profile").len();
    let own = (0..6).map(|_| portal.call::<Value>("app.info", &no_params));
    let others = (0..6).map(|_| foreign.call::<Value>("profile", &no_params));
    let (own, others) = tokio::join!(join_all(own), join_all(others));
    assert!(own.iter().all(Result::is_ok), "{own:?}");
    assert!(others.iter().all(Result::is_err), "{others:?}");
    assert_eq!(setup.traffic("profile").len() - before, 6);
}

#[tokio::test]
async fn a_method_that_used_up_its_running_time_is_not_called_until_its_reset() {
    let (setup, portal, _) = setup().await;
    let client = &setup.credentials.client_id;
    setup.portal.charge(client, "profile", 500.0);
    let before = setup.traffic("profile").len();
    for _ in 0..2 {
        let error = portal
            .call::<Value>("profile", &json!({}))
            .await
            .unwrap_err();
        assert!(
            error.is_rate_limited() && error.is("OPERATION_TIME_LIMIT"),
            "{error}"
        );
        assert!(error.retry_after().is_some() && error.may_pass_later() && error.was_not_run());
    }
    assert_eq!(setup.traffic("profile").len() - before, 1);
    portal.call::<Value>("app.info", &json!({})).await.unwrap();
}

#[tokio::test]
async fn a_portal_that_stopped_the_application_is_not_called_repeatedly() {
    let (setup, portal, _) = setup().await;
    let calls = || setup.traffic("profile").len() + setup.traffic("app.info").len();
    let before = calls();
    setup.portal.refuse(1, 503, "OVERLOAD_LIMIT");
    for method in ["profile", "app.info", "profile"] {
        let error = portal.call::<Value>(method, &json!({})).await.unwrap_err();
        assert!(error.is_blocked() && error.may_pass_later(), "{error}");
        assert!(error.to_string().contains("ask them"), "{error}");
        assert_eq!(error.method(), method);
    }
    assert_eq!(calls() - before, 1);
}

#[tokio::test]
async fn a_batch_has_typed_answers_and_refers_to_earlier_ones() {
    let (setup, portal, bot) = setup().await;
    let group = setup.portal.group(ANN, "Group", &[ANN, bot]).unwrap();
    let mut batch = portal.batch();
    let me = batch.add::<Value>("profile", json!({}));
    let text = json!({ "BOT_ID": bot, "DIALOG_ID": group, "MESSAGE": me.at(["NAME"]) });
    let said = batch.add::<u64>("imbot.message.add", text);
    let unknown = batch.add::<Value>("no.such.method", json!({}));
    let wrong = batch.add::<bool>("profile", json!({}));
    let mut answers = batch.send().await.unwrap();
    let name = answers.take(me).unwrap()["NAME"].clone();
    let said = answers.take(said).unwrap();
    let history = setup.portal.history(ANN, &group);
    let message = history
        .iter()
        .find(|message| message["id"] == said)
        .unwrap();
    assert_eq!(message["text"], name);
    let unknown = answers.take(unknown).unwrap_err();
    assert!(unknown.is("ERROR_METHOD_NOT_FOUND"), "{unknown}");
    assert_eq!(unknown.method(), "no.such.method");
    assert!(answers.take(wrong).unwrap_err().code().is_none());

    let mut halting = portal.batch().halting();
    halting.add::<Value>("no.such.method", json!({}));
    let after = halting.add::<Value>("profile", json!({}));
    let error = halting.send().await.unwrap().take(after).unwrap_err();
    assert!(error.was_not_run(), "{error}");
}

#[tokio::test]
async fn a_batch_that_the_portal_would_change_is_not_sent() {
    let (setup, portal, bot) = setup().await;
    let before = setup.traffic("batch").len();
    let mut injected = portal.batch();
    injected.add::<Value>("profile", json!({}));
    let text = json!({ "BOT_ID": bot, "DIALOG_ID": "1", "MESSAGE": "$result[0][NAME]" });
    injected.add::<u64>("imbot.message.add", text);
    let mut long = portal.batch();
    (0..51).for_each(|_| drop(long.add::<Value>("profile", json!({}))));
    let mut file = portal.batch();
    file.add::<Value>("imbot.v2.File.upload", json!({}));
    for batch in [injected, long, file] {
        let error = batch.send().await.unwrap_err();
        assert!(error.was_not_run(), "{error}");
    }
    portal.batch().send().await.unwrap();
    assert_eq!(setup.traffic("batch").len(), before);
}

#[tokio::test]
async fn a_batch_with_a_lost_answer_is_sent_again_in_order_and_shows_nothing_twice() {
    let (setup, portal, bot) = setup().await;
    let groups: Vec<String> = (0..20)
        .map(|n| {
            let title = format!("Group {n}");
            setup.portal.group(ANN, &title, &[ANN, bot]).unwrap()
        })
        .collect();
    fill(&setup, &portal).await;
    for number in 0..3 {
        for group in &groups {
            let text = format!("[USER={bot}]Echo[/USER] number {number}");
            setup.portal.send(ANN, group, &text).unwrap();
        }
    }
    let batches = || setup.traffic("batch").len();
    let before = batches();
    setup.portal.swallow(1);
    let expected: Vec<String> = (0..3).map(|number| format!("number {number}")).collect();
    until("every answer, once and in order", || {
        groups.iter().all(|group| {
            let mut history = setup.portal.history(ANN, group);
            history.retain(|message| message["author"] == bot);
            assert!(history.len() <= expected.len(), "{history:?}");
            texts(&history) == expected
        })
    })
    .await;
    assert!(batches() > before);
    sleep(Duration::from_millis(1_500)).await; // nothing comes late
    for group in &groups {
        let history = setup.portal.history(ANN, group);
        let of_bot = history.iter().filter(|message| message["author"] == bot);
        assert_eq!(of_bot.count(), expected.len(), "{group}");
    }
    assert_eq!(setup.portal.rate_counts().refused, 0);
}
