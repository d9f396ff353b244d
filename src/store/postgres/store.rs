//! The methods of the store: each sends a function of another file to the task that runs it.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::fault::Fault;
use super::fence::{Holdings, partition_of};
use super::forget::Selection;
use super::group::Operation;
use super::session::Session;
use super::turns::{Begin, Chat, PreparedCommit};
use super::upkeep::{Expiring, RowKey};
use super::work::Running;
use super::{
    Postgres, conversations, dead, forget, inbox, members, notices, outbox, portals, reminders,
    turns, upkeep,
};
use crate::event::{MemberId, MessageId};
use crate::store::seal::Sealer;
use crate::store::text;
use crate::store::{
    Appended, Arrived, Booking, CallId, Claim, Conversation, DeadId, DeadLetter, EventId, Failure,
    ForgetScope, Inbox, InboxEvent, Installation, Limits, ListScope, ListedConversation,
    NewDelivery, Notice, Operator, OrderingKey, Outbox, Ownership, OwnershipChanges, PartScope,
    Partition, Portals, Quarantined, QueuedCall, Reminders, Secret, Settled, StartedTurn,
    StateChange, Status, StoreError, StoreErrorKind, Stored, StoredState, Swept, Taken, Time,
    TurnCommit, Turns, Unsent, Upkeep,
};

impl Postgres {
    /// Runs a function in a transaction of its own.
    fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        run: impl for<'a> Fn(&'a Session, &'a I) -> Running<'a, T> + Send + Sync + 'static,
    ) -> Stored<'_, T> {
        Box::pin(async {
            self.job(input, run)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    /// Runs a function that only reads.
    fn read<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        run: impl for<'a> Fn(&'a Session, &'a I) -> Running<'a, T> + Send + Sync + 'static,
    ) -> Stored<'_, T> {
        Box::pin(async {
            self.read
                .run(input, run)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    /// Wakes the owners after an operator's change, of which they have a notice.
    fn waking<'a>(&'a self, change: Stored<'a, bool>) -> Stored<'a, bool> {
        Box::pin(async {
            let is_changed = change.await?;
            if is_changed {
                self.members.changed((0..=u8::MAX).map(Partition));
            }
            Ok(is_changed)
        })
    }

    fn sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer)
    }

    fn holdings(&self) -> Arc<Holdings> {
        Arc::clone(&self.holdings)
    }

    /// Removes all rows of a kind in owned partitions that are older than `before`, in small steps.
    async fn remove(&self, expiring: Expiring, before: Time) -> Result<u64, StoreError> {
        let (mut removed, mut after) = (0, RowKey::first());
        loop {
            let input = (self.holdings(), after);
            let found = self.read(input, move |db, (holdings, after)| {
                Box::pin(upkeep::find(db, holdings, expiring, before, after))
            });
            let found = found.await?;
            let Some(last) = found.last() else {
                return Ok(removed);
            };
            after = last.clone();
            let input = (self.holdings(), found);
            let gone = self.write(input, move |db, (holdings, found)| {
                Box::pin(upkeep::remove(db, holdings, expiring, before, found))
            });
            match gone.await {
                // Some rows are of another process now, which sweeps too.
                Err(error) if error.kind() == StoreErrorKind::NotOwner => {}
                gone => removed += gone?,
            }
        }
    }
}

