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
        Some(Event::Request(request)) => {
            hasher.text("request");
            hasher.text(&request.key);
        }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::accept::occurrence::*;
    use crate::event::{BotId, DialogId, LineId, MemberId, SINGLE_USE, form};
    use crate::store::Conversation;

    fn key(portal: &str, bot: u64, dialog: &str) -> OrderingKey {
        OrderingKey::Chat(Conversation {
            portal: MemberId::new(portal),
            bot: BotId(bot),
            dialog: DialogId::new(dialog),
        })
    }

    fn hook(name: &str) -> OrderingKey {
        OrderingKey::Hook {
            portal: MemberId::new("m"),
            hook: name.into(),
        }
    }

    /// The occurrence of the last event of a delivery.
    fn last(delivery: &Delivery) -> Occurrence {
        let events = delivery.events().unwrap();
        of(&key("m", 567, "27"), delivery, events.last())
    }

    fn posted(body: &Value) -> Occurrence {
        last(&Delivery::from_form(form::encode(body)).unwrap())
    }

    fn polled(item: &Value) -> Occurrence {
        last(&Delivery::from_body(item.to_string()).unwrap())
    }

    /// An event of v1, which names the bot in the way of each.
    fn v1(name: &str, ts: u64, params: &Value) -> Value {
        let bot = json!({ "BOT_ID": 567, "BOT_CODE": "BOT1" });
        let mut command = json!({ "BOT_ID": 567, "BOT_CODE": "BOT1", "COMMAND_ID": 7 });
        for key in ["COMMAND", "COMMAND_PARAMS", "COMMAND_CONTEXT", "MESSAGE_ID"] {
            command[key] = params[key].clone();
        }
        json!({
            "event": name, "ts": ts, "data": {
                "BOT": { "567": bot }, "COMMAND": { "7": command }, "PARAMS": params,
                "BOT_ID": 567, "BOT_CODE": "BOT1",
            },
        })
    }

    fn message(name: &str, ts: u64, id: u64, text: &str) -> Occurrence {
        let params = json!({ "MESSAGE_ID": id, "DIALOG_ID": "27", "MESSAGE": text });
        posted(&v1(name, ts, &params))
    }

    #[test]
    fn queues_have_occurrences_of_their_own() {
        let body = json!({ "event": "ONCRMDEALADD", "ts": 1 });
        let delivery = Delivery::from_form(form::encode(&body)).unwrap();
        let keys = [
            key("m", 567, "27"),
            key("n", 567, "27"),
            key("m", 568, "27"),
            key("m", 567, "28"),
            hook("deals"),
            hook("deal"),
            OrderingKey::Application(MemberId::new("m")),
        ];
        let mut all: Vec<u128> = keys.iter().map(|key| of(key, &delivery, None).0).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), keys.len());
        // Texts are not joined: `ab` and `c` are not `a` and `bc`.
        let of_both = |portal, dialog| of(&key(portal, 1, dialog), &delivery, None);
        assert_ne!(of_both("ab", "c"), of_both("a", "bc"));
    }

    #[test]
    fn a_message_and_its_deletion_are_known_by_the_id_of_the_message() {
        for name in ["ONIMBOTMESSAGEADD", "ONIMBOTMESSAGEDELETE"] {
            let first = message(name, 1, 5, "hi");
            assert_eq!(message(name, 2, 5, "changed"), first, "{name}");
            assert_ne!(message(name, 1, 6, "hi"), first, "{name}");
        }
        let added = message("ONIMBOTMESSAGEADD", 1, 5, "hi");
        assert_ne!(message("ONIMBOTMESSAGEDELETE", 1, 5, "hi"), added);
    }

    #[test]
    fn an_edit_is_known_by_message_time_and_text() {
        let edit = |ts, id, text| message("ONIMBOTMESSAGEUPDATE", ts, id, text);
        assert_eq!(edit(1, 5, "hi"), edit(1, 5, "hi"));
        for other in [edit(2, 5, "hi"), edit(1, 6, "hi"), edit(1, 5, "ho")] {
            assert_ne!(other, edit(1, 5, "hi"));
        }
    }

    fn command(ts: u64, id: u64, context: &str, name: &str, params: &str) -> Occurrence {
        let params = json!({
            "MESSAGE_ID": id, "DIALOG_ID": "27", "COMMAND_CONTEXT": context,
            "COMMAND": name, "COMMAND_PARAMS": params, "MESSAGE": format!("/{name} {params}"),
        });
        posted(&v1("ONIMCOMMANDADD", ts, &params))
    }

    #[test]
    fn a_typed_command_is_known_by_its_message_name_and_parameters() {
        let typed = |ts, id, name, params| command(ts, id, "TEXTAREA", name, params);
        let first = typed(1, 5, "roll", "6");
        assert_eq!(typed(2, 5, "roll", "6"), first);
        for other in [
            typed(1, 6, "roll", "6"),
            typed(1, 5, "role", "6"),
            typed(1, 5, "roll", "7"),
        ] {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn a_press_is_known_by_its_whole_body_unless_its_button_works_once() {
        let press = |ts, id, params: &str| command(ts, id, "KEYBOARD", "roll", params);
        assert_eq!(press(1, 5, "6"), press(1, 5, "6"));
        assert_ne!(press(2, 5, "6"), press(1, 5, "6"));
        let once = |ts, id, params: &str| press(ts, id, &format!("{params}{SINGLE_USE}"));
        assert_eq!(once(2, 5, "other"), once(1, 5, "6"));
        assert_ne!(once(1, 6, "6"), once(1, 5, "6"));
        assert_ne!(once(1, 5, "6"), press(1, 5, "6"));
    }

    #[test]
    fn a_join_and_a_removal_are_known_by_their_time() {
        for name in ["ONIMBOTJOINCHAT", "ONIMBOTDELETE"] {
            let at = |ts| {
                posted(&v1(
                    name,
                    ts,
                    &json!({ "DIALOG_ID": "27", "CHAT_TYPE": "P" }),
                ))
            };
            assert_eq!(at(1), at(1), "{name}");
            assert_ne!(at(2), at(1), "{name}");
        }
    }

    #[test]
    fn only_polled_events_are_known_by_the_id_that_the_portal_gave_them() {
        let item = |id: u64, title: &str| {
            polled(&json!({ "eventId": id, "type": "ONX", "data": { "TITLE": title } }))
        };
        assert_eq!(item(7, "a"), item(7, "b"));
        assert_ne!(item(8, "a"), item(7, "a"));
        let body = |title: &str| {
            posted(&json!({ "event": "ONX", "eventId": 7, "data": { "TITLE": title } }))
        };
        assert_eq!(body("a"), body("a"));
        assert_ne!(body("a"), body("b"));
    }

    #[test]
    fn a_session_is_known_by_its_id_or_by_the_whole_body() {
        let session = |name: &str, id: &str, ts: u64| {
            let data = json!([{
                "connector": { "connector_id": "c", "line_id": "1", "chat_id": "8" },
                "session": { "id": id }, "chat": { "id": "8" }, "user": { "id": "3" },
            }]);
            let data = json!({ "CONNECTOR": "c", "LINE": 1, "DATA": data });
            posted(&json!({ "event": name, "ts": ts, "data": data }))
        };
        for name in ["ONSESSIONSTART", "ONIMCONNECTORDIALOGSTART"] {
            assert_eq!(session(name, "42", 2), session(name, "42", 1), "{name}");
            assert_ne!(session(name, "43", 1), session(name, "42", 1), "{name}");
            assert_ne!(session(name, "", 2), session(name, "", 1), "{name}");
        }
        let finished = session("ONSESSIONFINISH", "42", 1);
        assert_ne!(finished, session("ONSESSIONSTART", "42", 1));
    }

    #[test]
    fn a_message_to_a_connector_is_known_by_its_ids_and_an_edit_by_time_and_text_too() {
        let outbound = |name: &str, ts: u64, id: u64, outside: &str, text: &str| {
            let message = json!({
                "im": { "chat_id": 8, "message_id": id },
                "message": { "id": [outside], "text": text }, "chat": { "id": "c-1" },
            });
            let data = json!({ "CONNECTOR": "c", "LINE": 1, "MESSAGES": [message] });
            posted(&json!({ "event": name, "ts": ts, "data": data }))
        };
        let add =
            |ts, id, outside, text| outbound("ONIMCONNECTORMESSAGEADD", ts, id, outside, text);
        assert_eq!(add(2, 5, "x", "ho"), add(1, 5, "x", "hi"));
        assert_ne!(add(1, 6, "x", "hi"), add(1, 5, "x", "hi"));
        let edit =
            |ts, id, outside, text| outbound("ONIMCONNECTORMESSAGEUPDATE", ts, id, outside, text);
        assert_eq!(edit(1, 5, "x", "hi"), edit(1, 5, "x", "hi"));
        for other in [
            edit(2, 5, "x", "hi"),
            edit(1, 6, "x", "hi"),
            edit(1, 5, "y", "hi"),
            edit(1, 5, "x", "ho"),
            add(1, 5, "x", "hi"),
        ] {
            assert_ne!(other, edit(1, 5, "x", "hi"));
        }
    }

    #[test]
    fn a_clients_message_is_known_by_its_outside_id_and_an_edit_by_its_content_too() {
        let inbound = |kind, id: &str, text: &str| {
            let inbound = Inbound {
                kind,
                connector: "c".to_owned(),
                line: LineId(1),
                chat: "c-1".to_owned(),
                id: id.to_owned(),
                message: json!({ "message": { "text": text } }),
            };
            last(&Delivery::inbound(&inbound).unwrap())
        };
        use InboundKind::{Deleted, Edited, Wrote};
        assert_eq!(inbound(Wrote, "5", "ho"), inbound(Wrote, "5", "hi"));
        assert_ne!(inbound(Wrote, "6", "hi"), inbound(Wrote, "5", "hi"));
        assert_ne!(inbound(Deleted, "5", "hi"), inbound(Wrote, "5", "hi"));
        assert_eq!(inbound(Edited, "5", "hi"), inbound(Edited, "5", "hi"));
        assert_ne!(inbound(Edited, "5", "ho"), inbound(Edited, "5", "hi"));
    }
}
