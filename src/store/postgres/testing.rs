//! Ways to bring a store into states that are hard to reach otherwise, for tests (feature
//! `testing`).

use std::time::Duration;

use tokio::sync::mpsc;

use secrecy::SecretString;

use super::fault::Fault;
use super::members::Instant;
use super::{Postgres, PostgresError};
use crate::store::{Key, OwnershipChange, OwnershipChanges, Partition, StoreError};

/// How long a process that owns everything by force believes in it.
const TRUST: Duration = Duration::from_secs(60 * 60);

impl Postgres {
    /// Opens the store like [`open`](Self::open). Its operations wait for at most `patience` for a
    /// database that is away.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_impatient(
        url: &SecretString,
        keys: &[Key],
        patience: Duration,
    ) -> Result<Self, PostgresError> {
        Self::start(url, keys, false, patience)
    }

    /// Makes this process the owner of all partitions, as if it had taken over each. It renews no
    /// lease, and believes in its ownership for an hour, whatever others do.
    ///
    /// # Errors
    /// The change could not be stored.
    pub async fn own_everything(&self) -> Result<(), StoreError> {
        let own = self.job(self.holdings.member(), |db, member| {
            Box::pin(async move {
                let sql = "UPDATE partition SET owner = $1, epoch = epoch + 1
                           RETURNING id, epoch";
                let mut owned = Vec::new();
                for row in db.list(sql, &[member]).await? {
                    let (id, epoch): (i16, i64) = (row.try_get(0)?, row.try_get(1)?);
                    owned.push((Partition(u8::try_from(id).unwrap_or_default()), epoch));
                }
                Ok::<_, Fault>(owned)
            })
        });
        for (partition, epoch) in own.await.map_err(|fault| self.failed(fault))? {
            self.holdings.gain(partition, epoch);
        }
        self.holdings.trust_until(Instant::now().after(TRUST));
        Ok(())
    }

    /// Returns the changes of a process that owns everything without a lease.
    pub(super) fn forced_changes(&self) -> Option<OwnershipChanges> {
        if self.members.has_joined() {
            return None;
        }
        let owned = self.holdings.owned();
        let (sender, changes) = mpsc::unbounded_channel();
        for (partition, _) in &owned {
            let _ = sender.send(OwnershipChange::Gained(*partition)); // the receiver is here
        }
        (!owned.is_empty()).then(|| OwnershipChanges::new(changes))
    }
}
