//! What makes one occurrence different from all others, so that a repeat is known.
//!
//! Nothing in a posted event numbers the occurrence (server-behaviour, section 8.4): `event_handler_id` is the
//! subscription's. The trap: all presses on one keyboard carry the number of the message that holds it, so a press is a
//! repeat only if the whole body is; the tokens in it differ from press to press.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::event::{BotId, ChatEvent, CommandFrom, Delivery, Event, What};

/// The key of an occurrence on its portal.
pub(super) fn key(delivery: &Delivery, event: &Event) -> Arc<str> {
    if let Some(id) = delivery.event_id {
        return format!("event {} {id}", delivery.name).into();
    }
    match event {
        Event::Chat(event) => of_chat(delivery, event),
        Event::Removed(bot) => format!("removed {} {}", bot.id, delivery.ts.unwrap_or(0)).into(),
        Event::App(_) | Event::Other => whole(delivery),
    }
}

fn of_chat(delivery: &Delivery, event: &ChatEvent) -> Arc<str> {
    let bot = event.bot.as_ref().map_or(BotId(0), |bot| bot.id);
    let ts = delivery.ts.unwrap_or(0);
    match &event.what {
        What::Message(message) => format!("said {bot} {}", message.id),
        // The same message is edited again and again.
        What::Edited(message) => format!(
            "edited {bot} {} {ts} {:x}",
            message.id,
            hash(message.text.as_bytes())
        ),
        What::Deleted(deleted) => format!("deleted {bot} {}", deleted.id),
        What::Command(command) if command.from == CommandFrom::Text => {
            format!(
                "typed {bot} {} {} {:x}",
                command.id,
                command.message,
                hash(command.params.as_bytes())
            )
        }
        // A bot may be brought into the same chat again.
        What::Join(_) => format!("joined {bot} {} {ts}", event.dialog),
        What::Command(_) | What::Opened(_) | What::Reaction(_) => {
            return format!("{bot} {}", whole(delivery)).into();
        }
    }
    .into()
}

fn whole(delivery: &Delivery) -> Arc<str> {
    format!("body {:x}", hash(&delivery.body())).into()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
