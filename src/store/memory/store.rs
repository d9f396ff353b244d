//! The methods of the store on maps in memory. Each is done when it is called, not when it is
//! awaited.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use super::{Memory, Queued, WAITING_MAX, Waiting, lock};
use crate::event::{MemberId, MessageId};
use crate::store::arrived::add_counts;
use crate::store::listing::Listing;
use crate::store::portals::add_address;
use crate::store::reminders::PARKED;
use crate::store::{
    Appended, Arrived, Booking, Call, CallId, Claim, Content, Conversation, DeadId, DeadLetter,
    DeadWhat, EventId, Failure, ForgetScope, Inbox, InboxEvent, Installation, Limits, ListScope,
    ListedConversation, NewDelivery, NewEvent, NewReminder, Notice, Operator, OrderingKey, Outbox,
    Outcome, Ownership, PartScope, Partition, Portals, Quarantined, QueuedCall, Reminders, Secret,
    Settled, StartedTurn, StateChange, Status, StoreError, StoreErrorKind, Stored, StoredState,
    Swept, Taken, Time, TurnCommit, Turns, Unsent, Upkeep,
};

impl Inbox for Memory {
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended> {
        if self.inbox.len() >= WAITING_MAX {
            let full = format!("the memory store is full: {WAITING_MAX} events wait");
            return Box::pin(std::future::ready(Err(StoreError::new(
                StoreErrorKind::Full,
                full,
            ))));
        }
        let NewDelivery {
            body, at, events, ..
        } = delivery;
        let append = |event: NewEvent| {
            lock(&self.seen).insert(event.occurrence, ()).then(|| {
                *lock(&self.last_arrival) = Some(at);
                let (body, part) = (body.clone(), event.part);
                self.insert_event(InboxEvent {
                    key: event.key,
                    at,
                    content: Content::Delivered { body, part },
                })
            })
        };
        ready(Appended::Now(events.into_iter().map(append).collect()))
    }

    fn waiting(
        &self,
        _: Option<Partition>,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        let after = after.unwrap_or(EventId(0));
        let events = self.inbox.iter().filter(|event| *event.key() > after);
        let mut waiting: Vec<_> = events
            .map(|event| (*event.key(), event.event.key.clone()))
            .collect();
        waiting.sort_by_key(|(id, _)| *id);
        waiting.truncate(limit);
        ready(waiting)
    }

    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>> {
        ready(self.inbox.get(&event).map(|waiting| waiting.event.clone()))
    }
}

impl Turns for Memory {
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>> {
        let attempt = self.inbox.get_mut(&event).map(|mut waiting| {
            waiting.attempts += 1;
            waiting.attempts
        });
        ready(attempt.map(|attempt| {
            let state = state.and_then(|key| self.states.get(key));
            let state = state.map(|state| state.stored.clone());
            StartedTurn { attempt, state }
        }))
    }

    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()> {
        if let Some(mut waiting) = self.inbox.get_mut(&event) {
            waiting.history.push(failure);
        }
        ready(())
    }

    fn put(
        &self,
        event: EventId,
        key: &Conversation,
        at: Time,
        state: StoredState,
    ) -> Stored<'_, ()> {
        if self.inbox.contains_key(&event) {
            self.change_state(key.clone(), StateChange::Put(state), at);
        }
        ready(())
    }

    fn commit(&self, turn: TurnCommit) -> Stored<'_, ()> {
        let Some((id, waiting)) = self.inbox.remove(&turn.event) else {
            return ready(()); // already committed: a replay changes nothing
        };
        if let Outcome::Dead { error, blocks } = turn.outcome {
            let InboxEvent { key, at, content } = waiting.event;
            self.dead_letter(DeadLetter {
                id: DeadId(0),
                at: turn.at,
                key,
                what: DeadWhat::Event { id, at, content },
                error,
                attempts: waiting.attempts,
                history: waiting.history,
                blocks,
            });
        }
        if let (Some(reason), Some((key, _))) = (turn.quarantine, &turn.state) {
            self.quarantine(key, turn.at, reason);
        }
        for (key, change) in turn.state.into_iter().chain(turn.parts) {
            self.change_state(key, change, turn.at);
        }
        turn.calls.into_iter().for_each(|call| self.queue(call));
        turn.reminders
            .into_iter()
            .for_each(|change| self.change_reminder(change));
        ready(())
    }

    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>> {
        ready(self.states.get(key).map(|state| state.stored.clone()))
    }

    fn quarantined(&self, key: &Conversation) -> Stored<'_, Vec<Quarantined>> {
        ready(
            lock(&self.quarantined)
                .get(key)
                .cloned()
                .unwrap_or_default(),
        )
    }
}

