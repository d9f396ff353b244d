//! A bot that reads: what it is doing is shown while it works, and a reaction says how it went.
//!
//! ```text
//! Ann      (sends notes.txt)
//! Reader   is reading docs…
//! Ann      (sees 👀 on her message)
//! Reader   notes.txt: 2 lines, 23 bytes
//! Ann      (puts ❤ on it)
//! Reader   Glad to help.
//! ```
//!
//! Files, reactions and statuses belong to the second generation of the bot platform, which a bot has unless its profile
//! says otherwise.
//!
//! Run it with `cargo run --example reading`.

use imbot::prelude::*;

struct Reader;

impl Bot for Reader {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if message.files.is_empty() {
            cx.say("Send me a file, and I count its lines.");
            return Ok(());
        }
        cx.react(message.id, "eyes").await?;
        let _reading = cx.showing(Status::ReadingDocs); // until the end of this function
        for file in &message.files {
            let content = cx.download(file).await?;
            let lines = content.split(|byte| *byte == b'\n').count();
            let name = if file.name.is_empty() {
                "the file"
            } else {
                &file.name
            };
            cx.say(
                Text::new()
                    .plain(name)
                    .plain(format!(": {lines} lines, {} bytes", content.len())),
            );
        }
        Ok(())
    }

    async fn reaction(&self, cx: &mut Context, reaction: Reaction) -> Result {
        if reaction.added && reaction.reaction == "redHeart" {
            cx.say("Glad to help.");
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    imbot::run(Reader)
}
