//! Events that are not a bot's: by name, by the beginning of a name, by what they are about.
//!
//! ```text
//! (a deal is added on the portal)
//! by name:       deal 7 is new
//! by beginning:  ONCRMDEALADD
//! ```
//!
//! Run it with `cargo run --example hooks`, and let the emulated portal say that a deal was added:
//!
//! ```text
//! curl http://127.0.0.1:8071/emulator/fire -H 'content-type: application/json' \
//!      -d '{"event": "ONCRMDEALADD", "data": {"FIELDS": {"ID": "7"}}}'
//! ```
//!
//! A hook hears only what the portal was asked to send: a pattern asks for every event that it fits, so a wide one, such
//! as `Category::Crm`, takes a while to set up on a portal that allows two calls a second.
//!
//! What an event carries is little more than an id, typed in `imbot::event::payload`;
//! `event.call("crm.deal.get").with("ID", deal.id)` asks for the rest.

use imbot::event::Category;
use imbot::event::payload::crm;
use imbot::prelude::*;

fn main() -> ExitCode {
    App::new()
        .hook("ONCRMDEALADD", deal_added)
        .hook("ONCRMDEAL*", deal)
        .hook(Category::Calendar, calendar)
        .run()
}

async fn deal_added(event: HookEvent) -> Result {
    let deal: crm::Item = event.read()?;
    eprintln!("by name:       deal {} is new", deal.id);
    Ok(())
}

async fn deal(event: HookEvent) -> Result {
    eprintln!("by beginning:  {}", event.name);
    Ok(())
}

async fn calendar(event: HookEvent) -> Result {
    eprintln!("by category:   {}", event.name);
    Ok(())
}
