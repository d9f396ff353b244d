//! Trouble on demand: what a test cannot wait for a portal to do by itself.

use std::sync::atomic::Ordering;

use super::refusal::Refusal;
use super::rest::limit::Traffic;
use super::server::Emulator;

/// Trouble, for tests.
impl Emulator {
    /// Refuses the next calls with this HTTP status and code, before anything else is looked at.
    pub fn refuse(&self, times: usize, status: u16, code: &str) {
        let refusal = Refusal::new(code, "Refused because a test asked for it").status(status);
        self.portal.limits().refuse(times, &refusal);
    }

    /// Runs the next calls that would succeed, and answers them as a gateway does that lost the portal: the caller cannot
    /// know that they were run.
    pub fn swallow(&self, answers: usize) {
        self.portal.limits().swallow(answers);
    }

    /// Lets every access token expire now.
    pub fn expire_tokens(&self) {
        self.portal.act(0, |hit| {
            let now = hit.world.clock.unix();
            hit.world.tokens.expire_all(now);
        });
    }

    /// Charges a method with operating time it did not take; 420 seconds within ten minutes block it.
    pub fn charge(&self, client_id: &str, method: &str, seconds: f64) {
        self.portal.act(0, |hit| {
            let now = hit.world.clock.unix();
            hit.world.operating.charge(client_id, method, seconds, now);
        });
    }

    /// Loses the next events on their way: a portal does not send them again.
    pub fn lose(&self, events: usize) {
        self.courier.lose.store(events, Ordering::Relaxed);
    }

    /// Delivers each of the next events twice, as a distributed queue may.
    pub fn repeat(&self, events: usize) {
        self.courier.repeat.store(events, Ordering::Relaxed);
    }

    /// What the limit on REST calls has let through and refused so far.
    pub fn traffic(&self) -> Traffic {
        self.portal.limits().traffic
    }
}
