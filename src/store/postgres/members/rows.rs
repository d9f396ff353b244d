//! The rows of members and partitions, as statements of the lease's session.
//!
//! That session does not wait for the disk (`synchronous_commit = off`): renewals must not wait
//! longer than the trust in them lasts, and a hand-over should be quick. A crash of the server may
//! lose the last of these changes, but only together with everything that their member has
//! committed after them.

use uuid::Uuid;

use super::lease::{MemberRow, MemberState, PartitionRow, View};
use crate::store::Partition;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::fence::PARTITIONS;
use crate::store::postgres::session::Session;
use crate::store::postgres::{number, schema};

/// Adds a member.
pub(super) async fn join(db: &Session, me: Uuid, name: &str) -> Result<(), Fault> {
    let sql = "INSERT INTO member (id, name, beat, state, program, schema)
               VALUES ($1, $2, 0, 'live', $3, $4) ON CONFLICT DO NOTHING";
    let schema = i32::try_from(schema::version()).unwrap_or(i32::MAX);
    let program = env!("CARGO_PKG_VERSION");
    db.execute(sql, &[&me, &name, &program, &schema])
        .await
        .map(drop)
}

/// Increments the beat of a member. Returns false if it was evicted or removed.
pub(super) async fn renew(db: &Session, me: Uuid) -> Result<bool, Fault> {
    let sql = "UPDATE member SET beat = beat + 1, at = now() WHERE id = $1 AND state <> 'dead'";
    Ok(db.execute(sql, &[&me]).await? > 0)
}

/// Reads all rows. An owner that is missing among the members was removed before, since the
/// partitions are read first.
pub(super) async fn view(db: &Session) -> Result<View, Fault> {
    let sql = "SELECT id, owner, epoch, wanted, pinned FROM partition ORDER BY id";
    let mut partitions = Vec::with_capacity(PARTITIONS);
    for row in db.list(sql, &[]).await? {
        let id: i16 = row.try_get(0)?;
        if usize::try_from(id) == Ok(partitions.len()) {
            partitions.push(PartitionRow {
                owner: row.try_get(1)?,
                epoch: row.try_get(2)?,
                wanted: row.try_get(3)?,
                pinned: row.try_get(4)?,
            });
        }
    }
    if partitions.len() != PARTITIONS {
        return Err(Fault::Client(format!(
            "the table partition has {} of {PARTITIONS} rows",
            partitions.len()
        )));
    }
    let sql = "SELECT id, name, beat, state FROM member";
    let mut members = Vec::new();
    for row in db.list(sql, &[]).await? {
        members.push(MemberRow {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            beat: row.try_get(2)?,
            state: state(row.try_get(3)?),
        });
    }
    Ok(View {
        members,
        partitions,
    })
}

fn state(state: &str) -> MemberState {
    match state {
        "live" => MemberState::Live,
        "dead" => MemberState::Dead,
        // A state of a newer version does not gain partitions from this one.
        _ => MemberState::Leaving,
    }
}

/// Evicts a member whose beat stands still. Returns false if its beat has changed meanwhile,
/// another member was quicker, or a session holds a lock on its row: renewals must not wait.
pub(super) async fn evict(db: &Session, member: Uuid, beat: i64) -> Result<bool, Fault> {
    let sql = "WITH silent AS MATERIALIZED (
            SELECT id FROM member WHERE id = $1 AND beat = $2 AND state <> 'dead'
            FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE member SET state = 'dead' FROM silent WHERE member.id = silent.id";
    Ok(db.execute(sql, &[&member, &beat]).await? > 0)
}

/// Removes members that were evicted and own nothing, a day later.
pub(super) async fn remove_dead(db: &Session) -> Result<(), Fault> {
    let sql = "DELETE FROM member WHERE state = 'dead' AND at < now() - interval '1 day'
               AND NOT EXISTS (SELECT 1 FROM partition WHERE owner = member.id)";
    db.execute(sql, &[]).await.map(drop)
}

