//! What the open pages are told, as each of them is to see it.
//!
//! News is kept in the portal's terms and turned into JSON per viewer, since a private dialog has another name from
//! the other side. A page that falls [`NEWS_MAX`] items behind is told to read everything anew.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use super::portal::Portal;
use super::view;
use super::world::World;
use super::world::chat::Chat;

/// News a slow page may be behind.
pub(crate) const NEWS_MAX: usize = 1024;

/// How long a page shows that somebody is typing, unless it is told otherwise.
pub(crate) const TYPING_SECONDS: u64 = 10;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Everything may have changed.
    Hello,
    /// A message was said, as the page reads it.
    Message {
        chat: u64,
        message: Value,
    },
    /// A message was edited, deleted or liked.
    Edit {
        chat: u64,
        message: Value,
    },
    /// A message was deleted without a trace.
    Remove {
        chat: u64,
        message: u64,
    },
    Typing {
        chat: u64,
        user: u64,
        /// What it does instead of typing, such as `THINKING`.
        action: Option<&'static str>,
        seconds: u64,
    },
    /// A chat was made or changed.
    Dialog {
        chat: u64,
    },
    Left {
        chat: u64,
        user: u64,
    },
    /// A private dialog is no more.
    Gone {
        dialog_id: String,
        user: u64,
    },
    Read {
        chat: u64,
        user: u64,
    },
    /// A bot or a command was registered, changed or removed.
    Bots,
    /// A line, a connector or a session was made or has changed.
    Lines,
    /// A line of the wire log.
    Wire(Arc<Value>),
}

/// The news of a portal as one person sees them.
pub struct Live {
    portal: Arc<Portal>,
    viewer: u64,
    news: broadcast::Receiver<News>,
    greeted: bool,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("viewer", &self.viewer)
            .finish_non_exhaustive()
    }
}

impl Live {
    pub(crate) fn new(portal: Arc<Portal>, viewer: u64) -> Self {
        let news = portal.live.subscribe();
        Live {
            portal,
            viewer,
            news,
            greeted: false,
        }
    }

    /// Waits for the next item that concerns this person: the objects of the web chat's event stream.
    ///
    /// The first is always `{"type":"hello"}`. `None` when the portal is gone.
    pub async fn next(&mut self) -> Option<Value> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(json!({ "type": "hello" }));
        }
        loop {
            let news = match self.news.recv().await {
                Ok(news) => news,
                Err(RecvError::Lagged(_)) => News::Hello,
                Err(RecvError::Closed) => return None,
            };
            if let Some(item) = self.portal.see(|world| news.seen_by(world, self.viewer)) {
                return Some(item);
            }
        }
    }
}

impl News {
    /// The news as this person is to see it, or `None` if it is not theirs to see.
    fn seen_by(&self, world: &World, viewer: u64) -> Option<Value> {
        let chat_of = |id: &u64| world.chats.get(id).filter(|chat| chat.has(viewer));
        let dialog = |chat: &Chat| world.dialog_id(viewer, chat);
        Some(match self {
            News::Hello => json!({ "type": "hello" }),
            News::Message { chat, message } => {
                json!({ "type": "message", "dialog_id": dialog(chat_of(chat)?), "message": message })
            }
            News::Edit { chat, message } => {
                json!({ "type": "edit", "dialog_id": dialog(chat_of(chat)?), "message": message })
            }
            News::Remove { chat, message } => {
                json!({ "type": "remove", "dialog_id": dialog(chat_of(chat)?), "id": message })
            }
            News::Typing {
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
            News::Dialog { chat } => {
                json!({ "type": "dialog", "dialog": view::dialog(world, viewer, chat_of(chat)?) })
            }
            News::Left { chat, user } if *user == viewer => {
                let gone = world
                    .chats
                    .get(chat)
                    .map_or_else(|| format!("chat{chat}"), dialog);
                json!({ "type": "left", "dialog_id": gone })
            }
            News::Gone { dialog_id, user } if *user == viewer => {
                json!({ "type": "left", "dialog_id": dialog_id })
            }
            News::Read { chat, user } if *user == viewer => {
                let chat = chat_of(chat)?;
                json!({ "type": "read", "dialog_id": dialog(chat), "unread": world.unread(viewer, chat) })
            }
            News::Bots => {
                json!({ "type": "bots", "bots": view::bots(world, viewer), "commands": view::commands(world) })
            }
            News::Lines => json!({ "type": "lines" }),
            News::Wire(entry) => json!({ "type": "wire", "entry": **entry }),
            News::Typing { .. } | News::Left { .. } | News::Gone { .. } | News::Read { .. } => {
                return None;
            }
        })
    }
}
