//! Results that are kept for the next attempt at an event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use imbot::prelude::*;
use imbot::testing::TestPortal;

/// Pays by a call that must not be made twice, and fails at the first attempts.
struct Shop {
    paid: Arc<AtomicU32>,
    failures: u32,
}

impl Bot<u32> for Shop {
    async fn message(&self, cx: &mut Context<u32>, message: Message) -> Result {
        let pay = async || Ok::<_, Error>(self.paid.fetch_add(1, Ordering::Relaxed) + 1);
        let receipt: u32 = cx.once("pay", pay()).await?;
        let other: u32 = cx.once("other", pay()).await?;
        if cx.attempt() <= self.failures {
            return Err(Error::failed("the second half failed"));
        }
        cx.say(format!("{}: {receipt} and {other}", message.text));
        Ok(())
    }
}

#[tokio::test]
async fn a_result_is_kept_for_the_next_attempt_and_not_for_the_next_event() {
    let paid = Arc::new(AtomicU32::new(0));
    let for_app = Arc::clone(&paid);
    let portal = TestPortal::with(move || {
        App::new().bot(Shop {
            paid: Arc::clone(&for_app),
            failures: 2,
        })
    })
    .await;
    portal.expects_failures(4);
    let mut ann = portal.private("Ann", "shop");
    ann.says("a").sees("a: 1 and 2").await;
    ann.says("b").sees("b: 3 and 4").await;
    assert_eq!(paid.load(Ordering::Relaxed), 4);
    assert_eq!(
        portal
            .engine()
            .store()
            .status()
            .await
            .unwrap()
            .conversations,
        0
    );
}

#[tokio::test]
async fn a_result_survives_a_crash() {
    let paid = Arc::new(AtomicU32::new(0));
    let for_app = Arc::clone(&paid);
    let portal = TestPortal::with(move || {
        App::new().bot(Shop {
            paid: Arc::clone(&for_app),
            failures: 1,
        })
    })
    .await;
    portal.expects_failures(1);
    let mut ann = portal.private("Ann", "shop");
    ann.says("a");
    portal.settle().await;
    portal.crash().await;
    ann.sees("a: 1 and 2").await;
    assert_eq!(paid.load(Ordering::Relaxed), 2);
}

/// Fails inside of the call.
struct Refused;

impl Bot for Refused {
    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        let attempt = cx.attempt();
        let call = async {
            if attempt == 1 {
                Err(Error::failed("refused"))
            } else {
                Ok(attempt)
            }
        };
        let result = cx.once("call", call).await?;
        cx.say(format!("attempt {result}"));
        Ok(())
    }
}

#[tokio::test]
async fn an_error_is_not_kept() {
    let portal = TestPortal::with(App::new().bot(Refused)).await;
    portal.expects_failures(1);
    let mut ann = portal.private("Ann", "refused");
    ann.says("?").sees("attempt 2").await;
}