impl Outbox for Memory {
    fn unsent(
        &self,
        _: Option<Partition>,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<Unsent>> {
        let calls = self.outbox.iter();
        let mut unsent: Vec<_> = calls
            .filter(|queued| after.is_none_or(|after| *queued.key() > after))
            .map(|queued| Unsent {
                id: *queued.key(),
                to: queued.call.to.clone(),
                is_taken: queued.is_taken,
                position: queued.call.at.0,
            })
            .collect();
        unsent.sort_by_key(|unsent| unsent.id);
        unsent.truncate(limit);
        ready(unsent)
    }

    fn queue(&self, calls: Vec<Arc<QueuedCall>>) -> Stored<'_, ()> {
        for call in calls {
            if !self.outbox.contains_key(&call.id) {
                Memory::queue(self, call);
            }
        }
        ready(())
    }

    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>> {
        ready(self.outbox.get_mut(&call).map(|mut queued| Taken {
            in_doubt: std::mem::replace(&mut queued.is_taken, true),
            call: Arc::clone(&queued.call),
        }))
    }

    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()> {
        if settled == Settled::NotSent {
            if let Some(mut queued) = self.outbox.get_mut(&call) {
                queued.is_taken = false;
            }
            return ready(());
        }
        let Some((_, queued)) = self.outbox.remove(&call) else {
            return ready(());
        };
        let is_remembered = matches!(queued.call.call, Call::Say { remember: true, .. });
        match settled {
            Settled::Sent(Some(message)) if is_remembered => {
                lock(&self.messages).insert(call, message);
            }
            Settled::Dead { at, error } => self.dead_letter(DeadLetter {
                id: DeadId(0),
                at,
                key: OrderingKey::Chat(queued.call.to.clone()),
                what: DeadWhat::Call(queued.call),
                error,
                attempts: 1,
                history: Vec::new(),
                blocks: false,
            }),
            _ => {}
        }
        ready(())
    }

    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>> {
        ready(lock(&self.messages).get(&call).copied())
    }
}

impl Reminders for Memory {
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>> {
        let mut events = Vec::new();
        let mut reminders = lock(&self.reminders);
        while events.len() < limit
            && let Some(first) = reminders.waiting.first_entry()
            && first.key().0 <= now
        {
            let new = first.remove();
            reminders.due.remove(&new.reminder.id);
            if new.reminder.every.is_some() {
                reminders.set_due(PARKED, new.clone());
            }
            let NewReminder { to, reminder } = new;
            let key = OrderingKey::Chat(to);
            let id = self.insert_event(InboxEvent {
                key: key.clone(),
                at: now,
                content: Content::Reminder(reminder),
            });
            events.push((id, key));
        }
        ready(events)
    }

    fn next_due(&self) -> Stored<'_, Option<Time>> {
        let reminders = lock(&self.reminders);
        let first = reminders.waiting.keys().next().map(|(due, _)| *due);
        ready(first.filter(|due| *due != PARKED))
    }
}

