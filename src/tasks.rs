//! Tasks and threads that the program needs: when one panics, or ends although it must not, the
//! program cannot work any more and has to end.
//!
//! Every task and thread of the library is in one of three groups:
//!
//! - **Watched, may not end** while the program runs: the store's threads or tasks (with
//!   PostgreSQL, those that write, keep the lease, and wake other processes or are woken by them),
//!   the tasks that read the store's notices, sweep it and watch reminders.
//! - **Watched, may end** when its work is done; a panic is a failure: the workers of the queues
//!   (turns, sender, setups), the load of the backlog, polling, the fetch of offline events,
//!   setting up portals, the proofs of installations, payments and spare tokens, the queue and the
//!   batches of a portal's calls, a connector's own part
//!   ([`Connector::run`](crate::Connector::run)).
//! - **Not watched**: the renewal of a status such as "typing", which ends with its handler and
//!   which nothing waits for; the summaries of the log a minute later, without which only they are
//!   missing; the copy of a backup and the change of a key, whose panic is an error
//!   of the command that waits for them; the emulator.
//!
//! A panic in a handler or in a transport is caught where it is called, and is a failed turn or a
//! failed item of a queue.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

/// A task or thread that the program needs has ended. Only a restart helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program cannot work any more, its part `{task}` {cause}; it has to be started again")]
pub struct TaskFailed {
    task: String,
    cause: String,
}

impl TaskFailed {
    /// The failure of a task. `cause` continues the sentence "the task …".
    pub(crate) fn new(task: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            cause: cause.into(),
        }
    }

    /// The failure of a task that panicked with this payload.
    pub(crate) fn panicked(task: impl Into<String>, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::new(task, format!("panicked ({})", text.unwrap_or("unknown")))
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.task
    }
}

/// Records the first failure of the tasks it watches. All clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failure: OnceLock<TaskFailed>,
    /// Cancelled when `failure` is set.
    failed: CancellationToken,
    /// The task that a test makes panic.
    #[cfg(any(test, feature = "testing"))]
    to_panic: tokio::sync::watch::Sender<String>,
    /// Cancelled when a test ends all tasks.
    #[cfg(any(test, feature = "testing"))]
    aborted: CancellationToken,
}

impl Watch {
    /// Records a failure, and logs it. Only the first one is kept.
    pub(crate) fn fail(&self, failure: TaskFailed) {
        let is_first = self.0.failure.set(failure).is_ok();
        if is_first && let Some(error) = self.failure() {
            self.0.failed.cancel();
            tracing::error!(%error, "a part of the program has failed");
        }
    }

    /// Returns the first failure, if there is one.
    pub(crate) fn failure(&self) -> Option<&TaskFailed> {
        self.0.failure.get()
    }

    /// Waits for the first failure.
    pub(crate) async fn failed(&self) -> TaskFailed {
        loop {
            self.0.failed.cancelled().await;
            if let Some(failure) = self.failure() {
                return failure.clone();
            }
        }
    }

    /// Watches work that may end: its panic is a failure.
    pub(crate) fn watch<F: Future<Output = ()>>(
        &self,
        task: &'static str,
        work: F,
    ) -> impl Future<Output = ()> + use<F> {
        let watch = self.clone();
        #[cfg(any(test, feature = "testing"))]
        let work = self.clone().until_asked_to_end(task, work);
        AssertUnwindSafe(work).catch_unwind().map(move |ended| {
            if let Err(payload) = ended {
                watch.fail(TaskFailed::panicked(task, &*payload));
            }
        })
    }

    /// Watches work that may end only when `may_end` returns true; its earlier end and its panic
    /// are failures.
    pub(crate) fn watch_endless<F: Future<Output = ()>, E: FnOnce() -> bool>(
        &self,
        task: &'static str,
        may_end: E,
        work: F,
    ) -> impl Future<Output = ()> + use<F, E> {
        let watch = self.clone();
        self.watch(task, work).map(move |()| {
            #[cfg(any(test, feature = "testing"))]
            if watch.0.aborted.is_cancelled() {
                return;
            }
            if !may_end() {
                watch.fail(TaskFailed::new(task, "ended"));
            }
        })
    }

    /// Makes the task with this name panic, now if it runs, otherwise when it starts.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn make_panic(&self, task: &str) {
        self.0.to_panic.send_replace(task.to_owned());
    }

    /// Ends all tasks where they are.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn abort(&self) {
        self.0.aborted.cancel();
    }

    #[cfg(any(test, feature = "testing"))]
    async fn until_asked_to_end<F: Future<Output = ()>>(self, task: &'static str, work: F) {
        let mut asked = self.0.to_panic.subscribe();
        let is_asked = asked.wait_for(|name| name == task);
        tokio::select! {
            biased;
            () = self.0.aborted.cancelled() => {}
            Ok(_) = is_asked => panic!("a test asked for it"),
            () = work => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use crate::tasks::*;

    #[tokio::test]
    async fn the_first_panic_of_a_watched_task_is_the_failure() {
        let watch = Watch::default();
        tokio::spawn(watch.watch("works", ready(()))).await.unwrap();
        assert_eq!(watch.failure(), None);
        tokio::spawn(watch.watch("first", async { panic!("a bug") }))
            .await
            .unwrap();
        tokio::spawn(watch.watch("second", async { panic!("another") }))
            .await
            .unwrap();
        let failure = watch.failed().await;
        assert_eq!(failure, TaskFailed::new("first", "panicked (a bug)"));
        assert_eq!(watch.failure(), Some(&failure));
    }

    #[tokio::test]
    async fn the_end_of_an_endless_task_is_a_failure_unless_it_may_end() {
        let watch = Watch::default();
        watch.watch_endless("stopped", || true, ready(())).await;
        assert_eq!(watch.failure(), None);
        watch.watch_endless("sweep", || false, ready(())).await;
        assert_eq!(watch.failure(), Some(&TaskFailed::new("sweep", "ended")));
    }

    #[tokio::test]
    async fn a_test_can_end_all_tasks_without_a_failure() {
        let watch = Watch::default();
        let endless = tokio::spawn(watch.watch_endless("sweep", || false, pending()));
        watch.abort();
        endless.await.unwrap();
        watch
            .watch("late", async { panic!("it does not start") })
            .await;
        assert_eq!(watch.failure(), None);
    }

    #[tokio::test]
    async fn a_test_can_make_a_running_task_panic() {
        let watch = Watch::default();
        let running = tokio::spawn(watch.watch("reminders", pending()));
        watch.make_panic("sweep");
        watch.make_panic("reminders");
        running.await.unwrap();
        assert_eq!(watch.failed().await.task(), "reminders");
    }
}
