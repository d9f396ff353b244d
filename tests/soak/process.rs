//! One process of the program, on a clock that the test advances.

use std::sync::Arc;
use std::time::Duration;

use imbot::engine::Engine;
use imbot::store::{Reminders, Sqlite, Time};
use tokio::time::advance;

use crate::ledger::Ledger;

/// Interval in which events come, all at once.
const SLOT: Duration = Duration::from_secs(60 * 60);

/// A running program.
pub(crate) struct Process {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<Sqlite>,
}

impl Process {
    /// Waits until the engine is idle, at most this number of rounds.
    pub(crate) async fn work(&self, ledger: &Ledger, rounds: u64) {
        let (mut idle_rounds, mut before) = (0, None);
        for _ in 0..rounds {
            // Both threads of the store answer in order, so all earlier operations are done then.
            self.store.due(Time(0), 1).await.unwrap();
            self.store.next_due().await.unwrap();
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            let now = Some((self.engine.waiting(), ledger.turns()));
            idle_rounds = if now == before { idle_rounds + 1 } else { 0 };
            before = now;
            if idle_rounds > 2 {
                return;
            }
        }
    }

    /// Advances the clock by one slot, in growing steps while something waits.
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
