//! A message to every chat, with its progress.
//!
//! ```text
//! Ann    /send The shop is open on Sunday.
//! News   “2026-03-02 09:00”: 0 of 250 chats…
//! News   “2026-03-02 09:00” is done: 248 sent, 2 refused, 0 skipped.   (the same message, edited)
//! Boris  (in his chat with News)   The shop is open on Sunday.
//! ```
//!
//! The bot keeps its conversations, so that it knows every chat. A broadcast is a job: it goes on
//! after a crash, answers to people go first, and `broadcast list`, `pause`, `resume` and `cancel`
//! work while it runs.
//!
//! Run it with `cargo run --example broadcast`.

use imbot::prelude::*;

struct News;

impl Bot for News {
    fn profile(&self) -> Profile {
        Profile::new("news", "News").keeps_conversations()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![CommandSpec::new("send", "Sends a message to every chat").params("text")]
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say("You will hear from me.");
        Ok(())
    }

    async fn command(&self, cx: &mut Context, command: Command) -> Result {
        let (Rest(text),) = command.args()?;
        let minute = cx.now().to_string()[..16].replace('T', " ");
        cx.broadcast(minute, Audience::all(), text).show_progress();
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(News)
}

#[cfg(test)]
mod tests {
    use imbot::testing::TestPortal;

    use super::*;

    #[tokio::test]
    async fn every_chat_gets_the_message_and_the_sender_sees_the_progress() {
        let portal = TestPortal::with(|| App::new().bot(News)).await;
        let mut ann = portal.private("Ann", "news");
        let mut boris = portal.private("Boris", "news");
        boris.says("hello").sees("You will hear from me.").await;
        ann.says("/send Open on Sunday.");
        portal.settle().await;
        portal.crash().await;
        boris.sees("Open on Sunday.").await;
        ann.sees("is done: 2 sent, 0 refused, 0 skipped.").await;
    }
}
