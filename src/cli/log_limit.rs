//! Bounds how many lines a minute one place in the code writes into the log: strangers reach many
//! of them. The rest is counted, and logged in one line.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Maximum number of lines a minute of one place in the code. Lines of the levels debug and trace
/// are not counted: whoever asks for them wants them all.
const LINES_OF_ONE_MAX: u64 = 100;
const MINUTE: Duration = Duration::from_secs(60);

/// Drops the lines above the limit.
#[derive(Clone, Debug, Default)]
pub(super) struct LineLimit(Arc<Mutex<Counts>>);

/// The lines of the current minute.
#[derive(Debug, Default)]
struct Counts {
    lines: HashMap<Identifier, Lines>,
    /// Whether a thread waits for the end of the minute.
    has_end: bool,
}

/// The lines of one place.
#[derive(Debug, Default)]
struct Lines {
    count: u64,
    /// The message of the first dropped line.
    message: String,
}

impl LineLimit {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a line. Returns true if it may be written.
    fn admit(&self, event: &Event<'_>) -> bool {
        let mut counts = self.counts();
        let lines = counts.lines.entry(event.metadata().callsite());
        let lines = lines.or_default();
        lines.count += 1;
        let is_first_dropped = lines.count == LINES_OF_ONE_MAX + 1;
        if is_first_dropped {
            event.record(&mut MessageOf(&mut lines.message));
        }
        let is_admitted = lines.count <= LINES_OF_ONE_MAX;
        if !std::mem::replace(&mut counts.has_end, true) {
            drop(counts);
            self.end_in_a_minute();
        }
        is_admitted
    }

    /// Ends the minute in time. If the system has no thread left, the minute goes on.
    fn end_in_a_minute(&self) {
        let limit = self.clone();
        let ending = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                thread::sleep(MINUTE);
                limit.end_minute();
            });
        if ending.is_err() {
            self.counts().has_end = false;
        }
    }

    fn end_minute(&self) {
        let lines = {
            let mut counts = self.counts();
            counts.has_end = false;
            std::mem::take(&mut counts.lines)
        };
        for Lines { count, message } in lines.into_values() {
            if count > LINES_OF_ONE_MAX {
                let more = count - LINES_OF_ONE_MAX;
                tracing::warn!("{more} more lines like this in the last minute: {message}");
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for LineLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        *event.metadata().level() > Level::INFO || self.admit(event)
    }
}

/// Takes the message of an event.
struct MessageOf<'a>(&'a mut String);

impl Visit for MessageOf<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use crate::cli::log_limit::*;

    #[derive(Clone, Default)]
    struct Counter(Arc<AtomicU64>);

    impl<S: Subscriber> Layer<S> for Counter {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_place_writes_a_bounded_number_of_lines_a_minute_and_then_how_many_more_there_were() {
        let (limit, counter) = (LineLimit::default(), Counter::default());
        limit.counts().has_end = true; // the minute ends below
        let subscriber = registry().with(limit.clone()).with(counter.clone());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                for number in 0..1_000 {
                    tracing::warn!("event {number} is refused");
                }
                tracing::warn!("another place");
                assert_eq!(counter.0.swap(0, Ordering::Relaxed), LINES_OF_ONE_MAX + 1);
                limit.end_minute();
                assert_eq!(counter.0.swap(0, Ordering::Relaxed), 1, "the summary");
                limit.counts().has_end = true;
            }
            for _ in 0..1_000 {
                tracing::debug!("asked for");
            }
            assert_eq!(counter.0.load(Ordering::Relaxed), 1_000);
        });
    }
}
