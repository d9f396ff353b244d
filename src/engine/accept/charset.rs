//! Notices events in another character set than UTF-8. Their letters cannot be read, so they arrive
//! as U+FFFD.

use std::collections::HashSet;
use std::sync::Mutex;

use percent_encoding::percent_decode;

use crate::engine::lock;
use crate::event::{ChatEventKind, Delivery, Event, MemberId};

/// The portals whose character set was logged. Only portals that are installed are in it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Charsets(Mutex<HashSet<MemberId>>);

impl Charsets {
    /// Logs the first event of a portal whose texts are not UTF-8.
    pub(super) fn check(&self, portal: &MemberId, delivery: &Delivery, events: &[Event]) {
        let is_damaged = events.iter().any(has_replacement) && !is_utf8(&delivery.body());
        if is_damaged && lock(&self.0).insert(portal.clone()) {
            tracing::warn!(%portal, event = ?delivery.name, "an event is not in UTF-8, so letters of its texts are lost; something between the portal and this program changes the character set");
        }
    }
}

/// Whether a text that people see has a letter that could not be read.
fn has_replacement(event: &Event) -> bool {
    let Event::Chat(event) = event else {
        return false;
    };
    let is_damaged = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    let in_message = match &event.kind {
        ChatEventKind::Message(message) | ChatEventKind::Edited(message) => {
            is_damaged(&message.text)
        }
        ChatEventKind::Command(command) => is_damaged(&command.text),
        _ => false,
    };
    in_message
        || event
            .user
            .as_ref()
            .is_some_and(|user| is_damaged(&user.name))
}

/// Whether a body is UTF-8. A person may also type U+FFFD.
fn is_utf8(body: &[u8]) -> bool {
    percent_decode(body).decode_utf8().is_ok()
}
