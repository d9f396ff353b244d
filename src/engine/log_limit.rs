//! Bounds how many lines a minute one kind of anonymous input writes into the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Maximum number of lines a minute about one kind of anonymous input. The rest is counted, and
/// logged in one line.
pub const LOG_LINES_MAX: u64 = 20;

/// The length of a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// Counts the lines of one kind in the current minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLimit(Arc<AtomicU64>);

impl LogLimit {
    /// Returns true if a line may be written. If not, it is counted, and the minute's end logs how
    /// many more there were: `1234 more events were refused in the last minute`.
    ///
    /// Call it inside a Tokio runtime.
    pub(crate) fn allows(&self, what: &'static str) -> bool {
        let lines = self.0.fetch_add(1, Ordering::Relaxed);
        if lines == 0 {
            let count = Arc::clone(&self.0);
            tokio::spawn(async move {
                tokio::time::sleep(MINUTE).await;
                let lines = count.swap(0, Ordering::Relaxed);
                if lines > LOG_LINES_MAX {
                    let more = lines - LOG_LINES_MAX;
                    tracing::warn!("{more} more {what} in the last minute");
                }
            });
        }
        lines < LOG_LINES_MAX
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::log_limit::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_has_a_bounded_number_of_lines() {
        let limit = LogLimit::default();
        let written = |_| limit.allows("events were refused");
        for _ in 0..2 {
            let lines = (0..1_000).filter(|_| written(())).count() as u64;
            assert_eq!(lines, LOG_LINES_MAX);
            tokio::time::sleep(MINUTE + Duration::from_millis(10)).await;
        }
    }
}
