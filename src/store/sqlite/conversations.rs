//! The list of conversations, and their parts.

use rusqlite::params;

use super::Fault;
use super::db::{Db, conversation_at};
use super::turns::state_at;
use crate::store::listing::Listing;
use crate::store::text;
use crate::store::turn::PART;
use crate::store::{Conversation, ListedConversation, PartScope, StoredState, Time};

/// Number of rows that are read at a time.
const ROWS: usize = 1_000;

/// Returns the conversations whose texts are in this range, in order.
pub(super) fn list(
    db: &Db,
    from: &str,
    to: &str,
    limit: usize,
) -> Result<Vec<ListedConversation>, Fault> {
    let sql = "SELECT conversation, at FROM state
               WHERE conversation > ?1 AND conversation <= ?2 ORDER BY conversation LIMIT ?3";
    let mut listing = Listing::new(limit);
    let mut from = from.to_owned();
    loop {
        let rows = db.list(sql, params![from, to, ROWS], |row| {
            Ok((conversation_at(row, 0)?, Time(row.get(1)?)))
        })?;
        let is_full = rows.iter().any(|(key, at)| !listing.add(key, *at));
        if is_full || rows.len() < ROWS {
            return Ok(listing.page);
        }
        from = rows.last().map_or(from, |(key, _)| text::conversation(key));
    }
}

/// Returns the parts in this scope that come after the text `after`, in order.
pub(super) fn parts(
    db: &Db,
    scope: &PartScope,
    after: &str,
    limit: usize,
) -> Result<Vec<(Conversation, StoredState)>, Fault> {
    let named = "SELECT version, data, conversation FROM state
                 WHERE substr(conversation, -length(?1)) = ?1 AND conversation > ?2
                 ORDER BY conversation LIMIT ?3";
    let of_one = "SELECT version, data, conversation FROM state
                  WHERE conversation BETWEEN ?1 AND ?2 AND conversation > ?3
                  ORDER BY conversation LIMIT ?4";
    let read = |row: &rusqlite::Row<'_>| Ok((conversation_at(row, 2)?, state_at(row)?));
    match scope {
        PartScope::Named { name, .. } => {
            db.list(named, params![format!("{PART}{name}"), after, limit], read)
        }
        PartScope::Of(key) => {
            let from = format!("{}{PART}", text::conversation(key));
            let to = format!("{from}{}", char::MAX);
            db.list(of_one, params![from, to, after, limit], read)
        }
    }
}
