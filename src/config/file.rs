//! The settings file. Its values become clap's defaults, so flags and environment variables take
//! precedence.
//!
//! A value from the file is parsed by the parser of its flag. Every value is checked here first,
//! also those that the current command does not use, so that an error names the line.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use clap::Command;
use toml::de::{DeInteger, DeTable, DeValue};

use super::setting::{Setting, key_of};
use crate::platform;

/// The file that is read if it exists and no other is named.
const FILE: &str = "imbot.toml";

/// Minimum similarity between an unknown key and a suggested one, from 0 to 1.
const SIMILARITY_MIN: f64 = 0.7;

/// The valid settings of a file.
#[derive(Default)]
pub(crate) struct File {
    path: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

/// The values of a setting, and their line in the file.
struct Entry {
    line: usize,
    values: Vec<String>,
}

impl File {
    /// Reads the named file, or the usual one if it exists.
    ///
    /// # Errors
    /// The file cannot be read or is invalid, or other users may read a secret in it.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, FileError> {
        let path = named.unwrap_or(Path::new(FILE));
        match Self::read(path) {
            Err(FileError::Unreadable { source, .. })
                if named.is_none() && source.kind() == ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            result => result,
        }
    }

    fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let mut file = fs::File::open(path).map_err(unreadable)?;
        file.read_to_string(&mut text).map_err(unreadable)?;
        let mode = platform::mode(&file.metadata().map_err(unreadable)?);
        let entries = parse(&text).map_err(|(line, error)| FileError::Invalid {
            path: path.to_owned(),
            line,
            error,
        })?;
        let is_secret = |setting: &Setting| {
            let entry = entries.get(&setting.key);
            entry.is_some_and(|entry| entry.values.iter().any(|value| setting.hides(value)))
        };
        if mode & platform::OTHERS != 0
            && let Some(secret) = Setting::all().iter().find(|setting| is_secret(setting))
        {
            return Err(FileError::Exposed {
                path: path.to_owned(),
                key: secret.key.clone(),
                mode,
            });
        }
        let path = Some(path.to_owned());
        Ok(Self { path, entries })
    }

    /// Returns the path of the file, if one was read.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the position of a setting, such as `imbot.toml:3`.
    pub(crate) fn position(&self, key: &str) -> Option<String> {
        let line = self.entries.get(key)?.line;
        Some(format!("{}:{line}", self.path()?.display()))
    }

    /// Returns the command with the file's values as defaults of its flags and of those of its
    /// subcommands.
    pub(crate) fn apply_to(&self, command: Command) -> Command {
        let entry = |arg: &clap::Arg| self.entries.get(&key_of(arg)?);
        command
            .mut_args(|arg| match entry(&arg) {
                Some(entry) => arg.default_values(&entry.values),
                None => arg,
            })
            .mut_subcommands(|command| self.apply_to(command))
    }
}

/// Parses a file. An error comes with its line.
fn parse(text: &str) -> Result<BTreeMap<String, Entry>, (usize, LineError)> {
    let line_of = |at| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        // The library's full message shows the line, which may contain a secret.
        (line_of(at), LineError::Syntax(error.message().to_owned()))
    })?;
    let settings = Setting::all();
    let mut entries = BTreeMap::new();
    for (key, value) in table.into_inner() {
        let line = line_of(key.span().start);
        let key = key.into_inner().into_owned();
        let setting = settings.iter().find(|setting| setting.key == key);
        let values = setting
            .ok_or_else(|| unknown(&key, &settings))
            .and_then(|setting| values(setting, value.get_ref()))
            .map_err(|error| (line, error))?;
        entries.insert(key, Entry { line, values });
    }
    Ok(entries)
}

/// Returns the values of a setting as strings, as flags would give them.
fn values(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, LineError> {
    let invalid = |reason: String| {
        let Setting { key, .. } = setting;
        LineError::Value(format!(
            "`{key}` {reason} ({}: {})",
            setting.usage(),
            setting.help()
        ))
    };
    let texts = match value {
        DeValue::Array(values) if setting.is_list() => {
            values.iter().map(|value| scalar(value.get_ref())).collect()
        }
        value => scalar(value).map(|text| vec![text]),
    };
    let texts = texts.ok_or_else(|| {
        let reason = if setting.is_list() {
            "takes a value or a list of values"
        } else {
            "takes one value"
        };
        invalid(reason.into())
    })?;
    setting.check(&texts).map_err(invalid)?;
    Ok(texts)
}

/// Returns a value as a string, unless it is a list or a table.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(decimal(number)),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Returns an integer in decimal.
fn decimal(number: &DeInteger<'_>) -> String {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => number.to_string(),
        Err(_) => number.to_string(),
    }
}

/// Returns the error for an unknown key, with a suggestion if a setting has a similar name.
fn unknown(key: &str, settings: &[Setting]) -> LineError {
    let nearest = settings
        .iter()
        .map(|setting| (strsim::jaro_winkler(key, &setting.key), &setting.key))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    LineError::Unknown {
        key: key.to_owned(),
        suggestion: nearest.map(|(_, name)| name.clone()),
    }
}

/// The settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It does not exist, or cannot be read.
    #[error("the settings file {} cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Other users may read a secret in it.
    #[error("other users may read the {key} in {} (mode {mode:03o}); run `chmod 600` on it, and replace the {key} if somebody has read it", path.display())]
    Exposed {
        path: PathBuf,
        key: String,
        mode: u32,
    },
    /// A line of it is invalid.
    #[error("{}, line {line}: {error}", path.display())]
    Invalid {
        path: PathBuf,
        line: usize,
        error: LineError,
    },
}

/// Why a line is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// No setting has this name.
    #[error("there is no setting `{key}`; {}", match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`config --example` prints them all".into(),
    })]
    Unknown {
        key: String,
        suggestion: Option<String>,
    },
    /// The setting does not accept this value.
    #[error("{0}")]
    Value(String),
}
