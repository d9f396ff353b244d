//! Faults of a portal: expired tokens, limits, refusals, lost and repeated events.

use std::collections::BTreeSet;

use imbot::prelude::*;
use imbot::store::DeadWhat;
use serde_json::Value;

use super::stage::{ANN, Echo, Setup, texts, until};

#[tokio::test]
async fn sixteen_messages_with_an_expired_token_refresh_it_once() {
    const CHATS: usize = 16;
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let bot = setup.portal.bot("echo").unwrap();
    let groups = setup.groups(bot, CHATS);
    let refreshed = setup.traffic("oauth/token").len();
    let refused = refused_as_expired(&setup);
    setup.portal.expire_tokens();
    for (number, group) in groups.iter().enumerate() {
        let text = format!("[USER={bot}]Echo[/USER] number {number}");
        setup.portal.send(ANN, group, &text).unwrap();
    }
    let answered = |group: &String| {
        let messages = setup.portal.history(ANN, group);
        messages.iter().filter(|line| line["author"] == bot).count()
    };
    until("sixteen answers", || {
        groups.iter().all(|group| answered(group) == 1)
    })
    .await;
    assert!(
        refused_as_expired(&setup) > refused,
        "no call met the expiry"
    );
    assert_eq!(setup.traffic("oauth/token").len() - refreshed, 1);
}

#[tokio::test]
async fn a_call_over_the_limit_is_made_later() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.portal.refuse(3, 503, "QUERY_LIMIT_EXCEEDED");
    setup.write("echo", "one");
    setup.write("echo", "two");
    setup.receives("echo", &["one", "two"]).await;
    assert_eq!(statuses(&setup), [503, 503, 503, 200, 200]);
}

#[tokio::test]
async fn a_refused_message_is_a_dead_letter_and_the_chat_continues() {
    for (status, code) in [
        (400, "CANCELED"),
        (401, "insufficient_scope"),
        (403, "ACCESS_DENIED"),
    ] {
        let setup = Setup::installed(App::new().bot(Echo)).await;
        setup.portal.refuse(1, status, code);
        setup.write("echo", "refused");
        setup.write("echo", "the next");
        setup.receives("echo", &["the next"]).await;
        assert_eq!(statuses(&setup), [u64::from(status), 200], "{code}");
        let dead = setup.engine.store().dead_letters(None, 10).await.unwrap();
        let [letter] = &dead[..] else {
            panic!("{code}: {dead:?}")
        };
        let words = format!("the portal refused with {code} ({status})");
        assert!(letter.error.contains(&words), "{}", letter.error);
        assert!(matches!(&letter.what, DeadWhat::Call(call) if call.to.dialog.as_str() == "1"));
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_is_sent_again_unless_the_bot_forbids_it() {
    let (again, skipped) = (
        Setup::installed(App::new().bot(Echo)).await,
        Setup::installed(App::new().bot(Doubtful(Api::V2, Redelivery::AtMostOnce))).await,
    );
    for setup in [&again, &skipped] {
        setup.portal.refuse(1, 500, "INTERNAL_SERVER_ERROR");
        setup.write("echo", "maybe sent");
        setup.write("echo", "the next");
    }
    again.receives("echo", &["maybe sent", "the next"]).await;
    skipped.receives("echo", &["the next"]).await;
    assert_eq!(statuses(&again), [500, 200, 200]);
    assert_eq!(statuses(&skipped), [500, 200]);
    assert_eq!(skipped.engine.counts().uncertain.get(), 1);
}

/// An echo bot with this API and this redelivery.
struct Doubtful(Api, Redelivery);

impl Bot for Doubtful {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo").api(self.0).redelivery(self.1)
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

#[tokio::test]
async fn a_lost_answer_doubles_a_message_unless_it_is_deduplicated() {
    let lost = async |api, redelivery| {
        let setup = Setup::installed(App::new().bot(Doubtful(api, redelivery))).await;
        setup.write("echo", "the first");
        setup.receives("echo", &["the first"]).await; // and no typing is under way
        setup.portal.swallow(1);
        setup.write("echo", "lost");
        setup.write("echo", "the next");
        setup
    };
    let (doubled, once, second) = tokio::join!(
        lost(Api::V1, Redelivery::AtLeastOnce),
        lost(Api::V1, Redelivery::Deduplicated),
        lost(Api::V2, Redelivery::AtLeastOnce),
    );
    for setup in [once, second] {
        setup
            .receives("echo", &["the first", "lost", "the next"])
            .await;
        assert_eq!(setup.sent(Api::V2).len(), 4);
    }
    doubled
        .receives("echo", &["the first", "lost", "lost", "the next"])
        .await;
}

#[tokio::test]
async fn a_repeated_event_is_answered_once() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.write("echo", "the first");
    setup.receives("echo", &["the first"]).await;
    setup.portal.repeat(1);
    setup.write("echo", "twice");
    setup.write("echo", "the next");
    setup
        .receives("echo", &["the first", "twice", "the next"])
        .await;
    assert_eq!(setup.traffic("ONIMBOTV2MESSAGEADD").len(), 4);
}

#[tokio::test]
async fn an_event_lost_by_the_portal_does_not_stop_later_ones() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    setup.write("echo", "the first");
    setup.receives("echo", &["the first"]).await;
    setup.portal.lose(1);
    setup.write("echo", "lost");
    setup.write("echo", "the next");
    setup.receives("echo", &["the first", "the next"]).await;
}

#[tokio::test]
async fn a_burst_over_the_portals_limit_is_answered_without_a_refusal() {
    let setup = Setup::installed(App::new().bot(Echo)).await;
    let texts_said: Vec<String> = (0..45).map(|n| format!("message {n}")).collect();
    for text in &texts_said {
        setup.write("echo", text);
    }
    until("45 answers in order", || {
        texts(&setup.messages_of("echo")) == texts_said
    })
    .await;
    assert_eq!(setup.portal.rate_counts().refused, 0);
}

fn statuses(setup: &Setup) -> Vec<u64> {
    setup
        .sent(Api::V2)
        .iter()
        .filter_map(|call| call["status"].as_u64())
        .collect()
}

/// Returns the number of calls that were refused because of an expired token.
fn refused_as_expired(setup: &Setup) -> usize {
    let expired = |entry: &&Value| entry["answer"]["error"] == "expired_token";
    let traffic = setup.portal.traffic_log();
    let ids: BTreeSet<u64> = traffic
        .iter()
        .filter(expired)
        .filter_map(|entry| entry["id"].as_u64())
        .collect();
    ids.len()
}
