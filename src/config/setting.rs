//! One setting, as the field of [`Config`] describes it to clap.

use std::any::TypeId;
use std::error::Error;
use std::ffi::OsStr;

use clap::builder::Resettable::Reset;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use serde_json::Value;

use super::{Config, StorePlace};

/// A setting: `attempts` in the file, `IMBOT_ATTEMPTS` in the environment, `--attempts` as a flag.
pub(crate) struct Setting {
    /// The name in the file.
    pub(crate) key: String,
    arg: Arg,
}

impl Setting {
    /// Returns all settings, in the order of their declaration.
    pub(crate) fn all() -> Vec<Self> {
        let mut table = Config::augment_args(Command::new("imbot"));
        table.build(); // sets the defaults of flags without a value
        let args = table.get_arguments().cloned();
        args.filter_map(|arg| key_of(&arg).map(|key| Self { key, arg }))
            .collect()
    }

    /// Returns the environment variable.
    pub(crate) fn variable(&self) -> String {
        text(self.arg.get_env().unwrap_or_default())
    }

    /// Returns the flag.
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().unwrap_or_default())
    }

    /// Returns the help text. It ends with `Default: …` if the setting has no default value, but
    /// something happens without one.
    pub(crate) fn help(&self) -> String {
        let help = self.arg.get_help();
        help.map(ToString::to_string).unwrap_or_default()
    }

    /// Returns a line of a file with the placeholder of the value: `idle_days = DAYS`.
    pub(crate) fn usage(&self) -> String {
        let names = self.arg.get_value_names().unwrap_or_default();
        let name: String = names.iter().map(ToString::to_string).collect();
        if self.is_unquoted() {
            format!("{} = {name}", self.key)
        } else {
            format!("{} = \"{name}\"", self.key)
        }
    }

    /// Returns a line of a file with this value. JSON and TOML write strings, numbers and lists
    /// alike.
    pub(crate) fn line(&self, value: &Value) -> String {
        format!("{} = {value}", self.key)
    }

    /// Returns the possible values with their help, if the setting accepts only some.
    pub(crate) fn possible_values(&self) -> Vec<(String, String)> {
        let values = self.arg.get_possible_values();
        values
            .into_iter()
            .map(|value| {
                let help = value.get_help().map(ToString::to_string);
                (value.get_name().to_owned(), help.unwrap_or_default())
            })
            .collect()
    }

    /// Returns true if the value is never shown.
    pub(crate) fn is_secret(&self) -> bool {
        self.arg.is_hide_env_values_set() && !self.is_place()
    }

    /// Returns true if this value contains a secret.
    pub(super) fn hides(&self, value: &str) -> bool {
        let is_address = || matches!(StorePlace::from(value), StorePlace::Postgres(_));
        self.is_secret() || self.is_place() && is_address()
    }

    /// Returns true if the value is the place of the store, which may contain a password.
    fn is_place(&self) -> bool {
        self.arg.get_value_parser().type_id() == TypeId::of::<StorePlace>()
    }

    /// Returns true if the setting accepts several values.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append)
    }

    /// Returns true if values are written without quotes.
    fn is_unquoted(&self) -> bool {
        let kind = self.arg.get_value_parser().type_id();
        let unquoted = [
            TypeId::of::<u64>(),
            TypeId::of::<u32>(),
            TypeId::of::<f64>(),
            TypeId::of::<bool>(),
        ];
        unquoted.iter().any(|unquoted| kind == *unquoted)
    }

    /// Returns the default value, if any.
    pub(crate) fn default(&self) -> Option<Value> {
        let defaults = self.arg.get_default_values().iter();
        self.value(defaults.map(|value| text(value)))
    }

    /// Returns the parsed value, or `***` for a secret.
    pub(crate) fn parsed(&self, matches: &ArgMatches) -> Option<Value> {
        let texts = matches.get_raw(self.arg.get_id().as_str());
        if self.is_secret() {
            return texts.map(|_| "***".into());
        }
        self.value(texts.into_iter().flatten().map(text))
    }

    /// Returns the source of the parsed value.
    pub(crate) fn source(&self, matches: &ArgMatches) -> Option<ValueSource> {
        matches.value_source(self.arg.get_id().as_str())
    }

    /// Returns the value that these strings represent.
    fn value(&self, texts: impl Iterator<Item = String>) -> Option<Value> {
        let mut values = texts.map(|text| match serde_json::from_str(&text) {
            Ok(value) if self.is_unquoted() => value,
            _ if self.is_place() => Value::from(StorePlace::from(&*text).to_string()),
            _ => Value::from(text),
        });
        if self.is_list() {
            return Some(values.collect());
        }
        values.next()
    }

    /// Checks values with the parser of the flag. The error continues a sentence that begins with
    /// the setting's name.
    pub(super) fn check(&self, texts: &[String]) -> Result<(), String> {
        let flag = self.arg.clone().env(Reset).action(ArgAction::Append);
        let parsed = Command::new("imbot")
            .no_binary_name(true)
            .disable_help_flag(true)
            .arg(flag.num_args(1))
            .try_get_matches_from(texts.iter().map(|text| format!("{}={text}", self.flag())));
        parsed.map(drop).map_err(|error| self.reason(&error))
    }

    fn reason(&self, error: &clap::Error) -> String {
        if self.is_secret() {
            return "has an invalid value".into();
        }
        let refused = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) if !value.is_empty() => value,
            _ => return "cannot be empty".into(),
        };
        let reason = match (error.get(ContextKind::ValidValue), error.source()) {
            (Some(ContextValue::Strings(values)), _) => {
                format!("possible values are {}", values.join(", "))
            }
            (_, Some(source)) => source.to_string(),
            (_, None) => error.kind().to_string(),
        };
        format!("cannot be `{refused}`: {reason}")
    }
}

/// Returns the key of a flag in the file: its environment variable without `IMBOT_`.
pub(super) fn key_of(arg: &Arg) -> Option<String> {
    let variable = arg.get_env()?.to_str()?;
    Some(variable.strip_prefix("IMBOT_")?.to_ascii_lowercase())
}

fn text(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}
