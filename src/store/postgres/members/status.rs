//! The members and their partitions, for `store status`.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::store::postgres::fault::Fault;
use crate::store::postgres::number;
use crate::store::postgres::session::Session;
use crate::store::{Partition, Time};

/// The processes that work on a store, and what each owns.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Members {
    /// All processes, by name. A process that ended without leaving stays here for a day.
    pub members: Vec<MemberStatus>,
    /// All partitions, by number.
    pub partitions: Vec<PartitionStatus>,
}

/// A process that works on a store.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MemberStatus {
    /// Its id, another one after each start.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The version of its program.
    pub program: String,
    /// The version of the schema that its program knows.
    pub schema: u32,
    /// Its state: `live`, `leaving` while it stops, or `dead` after the others have evicted it.
    pub state: String,
    /// The time since its last renewal, on the server's clock.
    pub renewed_before: Duration,
    /// Number of partitions that it owns.
    pub partitions: usize,
}

/// A partition, with its owner and what waits in it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The number of the partition.
    pub id: u8,
    /// The id of its owner. `None` while it moves.
    pub owner: Option<String>,
    /// The number of its owners so far.
    pub epoch: i64,
    /// The id of the process that has asked for it.
    pub wanted: Option<String>,
    /// The name of the process that an operator has moved it to.
    pub pinned: Option<String>,
    /// Number of portals with an installation.
    pub portals: u64,
    /// Number of waiting events.
    pub events: u64,
    /// Arrival of the oldest waiting event.
    pub oldest_event: Option<Time>,
}

impl PartitionStatus {
    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        Partition(self.id)
    }
}

/// Reads the members and partitions.
pub(super) async fn read(db: &Session) -> Result<Members, Fault> {
    let sql = "SELECT partition.id, owner, epoch, wanted, pinned, events, oldest,
                      (SELECT count(*) FROM portal WHERE portal.partition = partition.id)
               FROM partition LEFT JOIN
                    (SELECT partition, count(*) AS events, min(at) AS oldest FROM event
                     GROUP BY partition) AS waiting
                    ON waiting.partition = partition.id
               ORDER BY partition.id";
    let mut status = Members::default();
    for row in db.list(sql, &[]).await? {
        let (id, events): (i16, Option<i64>) = (row.try_get(0)?, row.try_get(5)?);
        let oldest: Option<i64> = row.try_get(6)?;
        status.partitions.push(PartitionStatus {
            id: u8::try_from(id).unwrap_or(u8::MAX),
            owner: text(row.try_get(1)?),
            epoch: row.try_get(2)?,
            wanted: text(row.try_get(3)?),
            pinned: row.try_get(4)?,
            portals: number::from_sql(row.try_get(7)?),
            events: events.map(number::from_sql).unwrap_or_default(),
            oldest_event: oldest.map(number::time_of),
        });
    }
    let sql = "SELECT id, name, program, schema, state,
               (extract(epoch FROM now() - at) * 1000)::bigint
               FROM member ORDER BY name, id";
    for row in db.list(sql, &[]).await? {
        let id = row.try_get::<_, Uuid>(0)?.to_string();
        let (schema, renewed): (i32, i64) = (row.try_get(3)?, row.try_get(5)?);
        let owned = status.partitions.iter();
        let owned = owned
            .filter(|partition| partition.owner.as_ref() == Some(&id))
            .count();
        status.members.push(MemberStatus {
            id,
            name: row.try_get(1)?,
            program: row.try_get(2)?,
            schema: schema.try_into().unwrap_or_default(),
            state: row.try_get(4)?,
            renewed_before: Duration::from_millis(number::from_sql(renewed)),
            partitions: owned,
        });
    }
    Ok(status)
}

fn text(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}