impl Inbox for Postgres {
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended> {
        Box::pin(async move {
            self.append_delivery(&delivery)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn waiting(
        &self,
        partition: Option<Partition>,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        let epoch = partition.and_then(|partition| self.holdings.epoch(partition));
        let waiting = self.read((), move |db, ()| {
            Box::pin(inbox::waiting(db, partition, after, limit))
        });
        Box::pin(async move {
            let page = waiting.await?;
            if let Some(partition) = partition {
                let events: Vec<EventId> = page.iter().map(|(id, _)| *id).collect();
                self.members.loaded(partition, epoch, after, &events, limit);
            }
            Ok(page)
        })
    }

    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>> {
        self.read(self.sealer(), move |db, sealer| {
            Box::pin(inbox::event(db, sealer, event))
        })
    }
}

impl Turns for Postgres {
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>> {
        let chat = state.map(Chat::new);
        Box::pin(async move {
            self.turn(Operation::Begin, Begin { event, chat })
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()> {
        self.write(
            (self.holdings(), failure),
            move |db, (holdings, failure)| Box::pin(turns::fail(db, holdings, event, failure)),
        )
    }

    fn put(
        &self,
        event: EventId,
        key: &Conversation,
        at: Time,
        state: StoredState,
    ) -> Stored<'_, ()> {
        let part = (Chat::new(key), at, StateChange::Put(state));
        self.write((self.holdings(), part), move |db, (holdings, part)| {
            Box::pin(turns::put(db, holdings, event, part))
        })
    }

    fn commit(&self, turn: TurnCommit) -> Stored<'_, ()> {
        let commit = Box::new(PreparedCommit::new(turn));
        Box::pin(async move {
            self.turn(Operation::Commit, commit)
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>> {
        self.read(Chat::new(key), |db, chat| Box::pin(turns::state(db, chat)))
    }

    fn quarantined(&self, key: &Conversation) -> Stored<'_, Vec<Quarantined>> {
        self.read(text::conversation(key), |db, chat| {
            Box::pin(turns::quarantined(db, chat))
        })
    }
}

impl Outbox for Postgres {
    fn unsent(
        &self,
        partition: Option<Partition>,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<Unsent>> {
        self.read((), move |db, ()| {
            Box::pin(outbox::unsent(db, partition, after, limit))
        })
    }

    fn queue(&self, calls: Vec<Arc<QueuedCall>>) -> Stored<'_, ()> {
        let rows: Vec<_> = calls.iter().map(outbox::CallRow::new).collect();
        self.write((self.holdings(), rows), |db, (holdings, rows)| {
            Box::pin(outbox::queue_all(db, holdings, rows))
        })
    }

    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>> {
        let attempt = Uuid::new_v4();
        Box::pin(async move {
            let row = self.turn(Operation::Take, outbox::Take { call, attempt });
            let taken = row.await.and_then(|row: Option<outbox::TakenRow>| {
                row.map(|row| row.parse(call)).transpose()
            });
            taken.map_err(|fault| self.failed(fault))
        })
    }

    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()> {
        Box::pin(async move {
            self.turn(Operation::Settle, outbox::Settle { call, settled })
                .await
                .map_err(|fault| self.failed(fault))
        })
    }

    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>> {
        self.read((), move |db, ()| Box::pin(outbox::message(db, call)))
    }
}

impl Reminders for Postgres {
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        Box::pin(async move {
            let _appending = self.members.appending(None);
            let due = self.write(self.holdings(), move |db, holdings| {
                Box::pin(reminders::due(db, holdings, now, limit))
            });
            let events = due.await?;
            self.members.appended(events.iter().map(|(id, _)| *id));
            Ok(events)
        })
    }

    fn next_due(&self) -> Stored<'_, Option<Time>> {
        self.read(self.holdings(), |db, holdings| {
            Box::pin(reminders::next(db, holdings))
        })
    }
}

impl Portals for Postgres {
    fn portals(&self) -> Stored<'_, Vec<Installation>> {
        self.read(self.sealer(), |db, sealer| {
            Box::pin(portals::portals(db, sealer))
        })
    }

    fn portal(&self, portal: &MemberId) -> Stored<'_, Option<Installation>> {
        self.read((self.sealer(), portal.clone()), |db, (sealer, portal)| {
            Box::pin(portals::portal(db, sealer, portal))
        })
    }

    fn install(&self, installation: Installation) -> Stored<'_, ()> {
        let installed = self.write((self.sealer(), installation), |db, (sealer, own)| {
            Box::pin(portals::install(db, sealer, own))
        });
        Box::pin(async {
            installed.await?;
            self.members.portal_changed();
            Ok(())
        })
    }

    fn claim(
        &self,
        portal: &MemberId,
        holder: Uuid,
        now: Time,
        until: Time,
    ) -> Stored<'_, Option<Claim>> {
        self.write(
            (self.sealer(), portal.clone()),
            move |db, (sealer, portal)| {
                Box::pin(portals::claim(db, sealer, portal, holder, (now, until)))
            },
        )
    }

    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>> {
        self.write(portal.clone(), move |db, portal| {
            Box::pin(portals::book(db, portal, booking))
        })
    }

    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()> {
        let selection = forget.then(|| Selection::all_of(portal));
        let removed = self.write((portal.clone(), selection), |db, (portal, selection)| {
            Box::pin(async move {
                portals::uninstall(db, portal).await?;
                if let Some(selection) = selection {
                    forget::forget(db, selection).await?;
                }
                Ok(())
            })
        });
        Box::pin(async {
            removed.await?;
            self.members.portal_changed();
            Ok(())
        })
    }

