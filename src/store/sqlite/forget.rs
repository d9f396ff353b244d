//! Removes everything that is stored of some conversations, in every table.

use rusqlite::params;

use super::db::Db;
use super::{Fault, dead, inbox, notices};
use crate::event::MemberId;
use crate::store::text;
use crate::store::turn::PART;
use crate::store::{Conversation, ForgetScope};

/// A selection of conversations by their texts: one, and a range, which an index finds, with a
/// suffix.
pub(super) struct Selection {
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
            one: text::conversation(key),
            from,
            to,
            suffix: String::new(),
        }
    }

    /// Returns the selection of all conversations on a portal: a number follows the portal's name,
    /// so the keys of hooks and of the application are not included.
    pub(super) fn all_of(portal: &MemberId) -> Self {
        let portal = text::portal(portal);
        Self {
            one: String::new(),
            from: format!("{portal}0"),
            to: format!("{portal}:"),
            suffix: String::new(),
        }
    }
}

/// Returns the SQL condition that a column is selected.
fn is_selected(column: &str) -> String {
    format!(
        "({column} = ?4 OR {column} BETWEEN ?1 AND ?2
         AND (?3 = '' OR substr({column}, -length(?3)) = ?3 OR instr({column}, ?3 || '{PART}') > 0))"
    )
}

/// Removes the selected rows. Returns their number.
pub(super) fn forget(db: &Db, selection: &Selection) -> Result<u64, Fault> {
    let blocked = dead::blocked(db)?;
    for (table, key) in [("event", "lane"), ("dead", "lane")] {
        release_bodies(db, selection, table, key)?;
    }
    let mut removed = 0;
    for (table, column) in [
        ("state", "conversation"),
        ("aside", "conversation"),
        ("event", "lane"),
        ("dead", "lane"),
        ("reminder", "conversation"),
        ("call", "conversation"),
        ("message", "conversation"),
    ] {
        let sql = format!("DELETE FROM {table} WHERE {}", is_selected(column));
        removed += db.execute(
            &sql,
            params![
                selection.from,
                selection.to,
                selection.suffix,
                selection.one
            ],
        )? as u64;
    }
    db.execute(
        "DELETE FROM attempt WHERE event NOT IN (SELECT id FROM event)",
        [],
    )?;
    db.execute(
        "DELETE FROM taken WHERE call NOT IN (SELECT id FROM call)",
        [],
    )?;
    let left = dead::blocked(db)?;
    let unblocked = blocked
        .into_iter()
        .filter(|key| !left.contains(key))
        .collect();
    notices::add_unblocked(db, unblocked)?;
    Ok(removed)
}

fn release_bodies(db: &Db, selection: &Selection, table: &str, key: &str) -> Result<(), Fault> {
    let sql = format!(
        "SELECT body FROM {table} WHERE body IS NOT NULL AND {}",
        is_selected(key)
    );
    let bodies = db.list(
        &sql,
        params![
            selection.from,
            selection.to,
            selection.suffix,
            selection.one
        ],
        |row| Ok(row.get::<_, u64>(0)?),
    )?;
    bodies
        .into_iter()
        .try_for_each(|body| inbox::release(db, body))
}
