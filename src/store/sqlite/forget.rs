//! Forgetting people: everything that is stored of some conversations, in every table.

use rusqlite::params;

use super::db::Db;
use super::{Fault, dead, inbox, notices, text};
use crate::event::MemberId;
use crate::store::{Conversation, ForgetScope};

/// Which texts of conversations are selection: all that lie between two texts, and end like this. An index finds the range.
pub(super) struct Selection {
    from: String,
    to: String,
    end: String,
}

impl Selection {
    /// Those that one asks to forget.
    pub(super) fn by(whom: &ForgetScope) -> Selection {
        match whom {
            ForgetScope::Conversation(key) => Selection::one(key),
            ForgetScope::User { portal, user } => Selection {
                end: format!("/{user}"),
                ..Selection::all_of(portal)
            },
        }
    }

    fn one(key: &Conversation) -> Selection {
        let text = text::conversation(key);
        Selection {
            from: text.clone(),
            to: text,
            end: String::new(),
        }
    }

    /// All on a portal: keys with a number after its name, so that hooks and the application's key are not among them.
    pub(super) fn all_of(portal: &MemberId) -> Selection {
        let portal = text::portal(portal);
        Selection {
            from: format!("{portal}0"),
            to: format!("{portal}:"),
            end: String::new(),
        }
    }
}

/// Where a text of a conversation is selection.
fn is_selected(column: &str) -> String {
    format!("{column} BETWEEN ?1 AND ?2 AND (?3 = '' OR substr({column}, -length(?3)) = ?3)")
}

/// Forgets, and tells how many things that were.
pub(super) fn forget(db: &Db, selection: &Selection) -> Result<u64, Fault> {
    let blocked = dead::blocked(db)?;
    for (table, key) in [("event", "lane"), ("dead", "lane")] {
        release_bodies(db, selection, table, key)?;
    }
    let mut forgotten = 0;
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
        forgotten += db.execute(&sql, params![selection.from, selection.to, selection.end])? as u64;
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
    let open = blocked
        .into_iter()
        .filter(|key| !left.contains(key))
        .collect();
    notices::tell_unblocked(db, open)?;
    Ok(forgotten)
}

fn release_bodies(db: &Db, selection: &Selection, table: &str, key: &str) -> Result<(), Fault> {
    let sql = format!(
        "SELECT body FROM {table} WHERE body IS NOT NULL AND {}",
        is_selected(key)
    );
    let bodies = db.list(
        &sql,
        params![selection.from, selection.to, selection.end],
        |row| Ok(row.get::<_, u64>(0)?),
    )?;
    bodies
        .into_iter()
        .try_for_each(|body| inbox::release(db, body))
}
