//! Where the store is, as `--store` names it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::MEMORY;

/// The place of the store. Its texts contain no password.
#[derive(Clone)]
#[non_exhaustive]
pub enum StorePlace {
    /// In memory: everything is lost when the program ends.
    Memory,
    /// A file.
    File(PathBuf),
    /// A PostgreSQL database, by its address, such as `postgres://user:password@host/database`.
    Postgres(SecretString),
}

impl From<PathBuf> for StorePlace {
    fn from(file: PathBuf) -> Self {
        match file.to_str() {
            Some(MEMORY) => Self::Memory,
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Self::Postgres(url.into())
            }
            _ => Self::File(file),
        }
    }
}

impl From<&str> for StorePlace {
    fn from(place: &str) -> Self {
        PathBuf::from(place).into()
    }
}

impl From<OsString> for StorePlace {
    fn from(place: OsString) -> Self {
        PathBuf::from(place).into()
    }
}

impl fmt::Display for StorePlace {
    /// Writes the file, or the address without password and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(MEMORY),
            Self::File(file) => file.display().fmt(f),
            Self::Postgres(url) => f.write_str(&without_secrets(url.expose_secret())),
        }
    }
}

impl fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePlace({self})")
    }
}

/// Returns an address without its password and options. Nothing of an address is kept that could be
/// a part of the password, such as an unescaped `@` or `/` in it.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user = user.split(':').next().unwrap_or_default();
            (format!("{user}@"), place)
        }
        None => (String::new(), rest),
    };
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{user}{place}")
}

/// Returns the parser of the flag. It accepts any text that is not empty.
#[cfg(feature = "cli")]
pub(super) fn parser() -> impl clap::builder::TypedValueParser<Value = StorePlace> {
    use clap::builder::{PathBufValueParser, TypedValueParser};
    PathBufValueParser::new().map(StorePlace::from)
}

#[cfg(test)]
mod tests {
    use crate::config::place::*;

    #[test]
    fn an_address_of_postgresql_is_recognised_and_anything_else_is_a_file() {
        assert!(matches!(StorePlace::from("memory"), StorePlace::Memory));
        for url in ["postgres://host/x", "postgresql:///x"] {
            assert!(matches!(StorePlace::from(url), StorePlace::Postgres(_)));
        }
        for file in ["imbot.db", "postgres", "./postgres:/x", "/srv/memory"] {
            assert!(
                matches!(StorePlace::from(file), StorePlace::File(_)),
                "{file}"
            );
        }
    }

    #[test]
    fn the_password_of_an_address_is_never_shown() {
        for (url, shown) in [
            (
                "postgres://bot:s3cret@db:5432/bots",
                "postgres://bot@db:5432/bots",
            ),
            (
                "postgres://bot:a@s3cret@db/bots?sslmode=require",
                "postgres://bot@db/bots",
            ),
            (
                "postgresql://db/bots?password=s3cret",
                "postgresql://db/bots",
            ),
            ("postgres://bot:s3/cret@db", "postgres://bot@db"),
        ] {
            let place = StorePlace::from(url);
            assert_eq!(place.to_string(), shown);
            assert_eq!(format!("{place:?}"), format!("StorePlace({shown})"));
        }
    }
}
