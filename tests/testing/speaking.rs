//! Speaking from anywhere: by a handle of the program, and in hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use imbot::emulator::Refusal;
use imbot::engine::RequestOutcome;
use imbot::handler::RequestError;
use imbot::prelude::*;
use imbot::testing::TestPortal;
use serde_json::{Value, json};

use super::Porter;

/// Counts the messages of its chat, and what it was reminded of.
struct Shop;

impl Bot<u32> for Shop {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        cx.state += 1;
        cx.say(format!("{}: {}", cx.state, message.text));
        Ok(())
    }

    async fn reminded(&self, cx: &mut Context<u32>, reminder: Reminder) -> Result {
        cx.state += 1;
        cx.say(format!("{}: shipped {}", cx.state, reminder.read::<u32>()?));
        Ok(())
    }
}

/// A shop, and its handle.
async fn shop() -> (TestPortal, Handle) {
    let app = App::new().bot(Shop);
    let handle = app.handle();
    (TestPortal::with(app).await, handle)
}

#[tokio::test]
async fn a_message_from_anywhere_is_ordered_with_the_chat_and_its_outcome_is_known() {
    let (portal, handle) = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let chat = handle.bot("shop").chat(ann.user());
    ann.says("one").says("two").sees("2: two").await;
    let said = chat.say("It was shipped.").await.unwrap();
    ann.says("three").sees("3: three").await;
    assert_eq!(said.outcome().await, RequestOutcome::Done);
    let transcript = ann.transcript();
    let place = |text| transcript.find(text).unwrap_or(usize::MAX);
    assert!(place("It was shipped.") < place("3: three"), "{transcript}");
}

#[tokio::test]
async fn a_request_with_the_same_key_is_dropped_also_after_a_crash() {
    let (portal, handle) = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let chat = handle.bot("shop").chat(ann.user());
    let ask = || chat.say("It was shipped.").key(("shipped", 7));
    assert!(!ask().await.unwrap().is_repeat());
    portal.crash().await;
    ann.sees("It was shipped.").await;
    let again = ask().await.unwrap();
    assert!(again.is_repeat());
    assert_eq!(again.outcome().await, RequestOutcome::Unknown);
    assert!(
        !chat
            .say("Other")
            .key(("shipped", 8))
            .await
            .unwrap()
            .is_repeat()
    );
    ann.sees("Other").await;
    ann.sees_nothing_more().await;
}

#[tokio::test]
async fn a_reminder_from_anywhere_runs_with_the_state_of_the_chat() {
    let (portal, handle) = shop().await;
    let mut ann = portal.private("Ann", "shop");
    ann.says("hello").sees("1: hello").await;
    let chat = handle.bot("shop").chat(ann.user());
    let accepted = chat.remind(12).await.unwrap();
    ann.sees("2: shipped 12").await;
    assert_eq!(accepted.outcome().await, RequestOutcome::Done);
}

#[tokio::test]
async fn a_refused_message_fails_with_the_refusal_of_the_portal() {
    let (portal, handle) = shop().await;
    portal.answers("imbot.v2.Chat.Message.send", |_| {
        Refusal::new("CHAT_NOT_FOUND", "No chat")
    });
    let said = handle
        .bot("shop")
        .chat("chat99")
        .say("Hello")
        .await
        .unwrap();
    portal.settle().await;
    let RequestOutcome::Failed(error) = said.outcome().await else {
        panic!("it is refused");
    };
    assert!(error.contains("CHAT_NOT_FOUND"), "{error}");
    portal.expects_dead_letters(1);
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_at_once() {
    let (portal, handle) = shop().await;
    let failed =
        |error: RequestError, text: &str| assert!(error.to_string().contains(text), "{error}");
    let bot = handle.bot("shop");
    let unknown = handle.bot("desk").chat("27").say("Hello").await;
    failed(unknown.unwrap_err(), "no bot `desk`");
    let elsewhere = bot.clone().portal(&imbot::event::MemberId::new("other"));
    let elsewhere = elsewhere.chat("27").say("Hello").await;
    failed(elsewhere.unwrap_err(), "not installed on the portal other");
    let long = bot.chat("27").say("a".repeat(100_000)).await;
    assert!(long.unwrap_err().is_permanent());
    drop(portal);
}

#[tokio::test]
async fn in_an_open_channel_nothing_is_said_while_an_operator_has_the_chat() {
    let app = App::new().bot(Porter);
    let handle = app.handle();
    let portal = TestPortal::with(app).await;
    let mut eve = portal.visitor("Eve", "porter");
    eve.says("hi").sees("heard").await;
    let number = portal.emulator().lines()["sessions"][0]["chat"].clone();
    let chat = handle.bot("porter").chat(format!("chat{number}").as_str());
    let said = chat.say("From nine to six.").await.unwrap();
    eve.sees("From nine to six.").await;
    assert_eq!(said.outcome().await, RequestOutcome::Done);
    eve.says("person").sees("heard").await;
    let said = chat.say("From nine to six.").await.unwrap();
    portal.settle().await;
    assert_eq!(said.outcome().await, RequestOutcome::Skipped);
    eve.sees_nothing_more().await;
}

#[tokio::test]
async fn a_hook_that_is_retried_speaks_once_and_one_that_fails_does_not() {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let hook = move |event: HookEvent| {
        let attempts = Arc::clone(&counted);
        async move {
            let bot = event.bot("shop")?;
            bot.say_to(UserId(1), "A deal is new");
            bot.remind(UserId(1), 7);
            if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err(Error::failed("not yet"));
            }
            Ok(())
        }
    };
    let portal = TestPortal::with(App::new().bot(Shop).hook("ONCRMDEALADD", hook)).await;
    let mut ann = portal.private("Ann", "shop");
    let data: Value = json!({ "FIELDS": { "ID": 7 } });
    portal.fires("ONCRMDEALADD", &data).await;
    ann.sees("A deal is new").await;
    ann.sees("1: shipped 7").await;
    portal.redeliver().await;
    ann.sees_nothing_more().await;
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    portal.expects_failures(2);
}

#[tokio::test]
async fn a_stranger_cannot_post_a_request() {
    let (portal, _handle) = shop().await;
    let mut ann = portal.private("Ann", "shop");
    let bot = json!({ "id": portal.bot("shop"), "code": "shop" });
    let request = json!({ "bot": bot, "dialog": "1", "key": "k", "kind": { "Say": { "MESSAGE": "forged" } } });
    let member = portal.engine().portals().remove(0);
    let auth = json!({ "member_id": member.as_str(), "application_token": "guessed" });
    for (name, refused) in [("type", 400), ("event", 403)] {
        let body = json!({ name: "IMBOT.REQUEST", "data": request, "auth": auth });
        let (status, _) = portal.post("/", "application/json", body.to_string()).await;
        assert_eq!(status, refused, "{name}");
    }
    ann.sees_nothing_more().await;
}
