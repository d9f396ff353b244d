//! The time limit of a bot's handlers.

use std::time::Duration;

use imbot::engine::TURN_TIMEOUT;
use imbot::prelude::*;
use imbot::testing::TestPortal;

/// Takes this long in its first attempt at a message.
struct Slow {
    limit: Duration,
    takes: Duration,
}

impl Bot for Slow {
    fn profile(&self) -> Profile {
        Profile::new("slow", "Slow").turn_timeout(self.limit)
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        if cx.attempt() == 1 {
            tokio::time::sleep(self.takes).await;
        }
        cx.say(format!("attempt {}", cx.attempt()));
        Ok(())
    }
}

async fn on_portal(limit: Duration, takes: Duration) -> TestPortal {
    let app = App::new().bot(Slow { limit, takes });
    TestPortal::with_settings(app, |settings| settings.handler_time = Duration::ZERO).await
}

#[tokio::test]
async fn a_handler_is_stopped_at_the_limit_of_its_bot() {
    let limit = Duration::from_secs(2);
    let portal = on_portal(limit, TURN_TIMEOUT / 2).await;
    let mut ann = portal.private("Ann", "slow");
    let before = portal.now();
    ann.says("?").sees("attempt 2").await;
    assert!(portal.now().since(before) < TURN_TIMEOUT / 2);
    portal.expects_failures(1);
}

#[tokio::test]
async fn a_bot_may_take_longer_than_the_program_allows() {
    let portal = on_portal(TURN_TIMEOUT * 3, TURN_TIMEOUT * 2).await;
    let mut ann = portal.private("Ann", "slow");
    ann.says("?");
    portal.advance(TURN_TIMEOUT * 2).await;
    ann.sees("attempt 1").await;
}
