//! The steps of a broadcast's job.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use super::record::mark_key;
use super::record::{CONTROL, ChatResult, Control, JOB, Mark, Record, SkipReason};
use super::registry::{ChatOfJob, Job};
use super::{BROADCAST_KEPT, OUTSTANDING_MAX, PAGE, STALE_AFTER};
use crate::engine::handle::CurrentEvent;
use crate::engine::handle::attempt::STORE_PAUSE;
use crate::engine::keyed_queues::Next;
use crate::engine::part_rows::{all_named, put, read, row};
use crate::engine::{Engine, QueuedEvent, lock};
use crate::event::{Delivery, DialogId, Event, Request, RequestKind};
use crate::handler::{BroadcastOrder, EARLY_CALLS_MAX, RequestError};
use crate::portal::Urgency;
use crate::store::{
    CallId, Conversation, EventId, ForgetScope, ListScope, OrderingKey, Partition, StateChange,
    StoreError, StoreErrorKind, Time, TurnCommit,
};

/// What follows a step.
enum Step {
    /// Another step, when something has changed, or after this time.
    Wait(Arc<Job>, Duration),
    Ended,
}

impl Engine {
    /// Asks for a broadcast from outside of a turn.
    ///
    /// # Errors
    /// Its name is not free, or it cannot be stored.
    pub(crate) async fn begin_broadcast(
        self: &Arc<Self>,
        key: &Conversation,
        order: BroadcastOrder,
    ) -> Result<(), RequestError> {
        let not_stored = |error: StoreError| RequestError::NotStored(Box::new(error));
        let known = self.options.store.state(&key.part(JOB)).await;
        if known.map_err(not_stored)?.is_some() {
            return Err(RequestError::BroadcastExists(order.name));
        }
        let request = Request {
            bot: order.bot.clone(),
            dialog: key.dialog.clone(),
            key: uuid::Uuid::new_v4().to_string(),
            kind: RequestKind::BeginBroadcast(serde_json::to_value(order)?),
        };
        let asked = self.request(&key.portal, request).await;
        asked.map_err(|error| RequestError::NotStored(Box::new(error)))?;
        Ok(())
    }

    /// Returns true if the bot of this broadcast may have one more, as far as this process knows.
    pub(crate) fn has_room_for_broadcast(&self, key: &Conversation) -> bool {
        self.broadcasts.names().has_room(key)
    }

    /// Reads the broadcasts of a partition that is taken up.
    pub(in crate::engine) async fn load_broadcasts(
        &self,
        partition: Partition,
    ) -> Result<(), StoreError> {
        for (key, row) in all_named(&*self.options.store, Some(partition), JOB).await? {
            if let Some(record) = read::<Record>(&row).filter(|_| is_broadcast(&key)) {
                self.load_broadcast(&key.whole(), &record).await?;
            }
        }
        Ok(())
    }

    async fn load_broadcast(&self, key: &Conversation, record: &Record) -> Result<(), StoreError> {
        if record.ended.is_some() {
            self.broadcasts.finish(key);
            return Ok(());
        }
        let job = self
            .broadcasts
            .add(key, record, self.control_of(key).await?);
        for dialog in &record.outstanding {
            if let Some(Mark {
                event: Some(event),
                result: None,
            }) = self.mark(key, dialog).await?
            {
                let (job, dialog) = (Arc::clone(&job), dialog.clone());
                self.broadcasts.wait_for(event, ChatOfJob { job, dialog });
            }
        }
        Ok(())
    }

    async fn control_of(&self, key: &Conversation) -> Result<Option<Control>, StoreError> {
        let row = self.options.store.state(&key.part(CONTROL)).await?;
        Ok(row.as_ref().and_then(read))
    }

    async fn mark(
        &self,
        key: &Conversation,
        dialog: &DialogId,
    ) -> Result<Option<Mark>, StoreError> {
        let row = self.options.store.state(&mark_key(key, dialog)).await?;
        Ok(row.as_ref().and_then(read))
    }

