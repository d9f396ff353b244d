//! Bounds for what has to be proven before it is accepted: anybody can post an installation, a
//! payment, or the tokens of a person who opens the application.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::quality::RandomState;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

use super::install::{InstallClaim, PendingInstall};
use crate::engine::keyed_queues::KeyedQueues;
use crate::engine::{AcceptError, lock};
use crate::event::MemberId;
use crate::store::Time;

/// Maximum number of installations that are being proven or wait for it. Further ones get
/// [`AcceptError::Full`].
pub const INSTALLS_MAX: usize = 64;
/// Maximum number of installations of one portal that wait behind the one that is being proven.
/// Further ones get [`AcceptError::Full`].
const INSTALLS_OF_ONE_MAX: usize = 4;
/// Maximum number of payments that are being compared with their portals' answers. Further ones get
/// [`AcceptError::Full`].
const PAYMENTS_MAX: usize = 1;
/// Maximum number of people's tokens that are being checked. Further ones are dropped.
const SPARES_MAX: usize = 2;
/// Maximum number of people's tokens that are checked with one portal in [`SPARES_PERIOD`]. Further
/// ones are dropped.
const SPARES_OF_ONE_MAX: u32 = 30;
/// The period of [`SPARES_OF_ONE_MAX`].
const SPARES_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Maximum number of refused tokens that are recognised and not checked again. The oldest are
/// dropped first.
const SPARES_REFUSED_MAX: usize = 256;

/// The installations, payments and people's tokens that are being proven.
pub(in crate::engine) struct ProofLimits {
    /// The installations, one queue for each portal that they claim: two claims of one portal must
    /// not overtake each other.
    installs: Arc<KeyedQueues<MemberId, PendingInstall>>,
    /// One permit for each payment that may be compared at the same time.
    payments: Semaphore,
    /// One permit for each person's tokens that may be checked at the same time.
    spares: Arc<Semaphore>,
    checked: Mutex<CheckedSpares>,
}

/// The people's tokens that were checked.
#[derive(Default)]
struct CheckedSpares {
    hasher: RandomState,
    /// When the period of each portal began, and how many were checked since then.
    periods: HashMap<MemberId, (Time, u32)>,
    /// The hashes of refused access tokens, oldest first.
    refused: VecDeque<u64>,
}

impl CheckedSpares {
    fn hash(&self, token: &SecretString) -> u64 {
        self.hasher.hash_one(token.expose_secret())
    }

    /// Counts one more check, and returns true if it may be made.
    fn admit(&mut self, portal: &MemberId, token: &SecretString, now: Time) -> bool {
        if self.refused.contains(&self.hash(token)) {
            return false;
        }
        self.periods
            .retain(|_, (began, _)| now.since(*began) < SPARES_PERIOD);
        let (_, count) = self.periods.entry(portal.clone()).or_insert((now, 0));
        *count += 1;
        *count <= SPARES_OF_ONE_MAX
    }

    fn refuse(&mut self, token: &SecretString) {
        self.refused.push_back(self.hash(token));
        let surplus = self.refused.len().saturating_sub(SPARES_REFUSED_MAX);
        self.refused.drain(..surplus);
    }
}

impl ProofLimits {
    pub(in crate::engine) fn new(installs: Arc<KeyedQueues<MemberId, PendingInstall>>) -> Self {
        ProofLimits {
            installs,
            payments: Semaphore::new(PAYMENTS_MAX),
            spares: Arc::new(Semaphore::new(SPARES_MAX)),
            checked: Mutex::default(),
        }
    }

    /// Queues an installation to be proven, and returns where its result will come.
    ///
    /// # Errors
    /// [`AcceptError::Full`] while too many are being proven, in all or of this portal.
    pub(in crate::engine) fn queue(
        &self,
        claim: InstallClaim,
    ) -> Result<oneshot::Receiver<Result<(), AcceptError>>, AcceptError> {
        let is_full = self.installs.waiting() >= INSTALLS_MAX
            || self.installs.waiting_for(&claim.portal) >= INSTALLS_OF_ONE_MAX;
        if is_full {
            return Err(AcceptError::Full);
        }
        let (answer, answered) = oneshot::channel();
        let portal = claim.portal.clone();
        self.installs.push(portal, PendingInstall { claim, answer });
        Ok(answered)
    }

    /// Returns a permit to compare a payment with its portal's answer.
    ///
    /// # Errors
    /// [`AcceptError::Full`] while another one is compared.
    pub(in crate::engine) fn payment(&self) -> Result<SemaphorePermit<'_>, AcceptError> {
        self.payments.try_acquire().map_err(|_| AcceptError::Full)
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
        let is_admitted = lock(&self.checked).admit(portal, token, now);
        is_admitted.then_some(permit)
    }

    /// Stores that a person's tokens were refused, so that they are not checked again.
    pub(in crate::engine) fn refuse_spare(&self, token: &SecretString) {
        lock(&self.checked).refuse(token);
    }

    /// Starts no more proofs.
    pub(in crate::engine) fn close(&self) {
        self.installs.close();
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use crate::engine::accept::proof_limits::*;

    fn claim(portal: usize) -> InstallClaim {
        InstallClaim::new(MemberId::new(portal.to_string()), "a".into(), "r".into())
    }

    /// Limits with proofs that never end.
    fn proofs() -> ProofLimits {
        let never = |_, _| std::future::pending();
        ProofLimits::new(KeyedQueues::new(TaskTracker::new(), INSTALLS_MAX, never))
    }

    #[tokio::test]
    async fn too_many_installations_of_one_portal_are_refused() {
        let proofs = proofs();
        let pending: Vec<_> = (0..=INSTALLS_OF_ONE_MAX)
            .map(|_| proofs.queue(claim(1)).unwrap())
            .collect();
        assert!(matches!(proofs.queue(claim(1)), Err(AcceptError::Full)));
        assert!(proofs.queue(claim(2)).is_ok());
        drop(pending);
    }

    #[tokio::test]
    async fn too_many_installations_are_refused() {
        let proofs = proofs();
        let pending: Vec<_> = (0..INSTALLS_MAX)
            .map(|portal| proofs.queue(claim(portal)).unwrap())
            .collect();
        assert!(matches!(proofs.queue(claim(999)), Err(AcceptError::Full)));
        drop(pending);
    }

    #[test]
    fn a_portal_is_asked_about_a_bounded_number_of_tokens_and_not_again_about_refused_ones() {
        let proofs = proofs();
        let (one, other) = (MemberId::new("1"), MemberId::new("2"));
        let token = |number: u32| SecretString::from(number.to_string());
        let is_checked = |portal, number, at| proofs.spare(portal, &token(number), at).is_some();
        assert!(is_checked(&one, 0, Time(0)));
        proofs.refuse_spare(&token(0));
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
        let proofs = proofs();
        let check = || proofs.spare(&MemberId::new("1"), &"a".into(), Time(0));
        let running: Vec<_> = (0..SPARES_MAX).map(|_| check().unwrap()).collect();
        assert!(check().is_none());
        drop(running);
        assert!(check().is_some());
    }

    #[test]
    fn one_payment_is_compared_at_a_time() {
        let proofs = proofs();
        let first = proofs.payment().unwrap();
        assert!(matches!(proofs.payment(), Err(AcceptError::Full)));
        drop(first);
        assert!(proofs.payment().is_ok());
    }
}
