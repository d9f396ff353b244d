//! What the portal tells the handlers: which event, to which row, with which tokens.
//!
//! `audience` decides who hears, `slash` and `mention` read the text, the other files write the bodies. Key order and
//! key presence follow the samples of the documentation, since that is what decoders were written against.

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
    /// Sends an event to every row its owner has for it; `data` writes the body for each anew, tokens being fresh.
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

    /// Sends an event to all rows on the portal, whoever they belong to, as events that are no bot's are sent.
    pub(crate) fn fire_to_all(&mut self, event: &str, data: &Value) -> usize {
        let event = event.to_uppercase();
        self.fire_to_all_with(&event, data, Tokens::of(&event))
    }

    /// The same with as much authorization as the event carries.
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

    /// Posts an event, or keeps it for who fetches it.
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

    /// The name under which the wire log shows an owner.
    pub(crate) fn app_title(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::App(client_id) => self.world.apps.get(client_id).map(|app| app.title.clone()),
            Owner::Webhook(secret) => Some(format!("webhook {}", shortened(secret))),
        }
    }
}

/// The one event that tells of others.
pub(crate) const NOTICE: &str = "ONOFFLINEEVENT";

impl Transaction<'_> {
    /// Keeps an event for the application of a row, unless it was that application which caused it, naming the same
    /// source. No source is a source like any other here: a plain call of the application is not kept in its plain queue.
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

    /// Tells the applications whose queues have grown in this hit, once each, and not before its time.
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
