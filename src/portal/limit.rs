//! The portal's rate limit, kept on our side: a leaky bucket per portal.
//!
//! Page `limits.md`: every request adds one; two leak out a second; above fifty the portal refuses.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Requests that the portal takes at once, on every plan but Enterprise.
const BURST: u32 = 50;
/// How long one request takes to leak out: two a second.
const LEAK: Duration = Duration::from_millis(500);

/// A leaky bucket.
#[derive(Debug)]
pub struct Limit {
    /// When the bucket will be empty.
    empty_at: Mutex<Option<Instant>>,
}

impl Default for Limit {
    fn default() -> Limit {
        Limit {
            empty_at: Mutex::new(None),
        }
    }
}

impl Limit {
    /// Waits until the portal takes one more request. Callers are served in the order they came.
    pub async fn ready(&self) {
        let mut empty_at = self.empty_at.lock().await;
        let full = LEAK * (BURST - 1);
        if let Some(at) = *empty_at {
            tokio::time::sleep_until(at - full.min(at.duration_since(Instant::now()))).await;
        }
        let now = Instant::now();
        *empty_at = Some(empty_at.map_or(now, |at| at.max(now)) + LEAK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_two_a_second() {
        let limit = Limit::default();
        let start = Instant::now();
        for _ in 0..BURST {
            limit.ready().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            limit.ready().await;
        }
        assert_eq!(start.elapsed(), LEAK * 10);
    }
}
