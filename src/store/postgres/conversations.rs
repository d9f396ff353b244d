//! The list of conversations, and their parts.
//!
//! Texts are compared by their bytes, as in the other stores, which the index of the table does not
//! support: each page sorts the rest of the rows. So pages are long.

use tokio_postgres::Row;

use super::fault::Fault;
use super::fence::partition_of;
use super::number;
use super::session::Session;
use super::turns::state_at;
use crate::event::MemberId;
use crate::store::listing::Listing;
use crate::store::text;
use crate::store::turn::PART;
use crate::store::{
    Conversation, ListScope, ListedConversation, PartScope, Partition, StoredState,
};

/// Number of rows that are read at a time.
const ROWS: usize = 10_000;

/// A range of texts, in one partition or in all.
#[derive(Debug)]
pub(super) struct Range {
    partition: Option<i16>,
    from: String,
    to: String,
}

impl Range {
    /// Returns the range of a scope behind the conversation `after`.
    pub(super) fn new(scope: &ListScope, after: Option<&Conversation>) -> Self {
        let portal: Option<&MemberId> = match scope {
            ListScope::All => None,
            ListScope::Portal(portal) | ListScope::Bot(portal, _) => Some(portal),
        };
        let (from, to) = text::scope(scope, after);
        Self {
            partition: portal.map(|portal| number::partition(partition_of(portal))),
            from,
            to,
        }
    }
}

/// Returns the conversations in a range, in order.
pub(super) async fn list(
    db: &Session,
    range: &Range,
    limit: usize,
) -> Result<Vec<ListedConversation>, Fault> {
    const SQL: &str = "SELECT conversation, at FROM state
        WHERE ($1::smallint IS NULL OR partition = $1)
        AND conversation COLLATE \"C\" > $2 AND conversation COLLATE \"C\" <= $3
        ORDER BY conversation COLLATE \"C\" LIMIT $4";
    let mut listing = Listing::new(limit);
    let (mut from, rows_max) = (range.from.clone(), ROWS as i64);
    loop {
        let rows = db
            .list(SQL, &[&range.partition, &from, &range.to, &rows_max])
            .await?;
        for row in &rows {
            let key = text::parse_conversation(row.try_get(0)?)?;
            if !listing.add(&key, number::time_of(row.try_get(1)?)) {
                return Ok(listing.page);
            }
        }
        match rows.last() {
            Some(last) if rows.len() >= ROWS => from = last.try_get(0)?,
            _ => return Ok(listing.page),
        }
    }
}

/// Returns the parts in this scope that come after the text `after`, in order.
pub(super) async fn parts(
    db: &Session,
    scope: &PartScope,
    after: &str,
    limit: usize,
) -> Result<Vec<(Conversation, StoredState)>, Fault> {
    const NAMED: &str = "SELECT version, data, conversation FROM state
        WHERE ($1::smallint IS NULL OR partition = $1)
        AND right(conversation, length($2)) = $2 AND conversation COLLATE \"C\" > $3
        ORDER BY conversation COLLATE \"C\" LIMIT $4";
    const OF_ONE: &str = "SELECT version, data, conversation FROM state
        WHERE partition = $1 AND left(conversation, length($2)) = $2
        AND conversation COLLATE \"C\" > $3
        ORDER BY conversation COLLATE \"C\" LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match scope {
        PartScope::Named { partition, name } => {
            let partition: Option<i16> = partition.map(number::partition);
            let suffix = format!("{PART}{name}");
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&partition, &suffix, &after, &limit];
            db.list(NAMED, &params).await?
        }
        PartScope::Of(key) => {
            let partition: Partition = partition_of(&key.portal);
            let prefix = format!("{}{PART}", text::conversation(key));
            let partition = number::partition(partition);
            db.list(OF_ONE, &[&partition, &prefix, &after, &limit])
                .await?
        }
    };
    let read = |row: &Row| {
        let key = text::parse_conversation(row.try_get(2)?)?;
        Ok((key, state_at(row, 0)?))
    };
    rows.iter().map(read).collect()
}
