//! The contract of a store as a suite of checks, for a store of your own (feature `testing`).
//!
//! [`verify`] runs every check on a fresh store, and fails with the names of those that failed:
//!
//! ```
//! use std::sync::Arc;
//!
//! use imbot::store::{Memory, contract};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! contract::verify(async || Arc::new(Memory::new())).await;
//! # }
//! ```
//!
//! [`checks`] lists them, for a test harness that runs each as a test of its own. [`sample`] has
//! the deliveries, turns and calls that they use, for tests of what only your store promises.
//!
//! The checks cover what one process sees of a store. That a store is durable, or works for several
//! processes, needs tests of its own.

mod arrived;
mod bookings;
mod conversations;
mod dead;
mod forgetting;
mod inbox;
mod outbox;
mod portals;
mod reminders;
pub mod sample;
mod sweep;
mod turns;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::Store;

/// A check that runs.
type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One check of the contract, on one store.
#[derive(Clone, Copy)]
pub struct Check {
    name: &'static str,
    run: fn(Arc<dyn Store>) -> Running,
}

impl Check {
    /// Returns the fact that this checks, such as `dead::a_dead_letter_keeps_its_history`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check on a store that is empty.
    ///
    /// # Panics
    /// The store does not keep to this part of the contract.
    pub async fn run(&self, store: Arc<dyn Store>) {
        (self.run)(store).await;
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

/// Makes a [`Check`] of a function in the file that it is called in.
macro_rules! check {
    ($run:ident) => {
        Check {
            // The path behind `imbot::store::contract::`.
            name: const {
                const PATH: &str = concat!(module_path!(), "::", stringify!($run));
                PATH.split_at("imbot::store::contract::".len()).1
            },
            run: |store| Box::pin($run(store)),
        }
    };
}
use check;

/// Returns all checks of the contract.
pub fn checks() -> impl Iterator<Item = Check> {
    let groups = [
        arrived::CHECKS,
        bookings::CHECKS,
        conversations::CHECKS,
        dead::CHECKS,
        forgetting::CHECKS,
        inbox::CHECKS,
        outbox::CHECKS,
        portals::CHECKS,
        reminders::CHECKS,
        sweep::CHECKS,
        turns::CHECKS,
    ];
    groups.into_iter().flatten().copied()
}

/// Runs all checks, each on a store of its own that `open` makes, and needs a tokio runtime.
///
/// # Panics
/// The store does not keep the contract. The message lists the checks that failed, and each has
/// printed the reason before.
pub async fn verify<S: Store>(open: impl AsyncFn() -> Arc<S>) {
    let mut failed = Vec::new();
    for check in checks() {
        let store = open().await;
        let run = tokio::spawn(async move { check.run(store).await });
        if run.await.is_err() {
            failed.push(check.name());
        }
    }
    assert!(
        failed.is_empty(),
        "the store does not keep the contract:\n  {}",
        failed.join("\n  ")
    );
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::store::Memory;
    use crate::store::contract::*;

    #[tokio::test]
    async fn the_memory_store_keeps_the_contract() {
        verify(async || Arc::new(Memory::new())).await;
    }

    #[tokio::test]
    #[should_panic(expected = "turns::a_commit_happens_once")]
    async fn a_store_that_was_used_before_fails_by_name() {
        let shared = Arc::new(Memory::new());
        verify(async || Arc::clone(&shared)).await;
    }
}
