//! The methods of the store: each sends a function of another file to the thread that runs it.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::db::Db;
use super::forget::Selection;
use super::turns::PreparedCommit;
use super::upkeep::Expiring;
use super::{
    Fault, Sqlite, conversations, dead, forget, inbox, notices, outbox, portals, reminders, turns,
    upkeep,
};
use crate::event::{MemberId, MessageId};
use crate::store::text;
use crate::store::{
    Appended, Arrived, Booking, CallId, Claim, Conversation, DeadId, DeadLetter, EventId, Failure,
    ForgetScope, Inbox, InboxEvent, Installation, Limits, ListScope, ListedConversation,
    NewDelivery, Notice, Operator, OrderingKey, Outbox, Ownership, PartScope, Partition, Portals,
    Quarantined, QueuedCall, Reminders, Secret, Settled, StartedTurn, StateChange, Status,
    StoreError, StoreErrorKind, Stored, StoredState, Swept, Taken, Time, TurnCommit, Turns, Unsent,
    Upkeep,
};

impl Sqlite {
    fn write<T: Send + 'static>(
        &self,
        run: impl FnMut(&Db) -> Result<T, Fault> + Send + 'static,
    ) -> Stored<'_, T> {
        Box::pin(async {
            self.writer
                .ask(run)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn read<T: Send + 'static>(
        &self,
        run: impl FnMut(&Db) -> Result<T, Fault> + Send + 'static,
    ) -> Stored<'_, T> {
        Box::pin(async {
            self.reader
                .ask(run)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    /// Removes all rows of a kind that are older than `before`, in small steps.
    async fn remove(&self, expiring: Expiring, before: Time) -> Result<u64, StoreError> {
        let (mut removed, mut after) = (0, 0);
        loop {
            let found = self
                .read(move |db| upkeep::find(db, expiring, before, after))
                .await?;
            let Some(last) = found.last() else {
                return Ok(removed);
            };
            after = *last;
            removed += self
                .write(move |db| upkeep::remove(db, expiring, before, &found))
                .await?;
        }
    }
}

impl Inbox for Sqlite {
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended> {
        Box::pin(async {
            self.writer
                .append(delivery)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn waiting(
        &self,
        _: Option<Partition>,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        self.read(move |db| inbox::waiting(db, after, limit))
    }

    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>> {
        self.read(move |db| inbox::event(db, event))
    }
}

impl Turns for Sqlite {
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>> {
        let key = state.map(text::conversation);
        self.write(move |db| turns::begin(db, event, key.as_deref()))
    }

    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()> {
        self.write(move |db| turns::fail(db, event, &failure))
    }

    fn put(
        &self,
        event: EventId,
        key: &Conversation,
        at: Time,
        state: StoredState,
    ) -> Stored<'_, ()> {
        let (key, state) = (text::conversation(key), StateChange::Put(state));
        self.write(move |db| turns::put(db, event, &key, at, &state))
    }

    fn commit(&self, turn: TurnCommit) -> Stored<'_, ()> {
        let commit = PreparedCommit::new(turn);
        self.write(move |db| turns::commit(db, &commit))
    }

    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>> {
        let key = text::conversation(key);
        self.read(move |db| turns::read_state(db, &key))
    }

    fn quarantined(&self, key: &Conversation) -> Stored<'_, Vec<Quarantined>> {
        let key = text::conversation(key);
        self.read(move |db| turns::quarantined(db, &key))
    }
}

impl Outbox for Sqlite {
    fn unsent(
        &self,
        _: Option<Partition>,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<Unsent>> {
        self.read(move |db| outbox::unsent(db, after, limit))
    }

    fn queue(&self, calls: Vec<Arc<QueuedCall>>) -> Stored<'_, ()> {
        let rows: Vec<outbox::Row> = calls.iter().map(outbox::Row::new).collect();
        self.write(move |db| rows.iter().try_for_each(|row| outbox::queue_early(db, row)))
    }

    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>> {
        let taken = self.write(move |db| outbox::take(db, call));
        Box::pin(async move {
            let row = taken.await?;
            row.map(|row| row.parse(call))
                .transpose()
                .map_err(|fault| self.failed(fault))
        })
    }

    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()> {
        self.write(move |db| outbox::settle(db, call, &settled))
    }

    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>> {
        self.read(move |db| outbox::message(db, call))
    }
}

impl Reminders for Sqlite {
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        self.write(move |db| reminders::due(db, now, limit))
    }

    fn next_due(&self) -> Stored<'_, Option<Time>> {
        self.read(reminders::next)
    }
}

