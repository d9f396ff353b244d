//! Creates the events the portal sends to handlers: which event, to which subscription, with which
//! tokens.
//!
//! `audience` selects the receivers, `slash` and `mention` parse the text, the other files write
//! the bodies. Order and presence of keys follow the samples of the documentation, since decoders
//! were written against them.

pub(crate) mod audience;
mod auth;
mod change;
mod command;
mod join;
mod line;
pub(crate) mod mention;
mod message;
mod message_params;
mod params;
mod people;
pub(crate) mod samples;
mod slash;
pub(crate) mod v2;

use serde_json::{Value, json};

use super::shorten::shortened;
use super::transaction::Delivery;
use super::transaction::Transaction;
use crate::emulator::world::access::{Owner, Subscription, Way};
use crate::emulator::world::offline::Record;

pub(crate) use self::auth::Tokens;

impl Transaction<'_> {
    /// Sends an event to every subscription of an owner; `data` writes the body for each, since
    /// tokens are new each time.
    pub(crate) fn fire(
        &mut self,
        event: &str,
        owner: &Owner,
        tokens: Tokens,
        data: impl Fn(&mut Self) -> Value,
    ) {
        if self.hops == 0 || !self.world.gets_events(owner) {
            return;
        }
        for row in self.world.rows(owner, event) {
            let data = data(self);
            self.dispatch(&row, &data, tokens);
        }
    }

    /// Sends an event to all subscriptions on the portal and returns their number, as for events
    /// that are not a bot's.
    pub(crate) fn fire_to_all(&mut self, event: &str, data: &Value) -> usize {
        let event = event.to_uppercase();
        self.fire_to_all_with(&event, data, Tokens::of(&event))
    }

    /// The same with the given tokens.
    fn fire_to_all_with(&mut self, event: &str, data: &Value, tokens: Tokens) -> usize {
        if self.hops == 0 {
            return 0;
        }
        let fits = |row: &&Subscription| row.event == event && self.world.gets_events(&row.owner);
        let rows: Vec<Subscription> = self
            .world
            .subscriptions
            .values()
            .filter(fits)
            .cloned()
            .collect();
        for row in &rows {
            self.dispatch(row, data, tokens);
        }
        rows.len()
    }

    /// Posts an event, or stores it until it is fetched.
    fn dispatch(&mut self, row: &Subscription, data: &Value, tokens: Tokens) {
        match &row.way {
            Way::Online { .. } => {
                let auth = self.auth(&row.owner, self.actor_for(row), tokens);
                self.deliver(row, data, &auth, tokens);
            }
            Way::Offline { source } => self.store_offline(row, source, data),
        }
    }

    fn actor_for(&self, row: &Subscription) -> u64 {
        if row.user > 0 {
            row.user
        } else {
            self.local_user
        }
    }

    fn deliver(&mut self, row: &Subscription, data: &Value, auth: &Value, tokens: Tokens) {
        let tree = json!({
            "event": row.event,
            tokens.id_key(): row.id,
            "data": data,
            "ts": self.world.clock.unix(),
            "auth": auth,
        });
        self.outgoing.push(Delivery {
            url: row.url.clone(),
            app: self.app_title(&row.owner),
            tree,
            done: None,
        });
    }

    /// Returns the name of an owner in the traffic log.
    pub(crate) fn app_title(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::App(client_id) => self.world.apps.get(client_id).map(|app| app.title.clone()),
            Owner::Webhook(secret) => Some(format!("webhook {}", shortened(secret))),
        }
    }
}

/// The event that announces stored events.
pub(crate) const NOTICE: &str = "ONOFFLINEEVENT";

impl Transaction<'_> {
    /// Stores an event for the application of a subscription, unless that application caused it
    /// with the same source. No source counts as a source: a call without one is not stored in the
    /// queue without one.
    pub(super) fn store_offline(&mut self, row: &Subscription, source: &str, data: &Value) {
        let Owner::App(app) = &row.owner else { return };
        if self.origin.app.as_ref() == Some(app) && self.origin.source == source {
            return;
        }
        let now = self.world.clock.unix();
        let record = Record::new(app, source, &row.event, data, self.local_user);
        self.world.offline.keep(record, now);
        self.queued.insert(app.clone());
    }

    /// Sends `ONOFFLINEEVENT` to the applications whose queues have grown in this transaction, once
    /// each, and not before its `minTimeout`.
    pub(crate) fn announce_grown_queues(&mut self) {
        for app in std::mem::take(&mut self.queued) {
            for row in self.world.rows(&Owner::App(app), NOTICE) {
                let Way::Online { min_timeout } = row.way else {
                    continue;
                };
                let now = self.world.clock.millis();
                if self.world.offline.may_notify(row.id, min_timeout, now) {
                    self.dispatch(&row, &json!({}), Tokens::WithRefresh);
                }
            }
        }
    }
}
