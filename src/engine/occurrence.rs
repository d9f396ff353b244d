//! What makes one occurrence different from all others, so that a repeat is known.
//!
//! Nothing in a posted event numbers the occurrence (server-behaviour, section 8.4): `event_handler_id` is the
//! subscription's. The trap: all presses on one keyboard carry the number of the message that holds it, so a press is a
//! repeat only if the whole body is; the tokens in it differ from press to press.
//!
//! The hash is one that stays the same from one program to the next: it is stored.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::event::{ChatEvent, CommandFrom, Delivery, Event, What};
use crate::store::{Lane, Occurrence};

/// The key of an event's occurrence, for the one whose turn it is.
pub(super) fn key(lane: &Lane, delivery: &Delivery, event: Option<&Event>) -> Occurrence {
    let mut sum = Sum(SipHasher13::new());
    sum.text(lane.portal().as_str());
    match lane {
        Lane::Chat(here) => {
            sum.number(here.bot.0);
            sum.text(here.dialog.as_str());
        }
        Lane::Hook { hook, .. } => sum.text(hook),
        Lane::Application(_) => {}
    }
    sum.text(&delivery.name);
    match (delivery.event_id, event) {
        (Some(id), _) => sum.number(id),
        (None, Some(Event::Chat(event))) => sum.chat(delivery, event),
        (None, Some(Event::Removed(bot))) => {
            sum.number(bot.id.0);
            sum.number(delivery.ts.unwrap_or(0));
        }
        _ => sum.bytes(&delivery.body()),
    }
    sum.key()
}

struct Sum(SipHasher13);

impl Sum {
    fn chat(&mut self, delivery: &Delivery, event: &ChatEvent) {
        match &event.what {
            What::Message(message) => self.number(message.id.0),
            // The same message is edited again and again.
            What::Edited(message) => {
                self.number(message.id.0);
                self.number(delivery.ts.unwrap_or(0));
                self.text(&message.text);
            }
            What::Deleted(deleted) => self.number(deleted.id.0),
            What::Command(command) if command.from == CommandFrom::Text => {
                self.number(command.id.0);
                self.number(command.message.0);
                self.text(&command.params);
            }
            // A bot may be brought into the same chat again.
            What::Join(_) => self.number(delivery.ts.unwrap_or(0)),
            What::Command(command) => {
                self.number(command.id.0);
                self.bytes(&delivery.body());
            }
            What::Opened(_) | What::Reaction(_) => self.bytes(&delivery.body()),
        }
    }

    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// With the length, so that no two sequences of texts are the same bytes.
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
    }

    fn key(self) -> Occurrence {
        Occurrence(self.0.finish128().as_u128())
    }
}
