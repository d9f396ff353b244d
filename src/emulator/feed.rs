//! The feed of updates as one person sees them.
//!
//! Updates are stored in the portal's terms and converted to JSON for each viewer, since a private
//! dialog has a different id on each side. A page that is
//! [`UPDATES_MAX`](super::updates::UPDATES_MAX) updates behind reads everything again.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use super::portal::Portal;
use super::updates::Update;
use super::view;
use super::world::World;
use super::world::chat::Chat;

/// The updates of a portal as one person sees them.
pub struct Feed {
    portal: Arc<Portal>,
    viewer: u64,
    updates: broadcast::Receiver<Update>,
    greeted: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("viewer", &self.viewer)
            .finish_non_exhaustive()
    }
}

impl Feed {
    pub(crate) fn new(portal: Arc<Portal>, viewer: u64) -> Self {
        let updates = portal.feed.subscribe();
        Feed {
            portal,
            viewer,
            updates,
            greeted: false,
        }
    }

    /// Waits for the next update that concerns this person: an object of the web chat's event
    /// stream.
    ///
    /// The first is always `{"type":"hello"}`. Returns `None` when the portal is gone.
    pub async fn next(&mut self) -> Option<Value> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(json!({ "type": "hello" }));
        }
        loop {
            let updates = match self.updates.recv().await {
                Ok(updates) => updates,
                Err(RecvError::Lagged(_)) => Update::Hello,
                Err(RecvError::Closed) => return None,
            };
            if let Some(item) = self
                .portal
                .read(|world| updates.seen_by(world, self.viewer))
            {
                return Some(item);
            }
        }
    }
}

impl Update {
    /// Returns the update as this person sees it, or `None` if they may not see it.
    fn seen_by(&self, world: &World, viewer: u64) -> Option<Value> {
        let chat_of = |id: &u64| world.chats.get(id).filter(|chat| chat.has(viewer));
        let dialog = |chat: &Chat| world.dialog_id(viewer, chat);
        Some(match self {
            Update::Hello => json!({ "type": "hello" }),
            Update::Message { chat, message } => {
                json!({ "type": "message", "dialog_id": dialog(chat_of(chat)?), "message": message })
            }
            Update::Edit { chat, message } => {
                json!({ "type": "edit", "dialog_id": dialog(chat_of(chat)?), "message": message })
            }
            Update::Remove { chat, message } => {
                json!({ "type": "remove", "dialog_id": dialog(chat_of(chat)?), "id": message })
            }
            Update::Typing {
                chat,
                user,
                action,
                seconds,
            } if *user != viewer => json!({
                "type": "typing",
                "dialog_id": dialog(chat_of(chat)?),
                "user": user,
                "seconds": seconds,
                "action": action,
            }),
            Update::Dialog { chat } => {
                json!({ "type": "dialog", "dialog": view::dialog(world, viewer, chat_of(chat)?) })
            }
            Update::Left { chat, user } if *user == viewer => {
                let gone = world
                    .chats
                    .get(chat)
                    .map_or_else(|| format!("chat{chat}"), dialog);
                json!({ "type": "left", "dialog_id": gone })
            }
            Update::Gone { dialog_id, user } if *user == viewer => {
                json!({ "type": "left", "dialog_id": dialog_id })
            }
            Update::Read { chat, user } if *user == viewer => {
                let chat = chat_of(chat)?;
                json!({ "type": "read", "dialog_id": dialog(chat), "unread": world.unread(viewer, chat) })
            }
            Update::Bots => {
                json!({ "type": "bots", "bots": view::bots(world, viewer), "commands": view::commands(world) })
            }
            Update::Lines => json!({ "type": "lines" }),
            Update::TrafficLog(entry) => json!({ "type": "traffic", "entry": **entry }),
            Update::Typing { .. }
            | Update::Left { .. }
            | Update::Gone { .. }
            | Update::Read { .. } => {
                return None;
            }
        })
    }
}
