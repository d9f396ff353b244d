//! A bot that reads files: it shows a status while it works, and reacts to messages.
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
//! Files, reactions and statuses need v2 of the bot API, which is the default of a profile.
//!
//! Run it with `cargo run --example reading`.

use imbot::prelude::*;

struct Reader;

impl Bot for Reader {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        if message.files.is_empty() {
            cx.say("Send me a file, and I will count its lines.");
            return Ok(());
        }
        cx.react(message.id, "eyes").await?;
        let _reading = cx.showing(Status::ReadingDocs); // until the end of this function
        for file in &message.files {
            let file = cx.download(file).await?;
            let lines = file.content.split(|byte| *byte == b'\n').count();
            let name = match file.name() {
                "" => "the file",
                name => name,
            };
            cx.say(
                Text::new()
                    .plain(name)
                    .plain(format!(": {lines} lines, {} bytes", file.content.len())),
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