    fn addresses(&self, now: Option<&str>) -> Stored<'_, Vec<String>> {
        self.write(now.map(str::to_owned), |db, now| {
            Box::pin(portals::addresses(db, now.as_deref()))
        })
    }

    fn note(&self, portal: &MemberId, name: &str) -> Stored<'_, Option<String>> {
        self.read((portal.clone(), name.to_owned()), |db, (portal, name)| {
            Box::pin(portals::note(db, portal, name))
        })
    }

    fn set_note(&self, portal: &MemberId, name: &str, note: String) -> Stored<'_, ()> {
        let input = (portal.clone(), name.to_owned(), note);
        self.write(input, |db, (portal, name, note)| {
            Box::pin(portals::set_note(db, portal, name, note))
        })
    }
}

impl Ownership for Postgres {
    fn partition(&self, portal: &MemberId) -> Partition {
        partition_of(portal)
    }

    fn join(&self) -> OwnershipChanges {
        #[cfg(feature = "testing")]
        if let Some(changes) = self.forced_changes() {
            return changes;
        }
        self.members.join()
    }

    fn owns(&self, partition: Partition) -> bool {
        self.members.owns(partition)
    }

    fn may_send(&self, partition: Partition) -> bool {
        self.members.may_send(partition)
    }

    fn send_limit(&self) -> Option<Duration> {
        Some(members::SEND_LIMIT)
    }

    fn leave(&self) {
        self.members.leave();
    }

    fn release(&self, partition: Partition) -> Stored<'_, ()> {
        Box::pin(async move {
            let released = self.members.release(partition).await;
            released.map_err(|fault| Postgres::failed(self, fault))
        })
    }
}

impl Upkeep for Postgres {
    fn is_durable(&self) -> bool {
        true
    }