/// Takes partitions without a living owner. Returns those that were taken, with their new epochs.
///
/// The lock is the one that the fence of every write excludes, so a write of an earlier owner is
/// either committed before or refused. Rows that are locked are left for the next time, because
/// renewals must not wait.
pub(super) async fn take(
    db: &Session,
    me: Uuid,
    partitions: &[Partition],
) -> Result<Vec<(Partition, i64)>, Fault> {
    let sql = "WITH free AS MATERIALIZED (
            SELECT id FROM partition
            WHERE id = ANY($2) AND EXISTS (SELECT 1 FROM member WHERE id = $1 AND state = 'live')
            AND NOT EXISTS (SELECT 1 FROM member WHERE id = owner AND state <> 'dead')
            ORDER BY id FOR UPDATE OF partition SKIP LOCKED
        )
        UPDATE partition SET owner = $1, epoch = epoch + 1, wanted = NULL
        FROM free WHERE partition.id = free.id
        RETURNING partition.id, epoch";
    let mut taken = Vec::new();
    for row in db.list(sql, &[&me, &numbers(partitions)]).await? {
        let id: i16 = row.try_get(0)?;
        if let Ok(id) = u8::try_from(id) {
            taken.push((Partition(id), row.try_get(1)?));
        }
    }
    taken.sort_unstable();
    Ok(taken)
}

/// Asks the owners of partitions for them.
pub(super) async fn want(db: &Session, me: Uuid, partitions: &[Partition]) -> Result<u64, Fault> {
    let sql = "WITH owned AS MATERIALIZED (
            SELECT id FROM partition WHERE id = ANY($2) AND owner IS NOT NULL
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE partition SET wanted = $1 FROM owned WHERE partition.id = owned.id";
    db.execute(sql, &[&me, &numbers(partitions)]).await
}

/// Gives up partitions with these epochs. They stay wanted by those that asked for them.
pub(super) async fn release(
    db: &Session,
    me: Uuid,
    owned: &[(Partition, i64)],
) -> Result<(), Fault> {
    let sql = "UPDATE partition SET owner = NULL
               FROM unnest($2::smallint[], $3::bigint[]) AS own (id, epoch)
               WHERE partition.id = own.id AND partition.epoch = own.epoch AND owner = $1";
    let (partitions, epochs): (Vec<Partition>, Vec<i64>) = owned.iter().copied().unzip();
    db.execute(sql, &[&me, &numbers(&partitions), &epochs])
        .await
        .map(drop)
}

/// Announces that a member is about to stop.
pub(super) async fn leave(db: &Session, me: Uuid) -> Result<(), Fault> {
    let sql = "UPDATE member SET state = 'leaving' WHERE id = $1 AND state = 'live'";
    db.execute(sql, &[&me]).await.map(drop)
}

/// Gives up all partitions of a member, and removes it.
pub(super) async fn remove(db: &Session, me: Uuid) -> Result<(), Fault> {
    db.transaction(async {
        let sql = "UPDATE partition SET owner = NULL WHERE owner = $1";
        db.execute(sql, &[&me]).await?;
        db.execute("DELETE FROM member WHERE id = $1", &[&me]).await
    })
    .await
    .map(drop)
}

/// Moves a partition to the member of this name, for as long as one lives, or to none. Returns
/// false if no member of this name lives.
pub(super) async fn pin(
    db: &Session,
    partition: Partition,
    name: Option<&str>,
) -> Result<bool, Fault> {
    let sql = "UPDATE partition SET pinned = $2 WHERE id = $1
               AND ($2::text IS NULL OR EXISTS (SELECT 1 FROM member WHERE name = $2 AND state = 'live'))";
    let partition = number::partition(partition);
    Ok(db.execute(sql, &[&partition, &name]).await? > 0)
}

fn numbers(partitions: &[Partition]) -> Vec<i16> {
    partitions.iter().copied().map(number::partition).collect()
}
