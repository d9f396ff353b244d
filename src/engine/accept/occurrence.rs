//! What makes one occurrence different from all others, so that a repeat is known.
//!
//! Nothing in a posted event numbers the occurrence (server-behaviour, section 8.4): `event_handler_id` is the
//! subscription's. A message, a deletion and a typed command are known by the message's number, so that a bot which is
//! registered with both generations of the bot platform, or is posted a command that it polls, too, hears of it once. The trap: all presses on one keyboard carry the number of the message that holds it, so a press is a
//! repeat only if the whole body is; the tokens in it differ from press to press.
//!
//! The hash is one that stays the same from one program to the next: it is stored.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::event::{
    ChatEvent, ChatEventKind, CommandFrom, ConnectorEvent, Delivery, Event, Inbound, InboundKind,
    OutboundKind, SessionChange, Source,
};
use crate::store::{Occurrence, OrderingKey};

/// The key of an event's occurrence, for the one whose turn it is.
pub(in crate::engine) fn key(
    lane: &OrderingKey,
    delivery: &Delivery,
    event: Option<&Event>,
) -> Occurrence {
    let mut sum = Sum(SipHasher13::new());
    sum.text(lane.portal().as_str());
    match lane {
        OrderingKey::Chat(here) => {
            sum.number(here.bot.0);
            sum.text(here.dialog.as_str());
        }
        OrderingKey::Hook { hook, .. } => sum.text(hook),
        OrderingKey::Application(_) => {}
    }
    match event {
        Some(Event::Chat(event)) => sum.chat(delivery, event),
        Some(Event::Removed(bot)) => {
            sum.text("removed");
            sum.number(bot.id.0);
            sum.number(delivery.ts.unwrap_or(0));
        }
        Some(Event::Connector(event)) => sum.connector(delivery, event),
        Some(Event::Session(change)) => sum.session(delivery, change),
        Some(Event::Inbound(act)) => sum.inbound(act),
        _ => {
            sum.text(&delivery.name);
            sum.delivery(delivery);
        }
    }
    sum.key()
}

struct Sum(SipHasher13);

impl Sum {
    fn chat(&mut self, delivery: &Delivery, event: &ChatEvent) {
        match &event.kind {
            ChatEventKind::Message(message) => {
                self.text("message");
                self.number(message.id.0);
            }
            // The same message is edited again and again.
            ChatEventKind::Edited(message) => {
                self.text("edited");
                self.number(message.id.0);
                self.number(delivery.event_id.or(delivery.ts).unwrap_or(0));
                self.text(&message.text);
            }
            ChatEventKind::Deleted(deleted) => {
                self.text("deleted");
                self.number(deleted.id.0);
            }
            ChatEventKind::Command(command) if command.from == CommandFrom::Text => {
                self.text("command");
                self.number(command.message.0);
                self.text(&command.name);
                self.text(&command.params);
            }
            // A bot may be brought into the same chat again.
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

    /// Several messages of one chat may come together. One that is edited comes again and again.
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

    /// By the id that the message has outside: what comes again under it is the same.
    fn inbound(&mut self, act: &Inbound) {
        self.text(act.kind.method());
        self.text(&act.id);
        if act.kind == InboundKind::Edited {
            self.text(&act.message["message"].to_string());
        }
    }

    /// By the number that the portal gave the occurrence in its queue, else by everything that came. What is posted has no
    /// such number: the `eventId` of open channels is the same in each of their pages, where others have the subscription's.
    fn delivery(&mut self, delivery: &Delivery) {
        match delivery.event_id {
            Some(id) if delivery.source == Source::Fetch => self.number(id),
            _ => self.0.write(&delivery.digest().to_le_bytes()),
        }
    }

    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    /// With the length, so that no two sequences of texts are the same bytes.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.write(text.as_bytes());
    }

    fn key(self) -> Occurrence {
        Occurrence(self.0.finish128().as_u128())
    }
}
