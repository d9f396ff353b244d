//! A connector: the smallest messenger outside, joined to an open channel. This terminal is the client's phone.
//!
//! ```text
//! > Are you open?
//! Desk: A person will answer you.
//! Ann Meyer: Until six.           (she took the chat on the operators' desk)
//! ```
//!
//! Run it with `cargo run --example connector`, write a line here, and answer it in the browser, at the address that is
//! printed: the conversation waits on the left. A line of the emulated portal is there already; on a real one, open the
//! connector's settings in a line of your own. The connector of `bots::widget` is one for web pages.

use std::io::{self, BufRead};
use std::time::UNIX_EPOCH;

use imbot::prelude::*;
use tokio::sync::mpsc;

/// The client's phone, which is this terminal.
struct Phone;

/// The one chat that it has.
const CHAT: &str = "phone-1";

impl Connector for Phone {
    /// What operators and bots write goes out here. An error would be tried again, in order, for a day.
    async fn outbound(&self, _: &Channel, message: OutboundMessage) -> Result<Receipt> {
        eprintln!("{}", message.text().replace(" \n", " "));
        Ok(Receipt::one(message.id))
    }

    /// What the client writes comes in here. When `incoming` returns it is written down and will be passed on.
    async fn run(&self, channels: Channels) {
        let mut lines = typed();
        while let Some(text) = lines.recv().await {
            // What comes again under the same id is dropped. Messengers have ids; this terminal has the time.
            let id = UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
            for channel in channels.all() {
                let client = Client::new("eve").name("Eve");
                let message = InboundMessage::new(CHAT, client, id).text(&text);
                if let Err(error) = channel.inbound(message).await {
                    eprintln!("not passed on: {error}");
                }
            }
        }
    }
}

/// The lines typed here, read on a thread of its own.
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

/// The bot on the line: it calls people at once.
struct Desk;

impl Bot for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, _: Message) -> Result {
        cx.say("A person will answer you.");
        cx.to_operator();
        Ok(())
    }
}

fn main() -> ExitCode {
    App::new().bot(Desk).connector(Phone).run()
}
