//! The answers that grow at this moment, and what ends them before their end.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::event::{ChatEvent, ChatEventKind, Event, PRESS, UserId};
use crate::handler::phrases::{Language, Phrase};
use crate::handler::press::Signer;
use crate::message::Offered;
use crate::store::{Conversation, EventId, Time};

/// Maximum number of events that have ended an answer and were not handled yet.
const USED_MAX: usize = 10_000;

/// The answers that grow. The engine asks about each event of such a chat when it is queued, since
/// the event's own turn comes after the answer.
#[derive(Debug, Default)]
pub(crate) struct RunningAnswers {
    /// Number of answers, so that nothing else is looked at while there is none.
    count: AtomicUsize,
    chats: Mutex<HashMap<Conversation, Answering>>,
    /// Events that ended an answer and have no turn of their own.
    used: Mutex<HashSet<EventId>>,
}

/// An answer that grows.
#[derive(Clone, Debug)]
struct Answering {
    stopped: CancellationToken,
    /// The event that is answered.
    event: EventId,
    /// The person who is answered.
    person: Option<UserId>,
    /// Words that end it.
    words: Vec<String>,
    language: Language,
}

impl RunningAnswers {
    /// Returns true if an answer grows in a chat.
    pub(crate) fn is_in(&self, chat: &Conversation) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.chats().contains_key(chat)
    }

    /// Ends the answer that grows in a chat, if an event says so.
    pub(crate) fn on_event(
        &self,
        signer: &Signer,
        chat: &Conversation,
        id: EventId,
        event: &Event,
        now: Time,
    ) {
        let (Event::Chat(event), Some(answering)) = (event, self.chats().get(chat).cloned()) else {
            return;
        };
        match answering.ends_with(signer, chat, event, now) {
            None => return,
            Some(Ended::ByWords) => {
                let mut used = self.used();
                if used.len() >= USED_MAX {
                    used.clear(); // these events are of portals that another process owns now
                }
                used.insert(id);
            }
            Some(Ended::Otherwise) => {}
        }
        tracing::debug!(conversation = %chat, event = %id, "an answer that grows is stopped");
        answering.stopped.cancel();
    }

    /// Returns true if an event has ended an answer and needs no turn. Forgets it.
    pub(crate) fn take_used(&self, id: EventId) -> bool {
        self.used().remove(&id)
    }

    /// Adds an answer, until the guard is dropped.
    pub(super) fn begin(
        self: &Arc<Self>,
        (chat, event): (&Conversation, EventId),
        person: Option<UserId>,
        words: Vec<String>,
        language: Language,
    ) -> RunningAnswer {
        let stopped = CancellationToken::new();
        let answering = Answering {
            stopped: stopped.clone(),
            event,
            person,
            words,
            language,
        };
        if self.chats().insert(chat.clone(), answering).is_none() {
            self.count.fetch_add(1, Ordering::Release);
        }
        RunningAnswer {
            all: Arc::clone(self),
            chat: chat.clone(),
            stopped,
        }
    }

    fn chats(&self) -> MutexGuard<'_, HashMap<Conversation, Answering>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, HashSet<EventId>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an event ends an answer.
enum Ended {
    /// By its words, so that it has no turn of its own.
    ByWords,
    /// By a press, whose turn does nothing, or because an operator wrote.
    Otherwise,
}

impl Answering {
    fn ends_with(
        &self,
        signer: &Signer,
        chat: &Conversation,
        event: &ChatEvent,
        now: Time,
    ) -> Option<Ended> {
        let sender = event.sender();
        match &event.kind {
            ChatEventKind::Command(command) if command.name == PRESS => {
                let opened = signer.open(chat, &command.params, sender, now);
                let is_stop = opened.is_ok_and(|opened| {
                    opened.what == Offered::Stop && opened.call.event == self.event
                });
                is_stop.then_some(Ended::Otherwise)
            }
            ChatEventKind::Message(message) => {
                let is_client = event.user.as_ref().is_none_or(|user| user.is_connector);
                if event.chat.line().is_some() && !is_client {
                    return Some(Ended::Otherwise); // an operator has taken over
                }
                let text = message.text.to_lowercase();
                let is_word = self.words.iter().any(|word| word.to_lowercase() == text);
                let is_end = is_word || Phrase::Stop.is_meant(&text, self.language);
                (is_end && sender == self.person).then_some(Ended::ByWords)
            }
            _ => None,
        }
    }
}

/// An answer that grows, until this is dropped.
#[derive(Debug)]
pub(super) struct RunningAnswer {
    all: Arc<RunningAnswers>,
    chat: Conversation,
    stopped: CancellationToken,
}

impl RunningAnswer {
    /// Waits until it shall end.
    pub(super) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }
}

impl Drop for RunningAnswer {
    fn drop(&mut self) {
        if self.all.chats().remove(&self.chat).is_some() {
            self.all.count.fetch_sub(1, Ordering::Release);
        }
    }
}
