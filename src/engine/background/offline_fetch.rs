//! Offline events: events that the portal keeps for hooks that must lose nothing
//! ([`App::offline_hook`](crate::App::offline_hook)).
//!
//! A batch is cleared on the portal after it is stored. One that a dead process had fetched and not
//! cleared is fetched again at the start; the part of it that was stored is dropped as repeats.

use std::sync::Arc;
use std::time::Duration;

use super::polling::{PAUSE_MAX, wait_for_portal};
use crate::engine::retry::pause;
use crate::engine::{AcceptError, Engine};
use crate::event::MemberId;
use crate::portal::{Error, OFFLINE_MAX, OfflineBatch, Portal};
use dashmap::DashSet;

/// The portals whose offline events are fetched.
#[derive(Debug, Default)]
pub(in crate::engine) struct OfflineFetch {
    /// One entry for each running task: a portal that is set up again must not be fetched from
    /// twice.
    portals: DashSet<MemberId>,
}

impl OfflineFetch {
    /// Adds a portal. Returns false if it is fetched from already.
    fn begin(&self, portal: &MemberId) -> bool {
        self.portals.insert(portal.clone())
    }

    /// Removes a portal, so that it can be added again.
    fn end(&self, portal: &MemberId) {
        self.portals.remove(portal);
    }
}

/// Why offline events could not be fetched or accepted.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Portal(#[from] Error),
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

impl Engine {
    /// Fetches offline events until the program stops or the application is removed from the
    /// portal. Calling it again for the same portal has no effect.
    pub(in crate::engine) fn start_offline_fetch(self: &Arc<Self>, portal: &Portal) {
        if !self.offline_fetch.begin(portal.id()) {
            return;
        }
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        let portal = portal.in_bulk(); // answers go first
        self.tasks.spawn(self.watch.watch("offline events", async move {
            let (mut failures, mut is_first) = (0, true);
            while let Some(engine) = weak.upgrade() {
                if engine.portal(portal.id()).is_none() || !engine.works_on(portal.id()) {
                    engine.offline_fetch.end(portal.id());
                    return;
                }
                let pause = match engine.fetch_offline(&portal, is_first).await {
                    Ok(pause) => {
                        (failures, is_first) = (0, false);
                        pause
                    }
                    Err(error) => {
                        failures += 1;
                        if failures == 1 {
                            tracing::error!(portal = %portal.id(), %error, "offline events cannot be fetched; retrying");
                        }
                        pause(failures.into(), failures).min(PAUSE_MAX)
                    }
                };
                drop(engine); // an engine that nobody else holds may be dropped during the sleep
                let wait = wait_for_portal(&portal, pause);
                if stopped.run_until_cancelled(wait).await.is_none() {
                    return;
                }
            }
        }));
    }

    /// Fetches once, the first time also what an earlier process did not clear. Returns the time
    /// until the next fetch.
    async fn fetch_offline(
        self: &Arc<Self>,
        portal: &Portal,
        is_first: bool,
    ) -> Result<Duration, FetchError> {
        if is_first {
            for batch in portal.uncleared_offline().await? {
                self.admit_batch(portal, batch).await?;
            }
        }
        let batch = portal.fetch_offline().await?;
        let is_full = batch.events.len() == OFFLINE_MAX;
        self.admit_batch(portal, batch).await?;
        Ok(if is_full {
            self.options.poll_quick
        } else {
            self.options.poll_slow
        })
    }

    /// Stores a batch, then clears it on the portal.
    async fn admit_batch(
        self: &Arc<Self>,
        portal: &Portal,
        batch: OfflineBatch,
    ) -> Result<(), FetchError> {
        for event in batch.events {
            match event {
                Ok(delivery) => self.admit(portal.id().clone(), &delivery).await?,
                Err(error) => {
                    tracing::error!(portal = %portal.id(), %error, "an offline event cannot be read and is skipped");
                }
            }
        }
        if let Some(process_id) = &batch.process_id {
            portal.clear_offline(process_id).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::background::offline_fetch::*;

    #[test]
    fn a_portal_is_fetched_from_once_until_that_ends() {
        let (fetch, portal) = (OfflineFetch::default(), MemberId::new("m1"));
        assert!(fetch.begin(&portal));
        assert!(!fetch.begin(&portal));
        assert!(fetch.begin(&MemberId::new("m2")));
        fetch.end(&portal);
        assert!(fetch.begin(&portal));
    }
}
