//! The failure that ends the engine.

use super::Engine;
use crate::tasks::TaskFailed;

impl Engine {
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