    /// Follows an operator's change of a broadcast.
    pub(in crate::engine) async fn on_broadcast_changed(
        &self,
        key: &Conversation,
    ) -> Result<(), StoreError> {
        let whole = key.whole();
        match key.as_part() {
            Some((_, CONTROL)) => {
                let control = self.control_of(&whole).await?;
                if let Some(job) = self.broadcasts.get(&whole) {
                    job.set_control(control);
                }
            }
            Some((_, JOB)) if self.options.store.state(key).await?.is_none() => {
                self.broadcasts.forget(|other| *other == whole);
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes the broadcasts that are finished for long.
    pub(in crate::engine) async fn sweep_broadcasts(&self, now: Time) -> Result<(), StoreError> {
        let store = &self.options.store;
        for key in self.broadcasts.names().finished() {
            let row = store.state(&key.part(JOB)).await?;
            let ended = row.as_ref().and_then(read::<Record>);
            let ended = ended.and_then(|record| record.ended);
            if ended.is_none_or(|ended| now.since(ended) > BROADCAST_KEPT) {
                store.forget(ForgetScope::Conversation(key.clone())).await?;
                self.broadcasts.forget(|other| *other == key);
            }
        }
        Ok(())
    }

    /// Makes a step of a job, whose event this is. One that was asked for from outside of a turn
    /// comes with its order.
    pub(in crate::engine) async fn run_broadcast(
        self: &Arc<Self>,
        current: CurrentEvent<'_>,
        key: &Conversation,
        order: Option<Value>,
    ) -> Next<QueuedEvent> {
        let id = current.id();
        if !self
            .owned
            .is_loaded(self.options.store.partition(&key.portal))
        {
            return Next::Retry(QueuedEvent::stored(id), STORE_PAUSE); // its chats may still be read
        }
        match self.step(id, key, order).await {
            Ok(Step::Ended) => Next::Done,
            Ok(Step::Wait(job, limit)) => Next::Later(Box::pin(async move {
                job.until_changed(limit).await;
                QueuedEvent::stored(id)
            })),
            Err(error) => {
                if let Some(job) = self.broadcasts.get(key) {
                    lock(&job.next).clear(); // the store has the last chat that was asked
                }
                if error.kind() != StoreErrorKind::NotOwner {
                    tracing::error!(broadcast = %key, %error, "a broadcast waits, because the store fails; retrying");
                }
                Next::Retry(QueuedEvent::stored(id), STORE_PAUSE)
            }
        }
    }

    async fn step(
        self: &Arc<Self>,
        id: EventId,
        key: &Conversation,
        order: Option<Value>,
    ) -> Result<Step, StoreError> {
        let Some(mut record) = self.record(id, key, order).await? else {
            tracing::warn!(broadcast = %key, "a broadcast is dropped, because its name is not free or there are too many");
            self.commit(&TurnCommit::done(id, self.options.clock.now()))
                .await;
            return Ok(Step::Ended);
        };
        let job = match self.broadcasts.get(key) {
            Some(job) => job,
            None => {
                let control = self.control_of(key).await?;
                self.broadcasts.add(key, &record, control)
            }
        };
        job.event.get_or_init(|| id);
        let before = record.clone();
        record.event = Some(id);
        self.look_for_stale(&job, &record).await?;
        record.count(job.take_results());
        let control = job.control();
        record.is_cancelled = control == Some(Control::Cancel) || self.is_without_bot(key, &record);
        if record.total.is_none() {
            record.total = Some(self.count_chats(key, &record).await?);
        }
        let new = if control.is_none() && !record.is_cancelled {
            self.next_chats(&job, &mut record).await?
        } else {
            Vec::new()
        };
        if record.is_over() {
            return self.end(id, &job, record).await;
        }
        let pause = self.show_progress(&job, &mut record).await?;
        if record != before {
            let key = key.part(JOB);
            let now = self.options.clock.now();
            self.options.store.put(id, &key, now, row(&record)).await?;
        }
        let asked = new.iter().map(|dialog| self.ask(&job, &record, dialog));
        join_all(asked).await;
        Ok(Step::Wait(job, pause.unwrap_or(STALE_AFTER)))
    }

    /// Returns what is stored of a broadcast, or a new one. Returns `None` if the name belongs to
    /// another event.
    async fn record(
        &self,
        id: EventId,
        key: &Conversation,
        order: Option<Value>,
    ) -> Result<Option<Record>, StoreError> {
        let stored = self.options.store.state(&key.part(JOB)).await?;
        if let Some(row) = stored {
            // The turn that has asked for it has stored it, before its event existed.
            let is_own = |record: &Record| match record.event {
                Some(event) => event == id,
                None => order.is_none(),
            };
            return Ok(read(&row).filter(is_own));
        }
        let order = order.and_then(|order| serde_json::from_value(order).ok());
        let is_free = self.broadcasts.names().claim(key, id).is_ok();
        let now = self.options.clock.now();
        Ok(order
            .filter(|_| is_free)
            .map(|order| Record::new(order, now)))
    }

    /// Whether nobody can send the messages: the application or the bot is gone.
    fn is_without_bot(&self, key: &Conversation, record: &Record) -> bool {
        self.portal(&key.portal).is_none() || self.bot(&record.order.bot.code).is_none()
    }

    /// Counts the chats of a broadcast.
    async fn count_chats(&self, key: &Conversation, record: &Record) -> Result<u64, StoreError> {
        let (mut count, mut last) = (0, None);
        loop {
            let page = self.list_chats(key, last.as_ref()).await?;
            let Some(dialog) = page.last() else {
                return Ok(count);
            };
            last = Some(dialog.clone());
            let included = page.iter();
            let included = included.filter(|dialog| record.order.audience.includes(dialog));
            count += included.count() as u64;
        }
    }

    /// Returns a page of the bot's chats.
    async fn list_chats(
        &self,
        key: &Conversation,
        after: Option<&DialogId>,
    ) -> Result<Vec<DialogId>, StoreError> {
        let after = after.map(|dialog| chat_of(key, dialog));
        let scope = ListScope::Bot(key.portal.clone(), key.bot);
        let store = &self.options.store;
        let page = store.conversations(scope, after.as_ref(), PAGE).await?;
        Ok(page.into_iter().map(|listed| listed.key.dialog).collect())
    }

    /// Returns the chats to ask next, which are outstanding from now on.
    async fn next_chats(
        &self,
        job: &Job,
        record: &mut Record,
    ) -> Result<Vec<DialogId>, StoreError> {
        let mut new = Vec::new();
        while !record.is_listed && record.outstanding.len() < OUTSTANDING_MAX {
            if lock(&job.next).is_empty() {
                let page = self.list_chats(&job.key, record.cursor.as_ref()).await?;
                record.is_listed = page.is_empty();
                lock(&job.next).extend(page);
            }
            let Some(dialog) = lock(&job.next).pop_front() else {
                break;
            };
            record.cursor = Some(dialog.clone());
            if record.order.audience.includes(&dialog) {
                record.outstanding.push(dialog.clone());
                new.push(dialog);
            }
        }
        Ok(new)
    }

    /// Appends the request to a chat's queue. Returns true if it is not a repeat. A failure is only
    /// logged: the chat is asked again when it is stale.
    async fn ask(self: &Arc<Self>, job: &Job, record: &Record, dialog: &DialogId) -> bool {
        job.note_asked(dialog);
        let number = job.event.get().map_or(0, |event| event.0);
        let request = Request {
            bot: record.order.bot.clone(),
            dialog: dialog.clone(),
            key: format!("broadcast {number} {}", record.order.name),
            kind: RequestKind::Broadcast(record.order.name.clone()),
        };
        let delivery = match Delivery::request(&request) {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::error!(broadcast = %job.key, %error, "a chat cannot be asked");
                return true;
            }
        };
        let event = vec![Event::Request(Box::new(request))];
        let events = self.route(&job.key.portal, &delivery, event);
        let portal = job.key.portal.clone();
        let appended = self.append(portal, &delivery, events, None).await;
        appended.unwrap_or_else(|error| {
            tracing::error!(broadcast = %job.key, %error, "a chat cannot be asked now; retrying");
            true
        })
    }

    /// Finds out what became of the chats without a result for long, or that an earlier process has
    /// asked.
    async fn look_for_stale(
        self: &Arc<Self>,
        job: &Arc<Job>,
        record: &Record,
    ) -> Result<(), StoreError> {
        for dialog in &record.outstanding {
            if job.is_stale(dialog) {
                job.note_asked(dialog);
                self.look_for(job, record, dialog).await?;
            }
        }
        Ok(())
    }

    async fn look_for(
        self: &Arc<Self>,
        job: &Arc<Job>,
        record: &Record,
        dialog: &DialogId,
    ) -> Result<(), StoreError> {
        let chat = ChatOfJob {
            job: Arc::clone(job),
            dialog: dialog.clone(),
        };
        let key = OrderingKey::Chat(chat_of(&job.key, dialog));
        match self.mark(&job.key, dialog).await? {
            Some(Mark {
                result: Some(result),
                ..
            }) => chat.report(result),
            Some(Mark {
                event: Some(event), ..
            }) => {
                self.broadcasts.wait_for(event, chat.clone());
                if !self.is_unsent(event).await? {
                    self.broadcasts.settled(event);
                    chat.report(ChatResult::Sent);
                }
            }
            _ if self.backlog.is_blocked(&key) => self.skip(&chat, SkipReason::Blocked).await?,
            _ if self.events.contains(&key) => {}
            _ => {
                if !self.ask(job, record, dialog).await {
                    self.skip(&chat, SkipReason::Forgotten).await?;
                }
            }
        }
        Ok(())
    }

    /// Leaves a chat out, also if its request is handled later.
    async fn skip(&self, chat: &ChatOfJob, reason: SkipReason) -> Result<(), StoreError> {
        let result = ChatResult::Skipped(reason);
        self.put_mark(chat, &Mark::of(result.clone())).await?;
        chat.report(result);
        Ok(())
    }

    pub(super) async fn put_mark(&self, chat: &ChatOfJob, mark: &Mark) -> Result<(), StoreError> {
        let Some(event) = chat.job.event.get() else {
            return Ok(()); // not reached: no chat is asked before the job's first step
        };
        let key = mark_key(&chat.job.key, &chat.dialog);
        let now = self.options.clock.now();
        self.options.store.put(*event, &key, now, row(mark)).await
    }

    /// Whether the message of a chat's turn still waits in the outbox.
    async fn is_unsent(&self, event: EventId) -> Result<bool, StoreError> {
        let call = message_of(event);
        let before = CallId {
            event,
            index: EARLY_CALLS_MAX - 1,
        };
        let unsent = self.options.store.unsent(None, Some(before), 1).await?;
        Ok(unsent.first().is_some_and(|unsent| unsent.id == call))
    }

    /// Ends the job, with the last numbers in the same commit.
    async fn end(
        self: &Arc<Self>,
        id: EventId,
        job: &Job,
        mut record: Record,
    ) -> Result<Step, StoreError> {
        let now = self.options.clock.now();
        record.ended = Some(now);
        let turn = TurnCommit {
            parts: vec![
                (job.key.part(JOB), put(&record)),
                (job.key.part(CONTROL), StateChange::Forget),
            ],
            calls: self.last_progress(id, job, &record),
            ..TurnCommit::done(id, now)
        };
        if self.commit_for(&turn, Urgency::Answer).await {
            self.broadcasts.finish(&job.key);
            let counts = record.counts;
            tracing::info!(broadcast = %job.key, ?counts, is_cancelled = record.is_cancelled, "a broadcast has ended");
        }
        Ok(Step::Ended)
    }
}

/// Returns the key of a chat that a broadcast goes to.
pub(super) fn chat_of(broadcast: &Conversation, dialog: &DialogId) -> Conversation {
    Conversation {
        dialog: dialog.clone(),
        ..broadcast.clone()
    }
}

/// Returns the number of the message that the turn of a chat commits.
pub(super) fn message_of(event: EventId) -> CallId {
    CallId {
        event,
        index: EARLY_CALLS_MAX,
    }
}

/// Whether this is a part of a broadcast.
fn is_broadcast(part: &Conversation) -> bool {
    part.whole().broadcast().is_some()
}
