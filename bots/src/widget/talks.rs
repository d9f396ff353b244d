//! The chats that somebody looks at or writes in: read when the first one comes, dropped when the last one goes.
//!
//! Who looks is told only that there is something new, and then reads it from the chat. So nothing queues for a browser that
//! is slow, and none misses a message.

use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;

use super::folder::{Folder, LINES_MAX};
use super::talk::{Entry, Talk};
use super::visitor::ChatKey;

/// All chats.
#[derive(Debug)]
pub(super) struct Talks {
    pub(super) folder: Arc<Folder>,
    open: Mutex<HashMap<ChatKey, Weak<Open>>>,
}

impl Talks {
    pub(super) fn new(folder: Folder) -> Talks {
        Talks {
            folder: Arc::new(folder),
            open: Mutex::default(),
        }
    }

    /// A chat, which is new if nothing is kept of it.
    pub(super) fn open(&self, chat: &ChatKey) -> Arc<Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(chat).and_then(Weak::upgrade) {
            return known;
        }
        if open.len() == open.capacity() {
            open.retain(|_, known| known.strong_count() > 0); // before it would grow
        }
        let new = Arc::new(Open {
            chat: chat.clone(),
            folder: Arc::clone(&self.folder),
            kept: Arc::default(),
            news: watch::Sender::default(),
        });
        open.insert(chat.clone(), Arc::downgrade(&new));
        new
    }
}

/// A chat that somebody looks at or writes in.
#[derive(Debug)]
pub(super) struct Open {
    chat: ChatKey,
    folder: Arc<Folder>,
    kept: Arc<AsyncMutex<Kept>>,
    /// The newest version.
    pub(super) news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    talk: Talk,
    /// Lines of its file.
    lines: usize,
    is_loaded: bool,
}

impl Open {
    /// Waits for one's turn in the chat. Until it is given back, nothing is written there by others.
    pub(super) async fn turn(self: &Arc<Self>) -> io::Result<Turn> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if !kept.is_loaded {
            let open = Arc::clone(self);
            let loaded = spawn_blocking(move || open.folder.load(&open.chat));
            let (talk, lines) = loaded.await.map_err(io::Error::other)??;
            let is_loaded = true;
            *kept = Kept {
                talk,
                lines,
                is_loaded,
            };
        }
        let open = Arc::clone(self);
        Ok(Turn { open, kept })
    }
}

/// One's turn in a chat.
#[derive(Debug)]
pub(super) struct Turn {
    open: Arc<Open>,
    kept: OwnedMutexGuard<Kept>,
}

impl Deref for Turn {
    type Target = Talk;

    fn deref(&self) -> &Talk {
        &self.kept.talk
    }
}

impl Turn {
    /// Writes a new or changed entry down, and lets all who look know. It is done to the end also where nobody waits for it
    /// any more.
    pub(super) async fn keep(self, entry: Entry) -> io::Result<Entry> {
        let kept = spawn_blocking(move || self.write(entry));
        kept.await.map_err(io::Error::other)?
    }

    fn write(mut self, entry: Entry) -> io::Result<Entry> {
        let Open { chat, folder, .. } = &*self.open;
        let entry = self.kept.talk.counted(entry);
        folder.append(chat, &entry)?;
        self.kept.lines += 1;
        self.kept.talk.put(entry.clone());
        if self.kept.lines > LINES_MAX {
            match folder.rewrite(chat, &self.kept.talk) {
                Ok(()) => self.kept.lines = self.kept.talk.entries().len(),
                Err(error) => {
                    tracing::warn!(%error, "a chat's file is not written anew, and grows")
                }
            }
        }
        self.open.news.send_replace(entry.version);
        Ok(entry)
    }
}