impl Portals for Memory {
    fn portals(&self) -> Stored<'_, Vec<Installation>> {
        let portals = self.portals.iter();
        ready(portals.map(|portal| portal.value().clone()).collect())
    }

    fn portal(&self, portal: &MemberId) -> Stored<'_, Option<Installation>> {
        ready(self.portals.get(portal).map(|own| own.value().clone()))
    }

    fn install(&self, installation: Installation) -> Stored<'_, ()> {
        self.claims.remove(&installation.portal);
        self.portals
            .insert(installation.portal.clone(), installation);
        ready(())
    }

    fn claim(
        &self,
        portal: &MemberId,
        holder: Uuid,
        now: Time,
        until: Time,
    ) -> Stored<'_, Option<Claim>> {
        let Some(installation) = self.portals.get(portal).map(|own| own.value().clone()) else {
            return ready(None);
        };
        let mut claim = self.claims.entry(portal.clone()).or_insert((holder, until));
        let is_granted = claim.0 == holder || claim.1 <= now;
        if is_granted {
            *claim = (holder, until);
        }
        ready(Some(Claim {
            is_granted,
            installation,
        }))
    }

    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>> {
        let mut booked = self.booked.entry(portal.clone()).or_default();
        let given = booking.after(*booked);
        *booked = given.end;
        ready(given)
    }

    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()> {
        self.claims.remove(portal);
        self.portals.remove(portal);
        self.notes.retain(|(of, _), _| of != portal);
        if forget {
            self.forget_all(|key| key.portal == *portal);
        }
        ready(())
    }

    fn addresses(&self, now: Option<&str>) -> Stored<'_, Vec<String>> {
        let mut known = lock(&self.addresses);
        add_address(&mut known, now);
        ready(known.clone())
    }

    fn note(&self, portal: &MemberId, name: &str) -> Stored<'_, Option<String>> {
        let note = self.notes.get(&(portal.clone(), name.to_owned()));
        ready(note.map(|note| note.clone()))
    }

    fn set_note(&self, portal: &MemberId, name: &str, note: String) -> Stored<'_, ()> {
        self.notes.insert((portal.clone(), name.to_owned()), note);
        ready(())
    }
}

impl Ownership for Memory {}

impl Upkeep for Memory {
    fn is_durable(&self) -> bool {
        false
    }

    fn secret(&self) -> Stored<'_, Secret> {
        ready(self.secret.get_or_init(Secret::random).clone())
    }

    fn notices(&self) -> Stored<'_, Vec<Notice>> {
        ready(std::mem::take(&mut *lock(&self.notices)))
    }

    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>> {
        let dead = lock(&self.dead);
        let blocking = dead.letters.values().filter(|letter| letter.blocks);
        ready(blocking.map(|letter| letter.key.clone()).collect())
    }

    fn last_event(&self) -> Stored<'_, Option<Time>> {
        ready(*lock(&self.last_arrival))
    }

    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept> {
        let mut swept = Swept::default();
        if let Some(idle) = limits.idle {
            let reminders = lock(&self.reminders);
            let reminded: HashSet<&Conversation> =
                reminders.waiting.values().map(|new| &new.to).collect();
            self.states.retain(|key, state| {
                let is_kept = reminded.contains(key) || key.is_ageless();
                let is_idle = now.since(state.at) > idle && !is_kept;
                swept.conversations += u64::from(is_idle);
                !is_idle
            });
        }
        lock(&self.dead).letters.retain(|_, letter| {
            let is_old = now.since(letter.at) > limits.dead && !letter.blocks;
            swept.dead += u64::from(is_old);
            !is_old
        });
        lock(&self.quarantined).retain(|_, states| {
            let before = states.len();
            states.retain(|state| now.since(state.at) <= limits.dead);
            swept.dead += (before - states.len()) as u64;
            !states.is_empty()
        });
        self.booked.retain(|_, until| *until > now);
        ready(swept)
    }

    fn close(&self) -> Stored<'_, ()> {
        ready(())
    }
}

