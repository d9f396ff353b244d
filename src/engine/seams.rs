//! What the test kit needs to know and to change in an engine (feature `testing`).

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Engine;

/// Returns a value that is kept as long as a handler runs.
type OnHandler = dyn Fn() -> Box<dyn Any + Send> + Send + Sync;

/// What a test changes in an engine. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Seams {
    on_handler: Option<Arc<OnHandler>>,
    runs_twice: Arc<AtomicBool>,
}

impl Seams {
    /// Calls this function before each handler. What it returns is dropped after the handler.
    pub(crate) fn on_handler(
        &mut self,
        on_handler: impl Fn() -> Box<dyn Any + Send> + Send + Sync + 'static,
    ) {
        self.on_handler = Some(Arc::new(on_handler));
    }

    /// Runs each turn twice from now on. What the first run decides is dropped.
    pub(crate) fn run_twice(&self) {
        self.runs_twice.store(true, Ordering::Relaxed);
    }

    pub(super) fn runs_twice(&self) -> bool {
        self.runs_twice.load(Ordering::Relaxed)
    }

    pub(super) fn handler(&self) -> Option<Box<dyn Any + Send>> {
        self.on_handler.as_ref().map(|on_handler| on_handler())
    }
}

impl fmt::Debug for Seams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seams")
            .field("runs_twice", &self.runs_twice)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Ends all tasks where they are, as when the process is killed.
    pub(crate) fn abort(&self) {
        self.watch.abort();
        self.stopped.cancel();
    }
}
