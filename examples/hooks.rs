//! Hooks: events that do not belong to a bot, by name, by the beginning of a name, and by category.
//!
//! ```text
//! (a deal is added on the portal)
//! INFO by name deal.id=7
//! INFO by beginning event.name="ONCRMDEALADD"
//! ```
//!
//! Run it with `cargo run --example hooks`, and let the emulated portal send the event:
//!
//! ```text
//! curl http://127.0.0.1:8071/emulator/fire -H 'content-type: application/json' \
//!      -d '{"event": "ONCRMDEALADD", "data": {"FIELDS": {"ID": "7"}}}'
//! ```
//!
//! The portal sends only events that the program has bound. A pattern binds every event that it
//! matches, so a wide one, such as `Category::Crm`, takes a while to set up on a portal that allows
//! two calls a second.
//!
//! An event carries little more than an id, typed in `imbot::event::payload`. For the rest, call a
//! method: `event.call("crm.deal.get").with("ID", deal.id)`.

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
    tracing::info!(%deal.id, "by name");
    Ok(())
}

async fn deal(event: HookEvent) -> Result {
    tracing::info!(?event.name, "by beginning");
    Ok(())
}

async fn calendar(event: HookEvent) -> Result {
    tracing::info!(?event.name, "by category");
    Ok(())
}
