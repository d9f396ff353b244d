//! A connector: the smallest outside messenger, connected to an open channel. This terminal is the
//! client's phone.
//!
//! ```text
//! > Are you open?
//! Desk: An operator will answer you.
//! Ann Meyer: Until six.           (she took the chat as an operator)
//! ```
//!
//! Run it with `cargo run --example connector`, write a line here, and answer it in the browser, at
//! the printed address: the conversation is on the left. The emulated portal already has a line; on
//! a real one, open the connector's settings in one of your lines. `bots::widget` is a connector
//! for web pages.

use std::io::{self, BufRead, Write, stderr};
use std::time::UNIX_EPOCH;

use imbot::prelude::*;
use tokio::sync::mpsc;

/// The client's phone, which is this terminal.
struct Phone;

/// Its only chat.
const CHAT: &str = "phone-1";

impl Connector for Phone {
    /// Delivers messages of operators and bots. After an error it is retried, in order, for a day.
    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        let _ = writeln!(stderr(), "{}", message.text().replace(" \n", " "));
        Ok(Receipt::one(message.id))
    }

    /// Passes on what the client writes. When `inbound` returns, the message is stored and will be
    /// sent.
    async fn run(&self, channels: Channels) {
        let mut lines = typed();
        while let Some(text) = lines.recv().await {
            // A message with the same id is dropped. Messengers have ids; this terminal uses the
            // time.
            let id = UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
            for channel in channels.all() {
                let client = Client::new("eve").name("Eve");
                let message = InboundMessage::new(CHAT, client, id).text(&text);
                if let Err(error) = channel.inbound(message).await {
                    tracing::warn!(%error, "not passed on");
                }
            }
        }
    }
}

/// Returns the lines typed here, read on a thread.
fn typed() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(io::Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    typed
}

/// The bot on the line: it calls an operator at once.
struct Desk;

impl Bot for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say("An operator will answer you.");
        cx.to_operator();
        Ok(())
    }
}

fn main() -> ExitCode {
    App::new().bot(Desk).connector(Phone).run()
}
