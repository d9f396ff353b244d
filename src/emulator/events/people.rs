//! `ONIMV2*`: events that subscribed people can fetch, protocol/bots-v2.md 5.1.
//!
//! They are written to the event log and never posted. A person gets the events of all their chats,
//! also about their own messages, but not about system messages.

use serde_json::{Map, Value, json};

use crate::emulator::objects;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::log::Row;
use crate::emulator::world::message::Message;

use super::v2::with_common_fields;

impl Transaction<'_> {
    /// Logs a new or changed message for the people of a chat.
    pub(super) fn log_message_for_people(&mut self, event: &str, chat: &Chat, message: &Message) {
        if !message.system {
            self.log_for_people(
                event,
                chat,
                message.author,
                |world, _| json!({ "message": objects::message(world, message) }),
            );
        }
    }

    /// Logs for the people of a chat that somebody joined it.
    pub(super) fn log_join_for_people(&mut self, chat: &Chat, who: u64) {
        self.log_for_people(
            "ONIMV2JOINCHAT",
            chat,
            who,
            |world, viewer| json!({ "dialogId": world.dialog_id(viewer, chat) }),
        );
    }

    /// Logs an event for each subscribed member of a chat; `first` returns the fields of this
    /// event.
    pub(super) fn log_for_people(
        &mut self,
        event: &str,
        chat: &Chat,
        user: u64,
        first: impl Fn(&World, u64) -> Value,
    ) {
        for viewer in &chat.members {
            if !self.world.subscribers.contains(viewer) {
                continue;
            }
            let mut data =
                with_common_fields(self.world, *viewer, chat, user, first(self.world, *viewer));
            hide_activity(&mut data);
            let row = Row {
                event: event.to_owned(),
                data: data.into(),
                date: self.world.clock.millis(),
            };
            self.world.log.write(*viewer, row);
        }
    }
}

/// Sets `lastActivityDate` to false, as it is in these events.
fn hide_activity(data: &mut Map<String, Value>) {
    if let Some(user) = data.get_mut("user").filter(|user| user.is_object()) {
        user["lastActivityDate"] = false.into();
    }
}