impl Operator for Memory {
    fn status(&self) -> Stored<'_, Status> {
        ready(Status {
            portals: self.portals.len() as u64,
            events: self.inbox.len() as u64,
            oldest_event: self.inbox.iter().map(|waiting| waiting.event.at).min(),
            last_event: *lock(&self.last_arrival),
            calls: self.outbox.len() as u64,
            oldest_call: self.outbox.iter().map(|queued| queued.call.at).min(),
            reminders: lock(&self.reminders).waiting.len() as u64,
            conversations: self.conversations() as u64,
            quarantined: lock(&self.quarantined)
                .values()
                .map(Vec::len)
                .sum::<usize>() as u64,
            dead: lock(&self.dead).letters.len() as u64,
            ..Status::default()
        })
    }

    fn arrived(&self, more: Vec<Arrived>) -> Stored<'_, Vec<Arrived>> {
        let mut known = lock(&self.arrived);
        add_counts(&mut known, &more);
        ready(known.clone())
    }

    fn dead_letters(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>> {
        let dead = lock(&self.dead);
        let letters = dead
            .letters
            .values()
            .filter(|letter| after.is_none_or(|after| letter.id > after));
        ready(letters.take(limit).cloned().collect())
    }

    fn revive(&self, dead: DeadId) -> Stored<'_, bool> {
        let Some(letter) = lock(&self.dead).letters.remove(&dead) else {
            return ready(false);
        };
        let notice = match letter.what {
            DeadWhat::Event { id, at, content } => {
                let key = letter.key.clone();
                let waiting = Waiting {
                    event: InboxEvent { key, at, content },
                    attempts: 0,
                    history: Vec::new(),
                };
                self.inbox.insert(id, waiting);
                Notice::Event(id, letter.key)
            }
            DeadWhat::Call(call) => {
                let (id, to) = (call.id, call.to.clone());
                let is_taken = false;
                self.outbox.insert(id, Queued { call, is_taken });
                Notice::Call(id, to)
            }
        };
        lock(&self.notices).push(notice);
        ready(true)
    }

    fn drop_dead_letter(&self, dead: DeadId) -> Stored<'_, bool> {
        let letter = lock(&self.dead).letters.remove(&dead);
        if let Some(letter) = letter.as_ref().filter(|letter| letter.blocks) {
            lock(&self.notices).push(Notice::Unblocked(letter.key.clone()));
        }
        ready(letter.is_some())
    }

    fn restore(&self, key: Option<&Conversation>, at: Time) -> Stored<'_, u64> {
        let keys: Vec<Conversation> = match key {
            Some(key) => vec![key.clone()],
            None => lock(&self.quarantined).keys().cloned().collect(),
        };
        let restore = |own: &Conversation| self.restore_one(own, key.is_none(), at);
        let restored = keys.iter().filter(|own| restore(own)).count();
        ready(restored as u64)
    }

    fn conversations(
        &self,
        scope: ListScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<ListedConversation>> {
        let after = after.map(Conversation::to_string);
        let in_scope = self.states.iter().filter(|row| scope.includes(row.key()));
        let mut rows: Vec<_> = in_scope
            .map(|row| (row.key().whole().to_string(), row.key().clone(), row.at))
            .filter(|(whole, ..)| after.as_ref().is_none_or(|after| whole > after))
            .collect();
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        let mut listing = Listing::new(limit);
        let mut rows = rows.iter();
        while rows
            .next()
            .is_some_and(|(_, key, at)| listing.add(key, *at))
        {}
        ready(listing.page)
    }

    fn parts(
        &self,
        scope: PartScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<(Conversation, StoredState)>> {
        let after = after.map(Conversation::to_string);
        let is_in_scope = |key: &Conversation| match (&scope, key.as_part()) {
            (PartScope::Named { name, .. }, Some((_, part))) => name == part,
            (PartScope::Of(whole), Some(_)) => *whole == key.whole(),
            (_, None) => false,
        };
        let in_scope = self.states.iter().filter(|row| is_in_scope(row.key()));
        let rows = in_scope.map(|row| {
            let (key, state) = (row.key().clone(), row.stored.clone());
            (key.to_string(), (key, state))
        });
        let mut rows: Vec<_> = rows
            .filter(|(text, _)| after.as_ref().is_none_or(|after| text > after))
            .collect();
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        ready(rows.into_iter().take(limit).map(|(_, row)| row).collect())
    }

    fn change_part(&self, key: &Conversation, at: Time, change: StateChange) -> Stored<'_, ()> {
        self.change_state(key.clone(), change, at);
        lock(&self.notices).push(Notice::Part(key.clone()));
        ready(())
    }

    fn forget(&self, scope: ForgetScope) -> Stored<'_, u64> {
        ready(self.forget_all(|key| scope.includes(key)))
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Stored<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}
