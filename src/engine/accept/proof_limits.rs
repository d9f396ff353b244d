//! Bounds for what has to be proven before it is accepted: anybody can post an installation, a
//! payment, or the tokens of a person who opens the application.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::quality::RandomState;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::install_queue::InstallQueue;
use crate::engine::lock;
use crate::event::MemberId;
use crate::store::Time;

/// Maximum number of portals that are asked about payments at once. Further ones wait.
const PAYMENTS_MAX: usize = 2;
/// Maximum number of people's tokens that are being checked. Further ones are dropped.
const SPARES_MAX: usize = 2;
/// Maximum number of people's tokens that are checked with one portal in [`SPARES_PERIOD`]. Further
/// ones are dropped.
const SPARES_OF_ONE_MAX: u32 = 30;
/// The period of [`SPARES_OF_ONE_MAX`].
const SPARES_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Maximum number of installations that are read from the store at the same time, because an event
/// names a portal that this process does not know. Further events are refused.
const LOOKUPS_MAX: usize = 4;
/// Maximum number of refused tokens that are recognised and not checked again. The oldest are
/// dropped first.
const REFUSED_MAX: usize = 4_096;

/// The installations, payments and people's tokens that are being proven.
#[derive(Debug)]
pub(in crate::engine) struct ProofLimits {
    /// The installations.
    pub(super) installs: InstallQueue,
    /// One permit for each portal that may be asked about a payment at the same time.
    payments: Semaphore,
    /// One permit for each person's tokens that may be checked at the same time.
    spares: Arc<Semaphore>,
    /// One permit for each installation that may be read from the store at the same time.
    lookups: Semaphore,
    /// When the period of each portal began, and how many people's tokens were checked since then.
    periods: Mutex<HashMap<MemberId, (Time, u32)>>,
    refused: Mutex<RefusedTokens>,
}

/// The hashes of refused tokens.
#[derive(Debug, Default)]
struct RefusedTokens {
    hasher: RandomState,
    known: HashSet<u64, RandomState>,
    /// The same, oldest first.
    order: VecDeque<u64>,
}

impl RefusedTokens {
    fn hash(&self, token: &SecretString) -> u64 {
        self.hasher.hash_one(token.expose_secret())
    }

    fn contains(&self, token: &SecretString) -> bool {
        self.known.contains(&self.hash(token))
    }

    fn add(&mut self, token: &SecretString) {
        let hash = self.hash(token);
        if self.known.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > REFUSED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl ProofLimits {
    pub(in crate::engine) fn new() -> Self {
        ProofLimits {
            installs: InstallQueue::default(),
            payments: Semaphore::new(PAYMENTS_MAX),
            spares: Arc::new(Semaphore::new(SPARES_MAX)),
            lookups: Semaphore::new(LOOKUPS_MAX),
            periods: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Waits for a permit to ask a portal about a payment. Returns `None` if the program stops.
    pub(in crate::engine) async fn payment(&self) -> Option<SemaphorePermit<'_>> {
        self.payments.acquire().await.ok()
    }

    /// Returns a permit to read an installation from the store. Returns `None` while too many are
    /// read.
    pub(in crate::engine) fn lookup(&self) -> Option<SemaphorePermit<'_>> {
        self.lookups.try_acquire().ok()
    }

    /// Returns a permit to check a person's tokens with an installed portal. Returns `None` while
    /// too many are checked, if too many of this portal were, or if this token was refused.
    pub(in crate::engine) fn spare(
        &self,
        portal: &MemberId,
        token: &SecretString,
        now: Time,
    ) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.spares).try_acquire_owned().ok()?;
        let is_admitted = !self.is_refused(token) && self.count_spare(portal, now);
        is_admitted.then_some(permit)
    }

    /// Counts one more check of a person's tokens, and returns true if it may be made.
    fn count_spare(&self, portal: &MemberId, now: Time) -> bool {
        let mut periods = lock(&self.periods);
        periods.retain(|_, (began, _)| now.since(*began) < SPARES_PERIOD);
        let (_, count) = periods.entry(portal.clone()).or_insert((now, 0));
        *count += 1;
        *count <= SPARES_OF_ONE_MAX
    }

    /// Returns true if a token was refused before.
    pub(in crate::engine) fn is_refused(&self, token: &SecretString) -> bool {
        lock(&self.refused).contains(token)
    }

    /// Stores that a token was refused, so that it is not checked again.
    pub(in crate::engine) fn refuse(&self, token: &SecretString) {
        lock(&self.refused).add(token);
    }

    /// Starts no more proofs.
    pub(in crate::engine) fn close(&self) {
        self.installs.close();
        self.payments.close();
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::accept::proof_limits::*;

    #[test]
    fn a_portal_is_asked_about_a_bounded_number_of_tokens_and_not_again_about_refused_ones() {
        let proofs = ProofLimits::new();
        let (one, other) = (MemberId::new("1"), MemberId::new("2"));
        let token = |number: u32| SecretString::from(number.to_string());
        let is_checked = |portal, number, at| proofs.spare(portal, &token(number), at).is_some();
        assert!(is_checked(&one, 0, Time(0)));
        proofs.refuse(&token(0));
        assert!(!is_checked(&one, 0, Time(0)));
        assert!(!is_checked(&other, 0, Time(0)));
        for number in 1..SPARES_OF_ONE_MAX {
            assert!(is_checked(&one, number, Time(0)), "{number}");
        }
        assert!(!is_checked(&one, 999, Time(0)));
        assert!(is_checked(&other, 999, Time(0)));
        assert!(is_checked(&one, 999, Time(0) + SPARES_PERIOD));
    }

    #[test]
    fn few_tokens_are_checked_at_a_time() {
        let proofs = ProofLimits::new();
        let check = || proofs.spare(&MemberId::new("1"), &"a".into(), Time(0));
        let running: Vec<_> = (0..SPARES_MAX).map(|_| check().unwrap()).collect();
        assert!(check().is_none());
        drop(running);
        assert!(check().is_some());
    }

    #[test]
    fn a_bounded_number_of_refused_tokens_is_recognised_the_oldest_dropped_first() {
        let proofs = ProofLimits::new();
        let token = |number: usize| SecretString::from(number.to_string());
        for number in 0..=REFUSED_MAX {
            proofs.refuse(&token(number));
            proofs.refuse(&token(number));
        }
        assert!(!proofs.is_refused(&token(0)));
        assert!((1..=REFUSED_MAX).all(|number| proofs.is_refused(&token(number))));
    }
}
