//! A portal in trouble: expired tokens, limits, refusals, lost and repeated events.

use std::collections::BTreeSet;

use imbot::prelude::*;
use imbot::store::DeadWhat;
use serde_json::Value;

use super::stage::{ANN, Echo, Setup, texts, until};

#[tokio::test]
async fn sixteen_messages_find_the_token_expired_and_refresh_it_once() {
    const CHATS: usize = 16;
    let road = Setup::to(App::new().bot(Echo)).await;
    let bot = road.portal.bot("echo").unwrap();
    let groups: Vec<String> = (0..CHATS)
        .map(|n| {
            road.portal
                .group(ANN, &format!("Group {n}"), &[ANN, bot])
                .unwrap()
        })
        .collect();
    let refreshed = road.traffic("oauth/token").len();
    let refused = refused_as_expired(&road);
    road.portal.expire_tokens();
    for (number, group) in groups.iter().enumerate() {
        let text = format!("[USER={bot}]Echo[/USER] number {number}");
        road.portal.send(ANN, group, &text).unwrap();
    }
    let answered = |group: &String| {
        let messages = road.portal.history(ANN, group);
        messages.iter().filter(|line| line["author"] == bot).count()
    };
    until("sixteen answers", || {
        groups.iter().all(|group| answered(group) == 1)
    })
    .await;
    assert!(
        refused_as_expired(&road) > refused,
        "no call met the expiry"
    );
    assert_eq!(road.traffic("oauth/token").len() - refreshed, 1);
}

#[tokio::test]
async fn a_call_over_the_limit_is_made_later_and_nothing_is_lost() {
    let road = Setup::to(App::new().bot(Echo)).await;
    road.portal.refuse(3, 503, "QUERY_LIMIT_EXCEEDED");
    road.tell("echo", "one");
    road.tell("echo", "two");
    road.hears("echo", &["one", "two"]).await;
    assert_eq!(statuses(&road), [503, 503, 503, 200, 200]);
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_a_dead_letter_and_the_chat_goes_on() {
    for (status, code) in [
        (400, "CANCELED"),
        (401, "insufficient_scope"),
        (403, "ACCESS_DENIED"),
    ] {
        let road = Setup::to(App::new().bot(Echo)).await;
        road.portal.refuse(1, status, code);
        road.tell("echo", "refused");
        road.tell("echo", "the next");
        road.hears("echo", &["the next"]).await;
        assert_eq!(statuses(&road), [u64::from(status), 200], "{code}");
        let dead = road.engine.store().dead(None, 10).await.unwrap();
        let [letter] = &dead[..] else {
            panic!("{code}: {dead:?}")
        };
        let words = format!("the portal refused with {code} ({status})");
        assert!(letter.error.contains(&words), "{}", letter.error);
        assert!(matches!(&letter.what, DeadWhat::Call(call) if call.to.dialog.as_str() == "1"));
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_is_sent_again_unless_the_bot_says_not_to() {
    let (again, skipped) = (
        Setup::to(App::new().bot(Echo)).await,
        Setup::to(App::new().bot(Doubtful(Api::V2, Redelivery::AtMostOnce))).await,
    );
    for road in [&again, &skipped] {
        road.portal.refuse(1, 500, "INTERNAL_SERVER_ERROR");
        road.tell("echo", "in doubt");
        road.tell("echo", "the next");
    }
    again.hears("echo", &["in doubt", "the next"]).await;
    skipped.hears("echo", &["the next"]).await;
    assert_eq!(statuses(&again), [500, 200, 200]);
    assert_eq!(statuses(&skipped), [500, 200]);
    assert_eq!(skipped.engine.counts().doubts.get(), 1);
}

/// An echo of this generation, with messages that are in doubt treated so.
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
async fn an_answer_that_is_lost_on_its_way_doubles_a_message_unless_the_portal_knows_repeats() {
    let lost = async |api, redelivery| {
        let road = Setup::to(App::new().bot(Doubtful(api, redelivery))).await;
        road.tell("echo", "the first");
        road.hears("echo", &["the first"]).await; // and no typing is under way
        road.portal.swallow(1);
        road.tell("echo", "lost");
        road.tell("echo", "the next");
        road
    };
    let (doubled, once, second) = tokio::join!(
        lost(Api::V1, Redelivery::AtLeastOnce),
        lost(Api::V1, Redelivery::Deduplicated),
        lost(Api::V2, Redelivery::AtLeastOnce),
    );
    for road in [once, second] {
        road.hears("echo", &["the first", "lost", "the next"]).await;
        assert_eq!(road.sent(Api::V2).len(), 4);
    }
    doubled
        .hears("echo", &["the first", "lost", "lost", "the next"])
        .await;
}

#[tokio::test]
async fn a_repeated_event_is_answered_once() {
    let road = Setup::to(App::new().bot(Echo)).await;
    road.tell("echo", "the first");
    road.hears("echo", &["the first"]).await;
    road.portal.repeat(1);
    road.tell("echo", "twice");
    road.tell("echo", "the next");
    road.hears("echo", &["the first", "twice", "the next"])
        .await;
    assert_eq!(road.traffic("ONIMBOTV2MESSAGEADD").len(), 4);
}

#[tokio::test]
async fn an_event_that_the_portal_loses_stops_nothing() {
    let road = Setup::to(App::new().bot(Echo)).await;
    road.tell("echo", "the first");
    road.hears("echo", &["the first"]).await;
    road.portal.lose(1);
    road.tell("echo", "lost");
    road.tell("echo", "the next");
    road.hears("echo", &["the first", "the next"]).await;
}

#[tokio::test]
async fn a_burst_over_the_portals_limit_is_answered_without_a_refusal() {
    let road = Setup::to(App::new().bot(Echo)).await;
    let texts_said: Vec<String> = (0..45).map(|n| format!("message {n}")).collect();
    for text in &texts_said {
        road.tell("echo", text);
    }
    until("45 answers in order", || {
        texts(&road.said("echo")) == texts_said
    })
    .await;
    assert_eq!(road.portal.rate_counts().refused, 0);
}

fn statuses(road: &Setup) -> Vec<u64> {
    road.sent(Api::V2)
        .iter()
        .filter_map(|call| call["status"].as_u64())
        .collect()
}

/// How many calls were refused because their token was over.
fn refused_as_expired(road: &Setup) -> usize {
    let expired = |entry: &&Value| entry["answer"]["error"] == "expired_token";
    let traffic = road.portal.traffic_log();
    let ids: BTreeSet<u64> = traffic
        .iter()
        .filter(expired)
        .filter_map(|entry| entry["id"].as_u64())
        .collect();
    ids.len()
}
