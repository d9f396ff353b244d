//! One program's stay: how it is let work on a clock that is wound by hand.

use std::sync::Arc;
use std::time::Duration;

use imbot::engine::Engine;
use imbot::store::{Reminders, Sqlite, Time};
use tokio::time::advance;

use crate::ledger::Ledger;

/// Events come once in so much time, all at once.
const SLOT: Duration = Duration::from_secs(60 * 60);

/// One program's time.
pub(crate) struct Stay {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<Sqlite>,
}

impl Stay {
    /// Lets the engine work until it rests, or for so many rounds.
    pub(crate) async fn work(&self, ledger: &Ledger, rounds: u64) {
        let (mut quiet, mut before) = (0, None);
        for _ in 0..rounds {
            // Both threads of the store answer in order: whatever was asked before is done.
            self.store.due(Time(0), 1).await.unwrap();
            self.store.next_due().await.unwrap();
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            let now = Some((self.engine.waiting(), ledger.turns()));
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            if quiet > 2 {
                return;
            }
        }
    }

    /// Lets one slot pass, in growing steps while something waits for its time.
    pub(crate) async fn pass(&self, ledger: &Ledger) {
        let (mut left, mut step) = (SLOT, Duration::from_secs(1));
        while !left.is_zero() {
            self.work(ledger, u64::MAX).await;
            if self.engine.waiting() == (0, 0) {
                step = left;
            }
            advance(step.min(left)).await;
            left -= step.min(left);
            step *= 2;
        }
        self.work(ledger, u64::MAX).await;
    }
}
