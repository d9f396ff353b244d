//! Offline events: those that the portal keeps for hooks which must lose nothing ([`App::offline_hook`](crate::App::offline_hook)).
//!
//! A batch is cleared on the portal after it is written down. One that a dead process had fetched and not cleared is fetched
//! again at the start, and what of it was written down is known as a repeat.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::polling::PAUSE_MAX;
use crate::engine::retry::pause;
use crate::engine::{Engine, Refused};
use crate::portal::{Error, OFFLINE_MAX, OfflineBatch, Portal};

/// Why offline events could not be taken in.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Portal(#[from] Error),
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Engine {
    /// Fetches offline events until the program stops, or the application is removed from the portal. Twice is once.
    pub(in crate::engine) fn begin_to_fetch_offline(self: &Arc<Self>, portal: &Portal) {
        if !self.fetching_offline.insert(portal.id().clone()) {
            return;
        }
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        let portal = portal.in_bulk(); // answers go first
        self.tasks.spawn(async move {
            let (mut failures, mut is_first) = (0, true);
            while let Some(engine) = weak.upgrade() {
                if engine.portal(portal.id()).is_none() {
                    engine.fetching_offline.remove(portal.id());
                    return;
                }
                let pause = match engine.fetch_offline(&portal, is_first).await {
                    Ok(pause) => {
                        (failures, is_first) = (0, false);
                        pause
                    }
                    Err(trouble) => {
                        failures += 1;
                        if failures == 1 {
                            tracing::error!(portal = %portal.id(), error = %trouble, "offline events cannot be fetched; it is tried again and again");
                        }
                        pause(failures.into(), failures).min(PAUSE_MAX)
                    }
                };
                drop(engine); // while this sleeps, an engine that nobody needs any more may end
                if stopped.run_until_cancelled(sleep(pause)).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Fetches once, the first time also what was left behind, and tells when to fetch again.
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

    /// Writes a batch down, and clears it.
    async fn admit_batch(
        self: &Arc<Self>,
        portal: &Portal,
        batch: OfflineBatch,
    ) -> Result<(), FetchError> {
        for event in batch.events {
            match event {
                Ok(delivery) => self.admit(portal.id().clone(), &delivery).await?,
                Err(wrong) => {
                    tracing::error!(portal = %portal.id(), error = %wrong, "an offline event cannot be read, and is passed over");
                }
            }
        }
        if let Some(process_id) = &batch.process_id {
            portal.clear_offline(process_id).await?;
        }
        Ok(())
    }
}
