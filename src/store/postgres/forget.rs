//! Removes everything that is stored of some conversations, in every table.

use super::fault::Fault;
use super::fence::partition_of;
use super::session::Session;
use super::{dead, notices, number};
use crate::event::MemberId;
use crate::store::text;
use crate::store::turn::PART;
use crate::store::{Conversation, ForgetScope};

/// A selection of conversations of one portal by their texts: one, and a range with a suffix.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    partition: i16,
    one: String,
    from: String,
    to: String,
    suffix: String,
}

impl Selection {
    /// Returns the selection of a scope.
    pub(super) fn new(scope: &ForgetScope) -> Self {
        match scope {
            ForgetScope::Conversation(key) => Self::one(key),
            ForgetScope::User { portal, user } => Self {
                suffix: format!("/{user}"),
                ..Self::all_of(portal)
            },
        }
    }

    /// Returns the selection of a conversation, its parts and the own states of its people.
    fn one(key: &Conversation) -> Self {
        let (from, to) = text::parts(key);
        Self {
            partition: number::partition(number::partition_of_chat(key)),
            one: text::conversation(key),
            from,
            to,
            suffix: String::new(),
        }
    }

    /// Returns the selection of all conversations on a portal: a number follows the portal's name,
    /// so the keys of hooks and of the application are not included.
    pub(super) fn all_of(portal: &MemberId) -> Self {
        let partition = number::partition(partition_of(portal));
        let portal = text::portal(portal);
        Self {
            partition,
            one: String::new(),
            from: format!("{portal}0"),
            to: format!("{portal}:"),
            suffix: String::new(),
        }
    }
}

/// Returns the SQL condition that a column is selected. Texts are compared by their bytes.
fn is_selected(column: &str) -> String {
    format!("partition = $1 AND {}", is_in_range(column))
}

fn is_in_range(column: &str) -> String {
    format!(
        "({column} = $5 OR {column} COLLATE \"C\" BETWEEN $2 AND $3
         AND ($4 = '' OR right({column}, length($4)) = $4
              OR position($4 || '{PART}' IN {column}) > 0))"
    )
}

/// Removes the selected rows. Returns their number.
pub(super) async fn forget(db: &Session, selection: &Selection) -> Result<u64, Fault> {
    let Selection {
        partition,
        one,
        from,
        to,
        suffix,
    } = selection;
    let blocked = dead::blocked(db).await?;
    let mut removed = 0;
    for table in ["state", "quarantined", "reminder"] {
        let sql = format!("DELETE FROM {table} WHERE {}", is_selected("conversation"));
        removed += db
            .execute(&sql, &[partition, from, to, suffix, one])
            .await?;
    }
    // A message that was moved from a file may be in another partition than its conversation.
    let sql = format!(
        "DELETE FROM message WHERE $1::smallint >= 0 AND {}",
        is_in_range("conversation")
    );
    removed += db
        .execute(&sql, &[partition, from, to, suffix, one])
        .await?;
    let sql = format!(
        "WITH gone AS (DELETE FROM call WHERE {} RETURNING partition, event, place),
              marks AS (DELETE FROM taken USING gone
                        WHERE taken.partition = gone.partition AND taken.event = gone.event
                        AND taken.place = gone.place)
         SELECT count(*) FROM gone",
        is_selected("conversation")
    );
    removed += count(db, &sql, selection).await?;
    for table in ["event", "dead"] {
        let sql = format!(
            "WITH gone AS (DELETE FROM {table} WHERE {} RETURNING partition, body)
             SELECT count(*), release(array_agg(partition), array_agg(body)) FROM gone",
            is_selected("ordering_key")
        );
        removed += count(db, &sql, selection).await?;
    }
    let left = dead::blocked(db).await?;
    let unblocked = blocked
        .into_iter()
        .filter(|key| !left.contains(key))
        .collect();
    notices::add_unblocked(db, unblocked).await?;
    Ok(removed)
}

async fn count(db: &Session, sql: &str, selection: &Selection) -> Result<u64, Fault> {
    let Selection {
        partition,
        one,
        from,
        to,
        suffix,
    } = selection;
    let row = db.find(sql, &[partition, from, to, suffix, one]).await?;
    let count: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(count.map(number::from_sql).unwrap_or_default())
}