    fn secret(&self) -> Stored<'_, Secret> {
        Box::pin(async {
            let known = self.read(self.sealer(), |db, sealer| {
                Box::pin(upkeep::secret(db, sealer))
            });
            if let Some(known) = known.await? {
                return Ok(known);
            }
            let made = self.write(self.sealer(), |db, sealer| {
                Box::pin(upkeep::make_secret(db, sealer))
            });
            made.await
        })
    }

    fn notices(&self) -> Stored<'_, Vec<Notice>> {
        Box::pin(async {
            if self.is_guest {
                return Err(Postgres::failed(self, Fault::NotOwner));
            }
            let read = self.members.read_arrivals().await;
            read.map_err(|fault| Postgres::failed(self, fault))?;
            let has_any = self.read(self.holdings(), |db, holdings| {
                Box::pin(notices::has_any(db, holdings))
            });
            let taken = if has_any.await? {
                let take = self.write(self.holdings(), |db, holdings| {
                    Box::pin(notices::take(db, holdings))
                });
                take.await?
            } else {
                Vec::new()
            };
            let mut notices = self.members.take_arrivals(&taken).await;
            notices.extend(taken);
            Ok(notices)
        })
    }

    fn arrivals(&self) -> Stored<'_, Vec<Notice>> {
        Box::pin(async {
            let read = self.members.read_all_arrivals().await;
            read.map_err(|fault| Postgres::failed(self, fault))?;
            Ok(self.members.take_arrivals(&[]).await)
        })
    }

    fn until_notices(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.members.until_notices())
    }

    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>> {
        self.read((), |db, ()| Box::pin(dead::blocked(db)))
    }

    fn last_event(&self) -> Stored<'_, Option<Time>> {
        self.read((), |db, ()| Box::pin(upkeep::last_event(db)))
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
            self.write((), move |db, ()| Box::pin(portals::remove_booked(db, now)))
                .await?;
            self.write((), |db, ()| Box::pin(upkeep::remove_occurrences(db)))
                .await?;
            self.write((), |db, ()| Box::pin(upkeep::remove_arrivals(db)))
                .await?;
            Ok(swept)
        })
    }

    fn failed(&self) -> Pin<Box<dyn Future<Output = StoreError> + Send + '_>> {
        Box::pin(async { StoreError::new(StoreErrorKind::Other, self.watch.failed().await) })
    }

    fn close(&self) -> Stored<'_, ()> {
        Box::pin(async {
            let closed = self.close_tasks().await;
            self.members.close().await;
            closed.map_err(|fault| Postgres::failed(self, fault))
        })
    }
}

impl Operator for Postgres {
    fn status(&self) -> Stored<'_, Status> {
        self.read((), |db, ()| Box::pin(upkeep::status(db)))
    }

    fn arrived(&self, more: Vec<Arrived>) -> Stored<'_, Vec<Arrived>> {
        if more.is_empty() {
            return self.read((), |db, ()| Box::pin(upkeep::arrived(db)));
        }
        self.write(more, |db, more| Box::pin(upkeep::add_arrived(db, more)))
    }

    fn dead_letters(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>> {
        self.read(self.sealer(), move |db, sealer| {
            Box::pin(dead::list(db, sealer, after, limit))
        })
    }

    fn revive(&self, dead: DeadId) -> Stored<'_, bool> {
        let revived = self.write((), move |db, ()| Box::pin(dead::revive(db, dead)));
        self.waking(revived)
    }

    fn drop_dead_letter(&self, dead: DeadId) -> Stored<'_, bool> {
        let dropped = self.write((), move |db, ()| Box::pin(dead::drop_letter(db, dead)));
        self.waking(dropped)
    }

    fn restore(&self, key: Option<&Conversation>, at: Time) -> Stored<'_, u64> {
        let input = (key.map(text::conversation), at);
        self.write(input, |db, input| Box::pin(turns::restore(db, input)))
    }

    fn conversations(
        &self,
        scope: ListScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<ListedConversation>> {
        self.read(
            conversations::Range::new(&scope, after),
            move |db, range| Box::pin(conversations::list(db, range, limit)),
        )
    }

    fn parts(
        &self,
        scope: PartScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<(Conversation, StoredState)>> {
        let after = after.map(text::conversation).unwrap_or_default();
        self.read((scope, after), move |db, (scope, after)| {
            Box::pin(conversations::parts(db, scope, after, limit))
        })
    }

    fn change_part(&self, key: &Conversation, at: Time, change: StateChange) -> Stored<'_, ()> {
        let partition = partition_of(&key.portal);
        let changed = self.write((key.clone(), change), move |db, (key, change)| {
            Box::pin(async move {
                turns::change_part(db, &Chat::new(key), at, change).await?;
                notices::add(db, &Notice::Part(key.clone())).await
            })
        });
        Box::pin(async move {
            changed.await?;
            self.members.changed([partition]);
            Ok(())
        })
    }

    fn forget(&self, scope: ForgetScope) -> Stored<'_, u64> {
        self.write(Selection::new(&scope), |db, selection| {
            Box::pin(forget::forget(db, selection))
        })
    }
}
