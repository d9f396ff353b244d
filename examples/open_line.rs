//! The smallest bot on an open channel: it says hello, tells the hours, and calls people for everything else.
//!
//! ```text
//! Eve     hi
//! Porter  Hello! Ask me about our hours, or anything else.
//! Eve     your hours?
//! Porter  From nine to six.
//! Eve     my parcel is broken
//! Porter  I call somebody who knows.        (operators read: it is about “my parcel is broken”)
//! Boris   Good morning, Boris here. What has happened to it?
//! ```
//!
//! Once people have the chat the bot is silent, until another session begins: nothing here says so. An operator who
//! speaks takes the chat over, too, and so does a client who writes `0`.
//!
//! Run it with `cargo run --example open_line`. In the web chat make a line with this bot under Open channels, write as its
//! client, and answer as an operator.

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
        let said = message.text.as_str();
        if said.contains("hours") {
            cx.say("From nine to six.");
        } else if said != "hi" {
            cx.say("I call somebody who knows.");
            cx.whisper(Text::new().plain(format_args!("it is about “{said}”")));
            cx.to_operator();
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Porter)
}