impl Portals for Sqlite {
    fn portals(&self) -> Stored<'_, Vec<Installation>> {
        self.read(portals::portals)
    }

    fn portal(&self, portal: &MemberId) -> Stored<'_, Option<Installation>> {
        let portal = portal.clone();
        self.read(move |db| portals::portal(db, &portal))
    }

    fn install(&self, installation: Installation) -> Stored<'_, ()> {
        self.write(move |db| portals::install(db, &installation))
    }

    fn claim(
        &self,
        portal: &MemberId,
        holder: Uuid,
        now: Time,
        until: Time,
    ) -> Stored<'_, Option<Claim>> {
        let portal = portal.clone();
        self.write(move |db| portals::claim(db, &portal, holder, now, until))
    }

    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>> {
        let portal = portal.clone();
        self.write(move |db| portals::book(db, &portal, booking))
    }

    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()> {
        let (portal, selection) = (portal.clone(), forget.then(|| Selection::all_of(portal)));
        self.write(move |db| {
            portals::uninstall(db, &portal)?;
            selection
                .as_ref()
                .map(|selection| forget::forget(db, selection))
                .transpose()
                .map(drop)
        })
    }

    fn addresses(&self, now: Option<&str>) -> Stored<'_, Vec<String>> {
        let now = now.map(str::to_owned);
        self.write(move |db| portals::addresses(db, now.as_deref()))
    }

    fn note(&self, portal: &MemberId, name: &str) -> Stored<'_, Option<String>> {
        let (portal, name) = (portal.clone(), name.to_owned());
        self.read(move |db| portals::note(db, &portal, &name))
    }

    fn set_note(&self, portal: &MemberId, name: &str, note: String) -> Stored<'_, ()> {
        let (portal, name) = (portal.clone(), name.to_owned());
        self.write(move |db| portals::set_note(db, &portal, &name, &note))
    }
}

impl Ownership for Sqlite {}

impl Upkeep for Sqlite {
    fn is_durable(&self) -> bool {
        true
    }

    fn secret(&self) -> Stored<'_, Secret> {
        Box::pin(async {
            match self.read(upkeep::secret).await? {
                Some(known) => Ok(known),
                None => self.write(upkeep::make_secret).await,
            }
        })
    }

    fn notices(&self) -> Stored<'_, Vec<Notice>> {
        self.write(notices::take)
    }

    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>> {
        self.read(dead::blocked)
    }

    fn last_event(&self) -> Stored<'_, Option<Time>> {
        self.read(upkeep::last_event)
    }

    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept> {
        Box::pin(async move {
            let mut swept = Swept::default();
            if let Some(idle) = limits.idle {
                swept.conversations = self.remove(Expiring::State, now.before(idle)).await?;
            }
            swept.dead = self.remove(Expiring::Dead, now.before(limits.dead)).await?;
            swept.dead += self
                .remove(Expiring::Quarantined, now.before(limits.dead))
                .await?;
            self.remove(Expiring::Message, now.before(limits.messages))
                .await?;
            self.write(move |db| portals::remove_booked(db, now))
                .await?;
            let before = now.before(limits.occurrences);
            while self
                .write(move |db| upkeep::remove_occurrences(db, before))
                .await?
            {}
            while self.write(upkeep::free_pages).await? {}
            Ok(swept)
        })
    }

    fn failed(&self) -> Pin<Box<dyn Future<Output = StoreError> + Send + '_>> {
        Box::pin(async { StoreError::new(StoreErrorKind::Other, self.watch.failed().await) })
    }

    fn close(&self) -> Stored<'_, ()> {
        Box::pin(async {
            let written = self.writer.close().await;
            // The last connection only reads, so it does not remove SQLite's shared memory: a full
            // disk would have no room for a new one at the next start.
            let read = self.reader.close().await;
            written.and(read).map_err(|fault| self.failed(fault))
        })
    }
}

impl Operator for Sqlite {
    fn status(&self) -> Stored<'_, Status> {
        let path = Arc::clone(&self.path);
        self.read(move |db| upkeep::status(db, &path))
    }

    fn arrived(&self, more: Vec<Arrived>) -> Stored<'_, Vec<Arrived>> {
        if more.is_empty() {
            return self.read(upkeep::arrived);
        }
        self.write(move |db| upkeep::add_arrived(db, &more))
    }

    fn dead_letters(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>> {
        self.read(move |db| dead::list(db, after, limit))
    }

    fn revive(&self, dead: DeadId) -> Stored<'_, bool> {
        self.write(move |db| dead::revive(db, dead))
    }

    fn drop_dead_letter(&self, dead: DeadId) -> Stored<'_, bool> {
        self.write(move |db| dead::drop(db, dead))
    }

    fn restore(&self, key: Option<&Conversation>, at: Time) -> Stored<'_, u64> {
        let key = key.map(text::conversation);
        self.write(move |db| turns::restore(db, key.as_deref(), at))
    }

    fn conversations(
        &self,
        scope: ListScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<ListedConversation>> {
        let (from, to) = text::scope(&scope, after);
        self.read(move |db| conversations::list(db, &from, &to, limit))
    }

    fn parts(
        &self,
        scope: PartScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<(Conversation, StoredState)>> {
        let after = after.map(text::conversation).unwrap_or_default();
        self.read(move |db| conversations::parts(db, &scope, &after, limit))
    }

    fn change_part(&self, key: &Conversation, at: Time, change: StateChange) -> Stored<'_, ()> {
        let (key, text) = (key.clone(), text::conversation(key));
        self.write(move |db| {
            turns::change_state(db, at, &text, &change)?;
            db.notify(&Notice::Part(key.clone()))
        })
    }

    fn forget(&self, scope: ForgetScope) -> Stored<'_, u64> {
        let selection = Selection::new(&scope);
        self.write(move |db| forget::forget(db, &selection))
    }
}
