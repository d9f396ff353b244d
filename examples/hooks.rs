//! Events that are not a bot's: by name, by the beginning of a name, by what they are about.
//!
//! ```text
//! (a deal is added on the portal)
//! by name:     deal 7 is new
//! about CRM:   ONCRMDEALADD
//! ```
//!
//! Run it with `cargo run --example hooks`, and let the emulated portal say that a deal was added:
//!
//! ```text
//! curl http://127.0.0.1:8071/emulator/fire -H 'content-type: application/json' \
//!      -d '{"event": "ONCRMDEALADD", "data": {"FIELDS": {"ID": "7"}}}'
//! ```
//!
//! What an event carries is little more than an id; `event.call("crm.deal.get").with("ID", id)` asks for the rest.

use imbot::event::{Category, Node};
use imbot::prelude::*;

fn main() -> ExitCode {
    App::new()
        .hook("ONCRMDEALADD", deal_added)
        .hook("ONTASK*", task)
        .hook(Category::Crm, crm)
        .run()
}

async fn deal_added(event: HookEvent) -> Result {
    let id = event.at(&["data", "FIELDS", "ID"]).and_then(Node::text);
    let id = id.ok_or_else(|| Error::failed("a deal without a number"))?;
    eprintln!("by name:     deal {id} is new");
    Ok(())
}

async fn task(event: HookEvent) -> Result {
    eprintln!("about tasks: {}", event.name);
    Ok(())
}

async fn crm(event: HookEvent) -> Result {
    eprintln!("about CRM:   {}", event.name);
    Ok(())
}
