//! The log of a test, in memory.

use std::sync::{Arc, LazyLock, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::util::SubscriberInitExt;

/// What the tasks of this thread log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Records what is logged until the guard is dropped.
    pub(crate) fn record() -> (Log, DefaultGuard) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        (log, subscriber.set_default())
    }

    /// Records what the stores of all tests in PostgreSQL log: they have threads of their own.
    pub(crate) fn of_postgres() -> &'static Log {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter("imbot::store::postgres=info")
                .with_writer(move || writer.clone())
                .with_ansi(false)
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the only one");
            log
        });
        &LOG
    }

    /// Returns true if one line has all of these parts.
    pub(crate) fn has(&self, parts: &[&str]) -> bool {
        let text = self.text();
        let mut lines = text.lines();
        lines.any(|line| parts.iter().all(|part| line.contains(part)))
    }

    /// Returns what was logged.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
