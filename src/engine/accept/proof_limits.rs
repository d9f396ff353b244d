//! Bounds for what has to be proven before it is accepted: anybody can post an installation or a
//! payment.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::install::{InstallClaim, PendingInstall};
use crate::engine::AcceptError;
use crate::engine::keyed_queues::KeyedQueues;
use crate::event::MemberId;

/// Maximum number of installations that are being proven or wait for it. Further ones get
/// [`AcceptError::Full`].
pub const INSTALLS_MAX: usize = 64;
/// Maximum number of installations of one portal that wait behind the one that is being proven.
/// Further ones get [`AcceptError::Full`].
const INSTALLS_OF_ONE_MAX: usize = 4;
/// Maximum number of payments that are being compared with their portals' answers. Further ones get
/// [`AcceptError::Full`].
const PAYMENTS_MAX: usize = 1;

/// The installations and payments that are being proven.
pub(in crate::engine) struct ProofLimits {
    /// The installations, one queue for each portal that they claim: two claims of one portal must
    /// not overtake each other.
    installs: Arc<KeyedQueues<MemberId, PendingInstall>>,
    /// One permit for each payment that may be compared at the same time.
    payments: Semaphore,
}

impl ProofLimits {
    pub(in crate::engine) fn new(installs: Arc<KeyedQueues<MemberId, PendingInstall>>) -> Self {
        ProofLimits {
            installs,
            payments: Semaphore::new(PAYMENTS_MAX),
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
    fn one_payment_is_compared_at_a_time() {
        let proofs = proofs();
        let first = proofs.payment().unwrap();
        assert!(matches!(proofs.payment(), Err(AcceptError::Full)));
        drop(first);
        assert!(proofs.payment().is_ok());
    }
}
