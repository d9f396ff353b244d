//! Whether the engine works: its state for health probes, and the failure that ends it.

use super::Engine;
use crate::tasks::TaskFailed;

/// The state of an engine, for health probes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It works.
    Ok,
    /// It is being stopped: it still accepts events, and handles no more.
    Stopping,
    /// It cannot work any more, and why. The program has to be started again.
    Failing(String),
}

impl Engine {
    /// Returns the engine's state. It takes no lock and does not wait.
    pub fn health(&self) -> Health {
        match self.watch.failure() {
            Some(failure) => Health::Failing(failure.to_string()),
            None if self.stopped.is_cancelled() => Health::Stopping,
            None => Health::Ok,
        }
    }

    /// Waits until a task or thread that the engine needs has failed: it panicked, or it ended
    /// although it must not. The engine cannot work any more then. [`serve::run`] and
    /// [`serve::poll`] end with this error; a program with a server of its own has to end as well,
    /// so that its supervisor starts it again.
    ///
    /// [`serve::run`]: crate::serve::run
    /// [`serve::poll`]: crate::serve::poll
    pub async fn failed(&self) -> TaskFailed {
        self.watch.failed().await
    }

    /// Makes the task with this name panic, for tests (feature `testing`): now if it runs,
    /// otherwise when it starts. The names are those in the errors of
    /// [`failed`](Engine::failed), such as `sender` or `reminders`.
    #[cfg(feature = "testing")]
    pub fn fail_task(&self, task: &str) {
        self.watch.make_panic(task);
    }
}
