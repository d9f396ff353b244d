//! The portal's rate limit, kept on our side: a leaky bucket per portal.
//!
//! Page `limits.md`: every request adds one; two leak out a second; above fifty the portal refuses. On the Enterprise plan
//! it is five and two hundred and fifty, and a portal on a server of one's own has no such limit.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The plan that portals are on, which decides how quickly they may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Plan {
    /// Two requests a second, fifty at once.
    #[default]
    Standard,
    /// Five requests a second, two hundred and fifty at once.
    Enterprise,
    /// No limit: the portal runs on a server of its owner.
    OnPremise,
}

impl Plan {
    /// How many requests the bucket holds, and how long one takes to leak out.
    fn bucket(self) -> Option<(u32, Duration)> {
        match self {
            Plan::Standard => Some((50, Duration::from_millis(500))),
            Plan::Enterprise => Some((250, Duration::from_millis(200))),
            Plan::OnPremise => None,
        }
    }
}

/// A leaky bucket.
#[derive(Debug)]
pub struct Limit {
    plan: Plan,
    /// When the bucket will be empty.
    empty_at: Mutex<Option<Instant>>,
}

impl Limit {
    /// The bucket of a portal on this plan, empty.
    pub fn new(plan: Plan) -> Limit {
        Limit {
            plan,
            empty_at: Mutex::new(None),
        }
    }

    /// Waits until the portal takes one more request. Callers are served in the order they came.
    pub async fn ready(&self) {
        let Some((burst, leak)) = self.plan.bucket() else {
            return;
        };
        let mut empty_at = self.empty_at.lock().await;
        let full = leak * (burst - 1);
        if let Some(at) = *empty_at {
            tokio::time::sleep_until(at - full.min(at.duration_since(Instant::now()))).await;
        }
        let now = Instant::now();
        *empty_at = Some(empty_at.map_or(now, |at| at.max(now)) + leak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_plans_pace() {
        for (plan, burst, leak) in [
            (Plan::Standard, 50, Duration::from_millis(500)),
            (Plan::Enterprise, 250, Duration::from_millis(200)),
        ] {
            let limit = Limit::new(plan);
            let start = Instant::now();
            for _ in 0..burst {
                limit.ready().await;
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
            for _ in 0..10 {
                limit.ready().await;
            }
            assert_eq!(start.elapsed(), leak * 10);
        }
    }
}
