//! The message that shows how far a broadcast is: it is sent once, edited now and then, and has the
//! numbers at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::PROGRESS_INTERVAL;
use super::job::chat_of;
use super::record::{Control, Record};
use super::registry::Job;
use crate::engine::send::QueuedSend;
use crate::engine::{Engine, lock};
use crate::handler::{EARLY_CALLS_MAX, Language, Phrase, Progress};
use crate::message::{Draft, Text};
use crate::portal::Urgency;
use crate::store::{Call, CallId, EventId, MessageRef, QueuedCall, StoreError};

/// The index of the message among the calls of the job's event.
const MESSAGE: u16 = 0;
/// The index of an edit. While one waits in the outbox, there is no other.
const EDIT: u16 = 1;

impl Engine {
    /// Shows how far a broadcast is, if that was asked for and has changed. Returns the time until
    /// it may be shown again, if it is too early.
    pub(super) async fn show_progress(
        &self,
        job: &Job,
        record: &mut Record,
    ) -> Result<Option<Duration>, StoreError> {
        let (Some(progress), Some(event)) = (record.order.progress.clone(), record.event) else {
            return Ok(None);
        };
        let text = text(record, job.control(), &progress);
        let shown = lock(&job.shown).clone();
        let age = match shown {
            Some((_, shown)) if shown == text => return Ok(None),
            Some((since, _)) => since.elapsed(),
            None => PROGRESS_INTERVAL,
        };
        if age < PROGRESS_INTERVAL {
            return Ok(Some(PROGRESS_INTERVAL - age));
        }
        let call = if record.is_announced {
            edit(event, EDIT, &text)
        } else {
            (message(event), say(&text))
        };
        let is_there = !record.is_announced && self.is_announced(event).await?;
        record.is_announced = true;
        *lock(&job.shown) = Some((Instant::now(), text));
        if !is_there {
            self.queue_progress(job, record, &progress, call).await?;
        }
        Ok(None)
    }

    /// Whether an earlier process has sent the message, and could not note it.
    async fn is_announced(&self, event: EventId) -> Result<bool, StoreError> {
        let sent = self.options.store.message(message(event)).await?;
        Ok(sent.is_some())
    }

    async fn queue_progress(
        &self,
        job: &Job,
        record: &Record,
        progress: &Progress,
        call: (CallId, Call),
    ) -> Result<(), StoreError> {
        let Some(call) = self.progress_call(job, record, progress, call) else {
            return Ok(());
        };
        self.options.store.queue(vec![Arc::clone(&call)]).await?;
        let queued = QueuedSend::new(call.id).with_urgency(Urgency::Answer);
        self.outbox.push(call.to.clone(), queued);
        Ok(())
    }

    /// Returns the edit with the last numbers, for the job's commit.
    pub(super) fn last_progress(
        &self,
        event: EventId,
        job: &Job,
        record: &Record,
    ) -> Vec<Arc<QueuedCall>> {
        let Some(progress) = record.order.progress.as_ref() else {
            return Vec::new();
        };
        let text = last_text(record, progress);
        let call = if record.is_announced {
            edit(event, EARLY_CALLS_MAX, &text)
        } else {
            let id = CallId {
                event,
                index: EARLY_CALLS_MAX,
            };
            (id, say(&text))
        };
        let call = self.progress_call(job, record, progress, call);
        call.into_iter().collect()
    }

    fn progress_call(
        &self,
        job: &Job,
        record: &Record,
        progress: &Progress,
        (id, call): (CallId, Call),
    ) -> Option<Arc<QueuedCall>> {
        let profile = self.bot(&record.order.bot.code)?.profile();
        Some(Arc::new(QueuedCall {
            id,
            to: chat_of(&job.key, &progress.dialog),
            at: self.options.clock.now(),
            api: profile.on_api(),
            redelivery: profile.redelivery_mode(),
            call,
        }))
    }
}

fn message(event: EventId) -> CallId {
    CallId {
        event,
        index: MESSAGE,
    }
}

fn say(text: &str) -> Call {
    Call::Say {
        params: Draft::new(Text::new().plain(text)).params().into(),
        answers: None,
        remember: true,
    }
}

fn edit(event: EventId, index: u16, text: &str) -> (CallId, Call) {
    let call = Call::Edit {
        message: MessageRef::Queued(message(event)),
        params: Draft::new(Text::new().plain(text)).params().into(),
    };
    (CallId { event, index }, call)
}

fn text(record: &Record, control: Option<Control>, progress: &Progress) -> String {
    let phrase = match control {
        Some(Control::Pause) => Phrase::BroadcastPaused,
        Some(Control::Cancel) | None => Phrase::BroadcastRunning,
    };
    let done = record.counts.done().to_string();
    let total = record.total.unwrap_or_default().max(record.counts.done());
    let language = Language::of(progress.language.as_deref());
    phrase.with(language, &[&record.order.name, &done, &total.to_string()])
}

fn last_text(record: &Record, progress: &Progress) -> String {
    let phrase = if record.is_cancelled {
        Phrase::BroadcastCancelled
    } else {
        Phrase::BroadcastDone
    };
    let counts = record.counts;
    let numbers = [counts.sent, counts.refused, counts.skipped].map(|number| number.to_string());
    let [sent, refused, skipped] = &numbers;
    let language = Language::of(progress.language.as_deref());
    phrase.with(language, &[&record.order.name, sent, refused, skipped])
}
