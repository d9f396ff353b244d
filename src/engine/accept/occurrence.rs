//! The key of an occurrence, by which a repeat is recognised.
//!
//! Nothing in a posted event numbers the occurrence (protocol/server-behaviour.md 8):
//! `event_handler_id` is the subscription's. A message, a deletion and a typed command are
//! identified by the message's id, so that a bot that is registered through both v1 and v2, or is
//! posted a command that it also polls, receives it once. All presses on one keyboard carry the id
//! of the message that holds it, so a press is a repeat only if the whole body is the same; the
//! tokens in it differ from press to press. Buttons that work once are the exception: all presses
//! on those of one message are one occurrence.
//!
//! The hash is stored, so it must be the same in every version of this program.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::event::{
    ChatEvent, ChatEventKind, CommandFrom, ConnectorEvent, Delivery, Event, Inbound, InboundKind,
    OutboundKind, SessionChange, Source,
};
use crate::store::{Occurrence, OrderingKey};

/// Returns the occurrence of an event in one queue.
pub(in crate::engine) fn of(
    key: &OrderingKey,
    delivery: &Delivery,
    event: Option<&Event>,
) -> Occurrence {
    let mut hasher = OccurrenceHasher(SipHasher13::new());
    hasher.text(key.portal().as_str());
    match key {
        OrderingKey::Chat(chat) => {
            hasher.number(chat.bot.0);
            hasher.text(chat.dialog.as_str());
        }
        OrderingKey::Hook { hook, .. } => hasher.text(hook),
        OrderingKey::Application(_) => {}
    }
    match event {
        Some(Event::Chat(event)) => hasher.chat(delivery, event),
        Some(Event::Removed(bot)) => {
            hasher.text("removed");
            hasher.number(bot.id.0);
            hasher.number(delivery.ts.unwrap_or(0));
        }
        Some(Event::Connector(event)) => hasher.connector(delivery, event),
        Some(Event::Session(change)) => hasher.session(delivery, change),
        Some(Event::Inbound(inbound)) => hasher.inbound(inbound),
        _ => {
            hasher.text(&delivery.name);
            hasher.delivery(delivery);
        }
    }
    hasher.finish()
}

/// Hashes the parts that identify an occurrence.
struct OccurrenceHasher(SipHasher13);

impl OccurrenceHasher {
    fn chat(&mut self, delivery: &Delivery, event: &ChatEvent) {
        match &event.kind {
            ChatEventKind::Message(message) => {
                self.text("message");
                self.number(message.id.0);
            }
            // One message may be edited several times.
            ChatEventKind::Edited(message) => {
                self.text("edited");
                self.number(message.id.0);
                self.number(delivery.event_id.or(delivery.ts).unwrap_or(0));
                self.text(message.raw_text());
            }
            ChatEventKind::Deleted(deleted) => {
                self.text("deleted");
                self.number(deleted.id.0);
            }
            // The first press of any such button of a message counts.
            ChatEventKind::Command(command) if command.is_single_use => {
                self.text("single use");
                self.number(command.message.0);
            }
            ChatEventKind::Command(command) if command.from == CommandFrom::Text => {
                self.text("command");
                self.number(command.message.0);
                self.text(&command.name);
                self.text(&command.params);
            }
            // A bot may be invited to the same chat again.
            ChatEventKind::Join(_) => {
                self.text("join");
                self.number(delivery.event_id.or(delivery.ts).unwrap_or(0));
            }
            ChatEventKind::Command(_) | ChatEventKind::Opened(_) | ChatEventKind::Reaction(_) => {
                self.text(&delivery.name);
                self.delivery(delivery);
            }
        }
    }

    /// Several messages of one chat may come in one delivery. One message may be edited several
    /// times.
    fn connector(&mut self, delivery: &Delivery, event: &ConnectorEvent) {
        self.text(&delivery.name);
        match event {
            ConnectorEvent::Message { kind, message, .. } => {
                self.number(message.id.0);
                message.outside_ids.iter().for_each(|id| self.text(id));
                if *kind == OutboundKind::Edit {
                    self.number(delivery.ts.unwrap_or(0));
                    self.text(&message.text);
                }
            }
            ConnectorEvent::Session { change, .. } => self.session(delivery, change),
            _ => self.delivery(delivery),
        }
    }

    fn session(&mut self, delivery: &Delivery, change: &SessionChange) {
        self.text(&delivery.name);
        match change.session().id {
            Some(id) => self.number(id.0),
            None => self.delivery(delivery),
        }
    }

    /// By the id that the message has outside the portal.
    fn inbound(&mut self, inbound: &Inbound) {
        self.text(inbound.kind.method());
        self.text(&inbound.id);
        if inbound.kind == InboundKind::Edited {
            self.text(&inbound.message["message"].to_string());
        }
    }

    /// By the id that the portal gave the occurrence in its queue, otherwise by the whole body.
    /// Posted events have no such id: the `eventId` of open channels is the same in each of their
    /// pages, where others have the subscription's.
    fn delivery(&mut self, delivery: &Delivery) {
        match delivery.event_id {
            Some(id) if delivery.source == Source::Fetch => self.number(id),
            _ => self.0.write(&delivery.digest().to_le_bytes()),
        }
    }

    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    /// Writes the length too, so that no two sequences of texts are the same bytes.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.write(text.as_bytes());
    }

    fn finish(self) -> Occurrence {
        Occurrence(self.0.finish128().as_u128())
    }
}
