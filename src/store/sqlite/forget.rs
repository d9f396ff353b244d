//! Forgetting people: everything that is stored of some conversations, in every table.

use rusqlite::params;

use super::db::Db;
use super::{Fault, dead, inbox, notices, text};
use crate::event::MemberId;
use crate::store::{Conversation, ForgetScope};

/// Which texts of conversations are meant: all that lie between two texts, and end like this. An index finds the range.
pub(super) struct Meant {
    from: String,
    to: String,
    end: String,
}

impl Meant {
    /// Those that one asks to forget.
    pub(super) fn by(whom: &ForgetScope) -> Meant {
        match whom {
            ForgetScope::Conversation(key) => Meant::one(key),
            ForgetScope::User { portal, user } => Meant {
                end: format!("/{user}"),
                ..Meant::all_of(portal)
            },
        }
    }

    fn one(key: &Conversation) -> Meant {
        let text = text::conversation(key);
        Meant {
            from: text.clone(),
            to: text,
            end: String::new(),
        }
    }

    /// All on a portal: keys with a number after its name, so that hooks and the application's lane are not among them.
    pub(super) fn all_of(portal: &MemberId) -> Meant {
        let portal = text::portal(portal);
        Meant {
            from: format!("{portal}0"),
            to: format!("{portal}:"),
            end: String::new(),
        }
    }
}

/// Where a text of a conversation is meant.
fn is_meant(column: &str) -> String {
    format!("{column} BETWEEN ?1 AND ?2 AND (?3 = '' OR substr({column}, -length(?3)) = ?3)")
}

/// Forgets, and tells how many things that were.
pub(super) fn forget(db: &Db, meant: &Meant) -> Result<u64, Fault> {
    let blocked = dead::blocked(db)?;
    for (table, lane) in [("event", "lane"), ("dead", "lane")] {
        release_bodies(db, meant, table, lane)?;
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
        let sql = format!("DELETE FROM {table} WHERE {}", is_meant(column));
        forgotten += db.execute(&sql, params![meant.from, meant.to, meant.end])? as u64;
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
        .filter(|lane| !left.contains(lane))
        .collect();
    notices::tell_open(db, open)?;
    Ok(forgotten)
}

fn release_bodies(db: &Db, meant: &Meant, table: &str, lane: &str) -> Result<(), Fault> {
    let sql = format!(
        "SELECT body FROM {table} WHERE body IS NOT NULL AND {}",
        is_meant(lane)
    );
    let bodies = db.list(&sql, params![meant.from, meant.to, meant.end], |row| {
        Ok(row.get::<_, u64>(0)?)
    })?;
    bodies
        .into_iter()
        .try_for_each(|body| inbox::release(db, body))
}
