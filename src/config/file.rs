//! The file of settings, under the flags and the environment: what it gives becomes clap's default.
//!
//! So a value from the file goes the way of every other value, through the parser of its flag. It is tried here first, to
//! name the line where it is wrong; also one that the command at hand does not ask for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use clap::Command;
use toml::de::{DeInteger, DeTable, DeValue};

use super::setting::{Setting, key_of};
use crate::platform;

/// The file that is read if no other is named and it is there.
const FILE: &str = "imbot.toml";

/// How much alike a key and the name must be that was probably meant, from 0 to 1.
const LIKENESS_MIN: f64 = 0.7;

/// The settings that a file gives, all valid.
#[derive(Default)]
pub(crate) struct File {
    path: Option<PathBuf>,
    given: BTreeMap<String, Given>,
}

/// What a line gives.
struct Given {
    line: usize,
    values: Vec<String>,
}

impl File {
    /// The file that is named, or the usual one if it is there.
    pub(crate) fn find(named: Option<&Path>) -> Result<File, FileError> {
        let path = named.unwrap_or(Path::new(FILE));
        match File::read(path) {
            Err(FileError::Unreadable { source, .. })
                if named.is_none() && source.kind() == ErrorKind::NotFound =>
            {
                Ok(File::default())
            }
            read => read,
        }
    }

    fn read(path: &Path) -> Result<File, FileError> {
        let unreadable = |source| FileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut text = String::new();
        let mut file = fs::File::open(path).map_err(unreadable)?;
        file.read_to_string(&mut text).map_err(unreadable)?;
        let mode = platform::mode(&file.metadata().map_err(unreadable)?);
        let given = parse(&text).map_err(|(line, mistake)| FileError::Wrong {
            path: path.to_owned(),
            line,
            mistake,
        })?;
        let is_secret = |setting: &Setting| setting.is_secret() && given.contains_key(&setting.key);
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
        Ok(File { path, given })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Where it gives a setting, such as `imbot.toml:3`.
    pub(crate) fn place(&self, key: &str) -> Option<String> {
        let line = self.given.get(key)?.line;
        Some(format!("{}:{line}", self.path()?.display()))
    }

    /// The command with what the file gives as the defaults of its flags, and of those of its subcommands.
    pub(crate) fn under(&self, command: Command) -> Command {
        let given = |arg: &clap::Arg| self.given.get(&key_of(arg)?);
        command
            .mut_args(|arg| match given(&arg) {
                Some(given) => arg.default_values(&given.values),
                None => arg,
            })
            .mut_subcommands(|command| self.under(command))
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, Given>, (usize, Mistake)> {
    let line_of = |at| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        // The library's own text shows the line, which may hold a secret.
        (line_of(at), Mistake::Syntax(error.message().to_owned()))
    })?;
    let settings = Setting::all();
    let mut given = BTreeMap::new();
    for (key, value) in table.into_inner() {
        let line = line_of(key.span().start);
        let key = key.into_inner().into_owned();
        let setting = settings.iter().find(|setting| setting.key == key);
        let values = setting
            .ok_or_else(|| unknown(&key, &settings))
            .and_then(|setting| values(setting, value.get_ref()))
            .map_err(|mistake| (line, mistake))?;
        given.insert(key, Given { line, values });
    }
    Ok(given)
}

/// The values that a setting is given, as texts: what a flag would say.
fn values(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, Mistake> {
    let wrong = |why: String| {
        let Setting { key, .. } = setting;
        Mistake::Value(format!(
            "`{key}` {why} ({}: {})",
            setting.form(),
            setting.help()
        ))
    };
    let texts = match value {
        DeValue::Array(values) if setting.is_list() => {
            values.iter().map(|value| scalar(value.get_ref())).collect()
        }
        value => scalar(value).map(|text| vec![text]),
    };
    let texts = texts.ok_or_else(|| match setting.is_list() {
        true => wrong("takes a value or a list of values".into()),
        false => wrong("takes one value".into()),
    })?;
    setting.check(&texts).map_err(wrong)?;
    Ok(texts)
}

/// The text of a value that is no list and no table.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(decimal(number)),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(is) => Some(is.to_string()),
        DeValue::Datetime(moment) => Some(moment.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn decimal(number: &DeInteger<'_>) -> String {
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => number.to_string(),
        Err(_) => number.to_string(),
    }
}

fn unknown(key: &str, settings: &[Setting]) -> Mistake {
    let nearest = settings
        .iter()
        .map(|setting| (strsim::jaro_winkler(key, &setting.key), &setting.key))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    Mistake::Unknown {
        key: key.to_owned(),
        meant: nearest.map(|(_, name)| name.clone()),
    }
}

/// The file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It is not there, or cannot be read.
    #[error("the file of settings {} cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Others may read a secret in it.
    #[error("others may read the {key} in {} (mode {mode:03o}); run `chmod 600` on it, and change the {key} if they did", path.display())]
    Exposed {
        path: PathBuf,
        key: String,
        mode: u32,
    },
    /// A line of it is wrong.
    #[error("{}, line {line}: {mistake}", path.display())]
    Wrong {
        path: PathBuf,
        line: usize,
        mistake: Mistake,
    },
}

/// What is wrong in a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// Nothing has this name.
    #[error("there is no setting `{key}`; {}", match meant {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`config --example` prints them all".into(),
    })]
    Unknown { key: String, meant: Option<String> },
    /// The setting does not take this.
    #[error("{0}")]
    Value(String),
}
