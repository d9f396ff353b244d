//! Events that are not posted but kept: `event_type=offline` of `event.bind`, and `ONOFFLINEEVENT` that tells of them.
//!
//! Sections 3 of events.md and 2.2 of server-behaviour.md.

use serde_json::{Value, json};

use super::Tokens;
use crate::emulator::hit::Hit;
use crate::emulator::world::access::{Owner, Subscription, Way};
use crate::emulator::world::offline::Record;

/// The one event that tells of others.
pub(crate) const NOTICE: &str = "ONOFFLINEEVENT";

impl Hit<'_> {
    /// Keeps an event for the application of a row, unless it was that application which caused it, naming the same
    /// source. No source is a source like any other here: a plain call of the application is not kept in its plain queue.
    pub(super) fn put_by(&mut self, row: &Subscription, source: &str, data: &Value) {
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
    pub(crate) fn tell_of_queues(&mut self) {
        for app in std::mem::take(&mut self.queued) {
            for row in self.world.rows(&Owner::App(app), NOTICE) {
                let Way::Online { min_timeout } = row.way else {
                    continue;
                };
                let now = self.world.clock.millis();
                if self.world.offline.may_tell(row.id, min_timeout, now) {
                    self.hand_on(&row, &json!({}), Tokens::WithRefresh);
                }
            }
        }
    }
}
