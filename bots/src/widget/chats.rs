//! The open chats: loaded for the first reader or writer, dropped after the last one.
//!
//! A reader is notified only that something has changed, and then reads it from the chat. So
//! nothing is queued for a slow browser, and no browser misses a message.

use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;

use super::chat::{Chat, Entry};
use super::folder::{Folder, LINES_MAX};
use super::visitor::ChatKey;

/// All open chats.
#[derive(Debug)]
pub(super) struct Chats {
    pub(super) folder: Arc<Folder>,
    open: Mutex<HashMap<ChatKey, Weak<OpenChat>>>,
}

impl Chats {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder: Arc::new(folder),
            open: Mutex::default(),
        }
    }

    /// Opens a chat, which is empty if it is not stored.
    pub(super) fn open(&self, key: &ChatKey) -> Arc<OpenChat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(key).and_then(Weak::upgrade) {
            return known;
        }
        if open.len() == open.capacity() {
            open.retain(|_, known| known.strong_count() > 0); // instead of growing
        }
        let new = Arc::new(OpenChat {
            key: key.clone(),
            folder: Arc::clone(&self.folder),
            content: Arc::default(),
            newest: watch::Sender::default(),
        });
        open.insert(key.clone(), Arc::downgrade(&new));
        new
    }
}

/// An open chat.
#[derive(Debug)]
pub(super) struct OpenChat {
    key: ChatKey,
    folder: Arc<Folder>,
    content: Arc<AsyncMutex<Content>>,
    /// The newest version.
    pub(super) newest: watch::Sender<u64>,
}

/// The messages of an open chat.
#[derive(Debug, Default)]
struct Content {
    chat: Chat,
    /// The number of lines in its file.
    lines: usize,
    is_loaded: bool,
}

impl OpenChat {
    /// Locks the chat, and loads it if necessary.
    pub(super) async fn lock(self: &Arc<Self>) -> io::Result<ChatGuard> {
        let mut content = Arc::clone(&self.content).lock_owned().await;
        if !content.is_loaded {
            let open = Arc::clone(self);
            let loaded = spawn_blocking(move || open.folder.load(&open.key));
            let (chat, lines) = loaded.await.map_err(io::Error::other)??;
            *content = Content {
                chat,
                lines,
                is_loaded: true,
            };
        }
        let open = Arc::clone(self);
        Ok(ChatGuard { open, content })
    }
}

/// A locked chat.
#[derive(Debug)]
pub(super) struct ChatGuard {
    open: Arc<OpenChat>,
    content: OwnedMutexGuard<Content>,
}

impl Deref for ChatGuard {
    type Target = Chat;

    fn deref(&self) -> &Chat {
        &self.content.chat
    }
}

impl ChatGuard {
    /// Stores a new or changed entry, notifies all readers, and unlocks the chat. It finishes even
    /// if the caller stops waiting.
    pub(super) async fn store(self, entry: Entry) -> io::Result<Entry> {
        let stored = spawn_blocking(move || self.write(entry));
        stored.await.map_err(io::Error::other)?
    }

    fn write(mut self, entry: Entry) -> io::Result<Entry> {
        let OpenChat { key, folder, .. } = &*self.open;
        let entry = self.content.chat.with_version(entry);
        folder.append(key, &entry)?;
        self.content.lines += 1;
        self.content.chat.insert(entry.clone());
        if self.content.lines > LINES_MAX {
            match folder.rewrite(key, &self.content.chat) {
                Ok(()) => self.content.lines = self.content.chat.entries().len(),
                Err(error) => {
                    tracing::warn!(%error, "a chat's file could not be rewritten; it keeps growing")
                }
            }
        }
        self.open.newest.send_replace(entry.version);
        Ok(entry)
    }
}
