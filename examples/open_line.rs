//! The smallest bot on an open channel: it greets, answers questions about the hours, and calls an
//! operator for everything else.
//!
//! ```text
//! Eve     hi
//! Porter  Hello! Ask me about our hours, or anything else.
//! Eve     your hours?
//! Porter  From nine to six.
//! Eve     my parcel is broken
//! Porter  I will call a colleague.          (operators read: it is about “my parcel is broken”)
//! Boris   Good morning, Boris here. What has happened to it?
//! ```
//!
//! Once an operator has the chat, the bot is silent until the next session begins; the framework
//! does this. An operator who writes takes over the chat as well, and a client can ask for one with
//! `0`.
//!
//! Run it with `cargo run --example open_line`. In the web chat, make a line with this bot under
//! Open channels, write as its client, and answer as an operator.

use imbot::prelude::*;

struct Porter;

impl Bot for Porter {
    fn profile(&self) -> Profile {
        Profile::new("porter", "Porter").serves_open_channels()
    }

    async fn session_started(&self, cx: &mut Context, _: Option<SessionId>) -> Result {
        cx.say("Hello! Ask me about our hours, or anything else.");
        Ok(())
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        let text = message.text.as_str();
        if text.contains("hours") {
            cx.say("From nine to six.");
        } else if text != "hi" {
            cx.say("I will call a colleague.");
            cx.whisper(Text::new().plain(format_args!("it is about “{text}”")));
            cx.to_operator();
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Porter)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn what_the_bot_does_not_know_goes_to_an_operator() {
        let portal = TestPortal::with(App::new().bot(Porter)).await;
        let mut eve = portal.visitor("Eve", "porter");
        eve.says("hi").sees("Hello!").await;
        eve.says("your hours?").sees("From nine to six.").await;
        eve.says("my parcel is broken")
            .sees("I will call a colleague.")
            .await;
    }
}
