//! Ways to bring a store into states that are hard to reach otherwise, for tests (feature
//! `testing`).

use super::Postgres;
use super::fault::Fault;
use crate::store::{Partition, StoreError};

impl Postgres {
    /// Makes this process the owner of all partitions, as if it had taken over each.
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
        Ok(())
    }
}
