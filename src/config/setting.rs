//! A setting, as the field of [`Config`] describes it to clap, under the one name that it has everywhere.

use std::any::TypeId;
use std::error::Error;
use std::ffi::OsStr;

use clap::builder::Resettable::Reset;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use serde_json::Value;

use super::Config;

/// A setting: `attempts` in the file, `IMBOT_ATTEMPTS` in the environment, `--attempts` as a flag.
pub(crate) struct Setting {
    /// Its name in the file.
    pub(crate) key: String,
    arg: Arg,
}

impl Setting {
    /// Every setting there is, in the order in which they are described.
    pub(crate) fn all() -> Vec<Setting> {
        let mut table = Config::augment_args(Command::new("imbot"));
        table.build(); // gives flags without a value their default
        let args = table.get_arguments().cloned();
        args.filter_map(|arg| key_of(&arg).map(|key| Setting { key, arg }))
            .collect()
    }

    /// Its environment variable.
    pub(crate) fn variable(&self) -> String {
        text(self.arg.get_env().unwrap_or_default())
    }

    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().unwrap_or_default())
    }

    /// What it is for. Without a default value, but with something that happens then, this ends with `Default: …`.
    pub(crate) fn help(&self) -> String {
        let help = self.arg.get_help();
        help.map(ToString::to_string).unwrap_or_default()
    }

    /// A line of a file with what its value is called: `idle_days = DAYS`.
    pub(crate) fn form(&self) -> String {
        let names = self.arg.get_value_names().unwrap_or_default();
        let name: String = names.iter().map(ToString::to_string).collect();
        if self.is_bare() {
            format!("{} = {name}", self.key)
        } else {
            format!("{} = \"{name}\"", self.key)
        }
    }

    /// A line of a file with this value. JSON writes texts, numbers and lists as TOML does.
    pub(crate) fn line(&self, value: &Value) -> String {
        format!("{} = {value}", self.key)
    }

    /// The words that it takes, each with what it means, if it takes only some.
    pub(crate) fn words(&self) -> Vec<(String, String)> {
        let words = self.arg.get_possible_values();
        words
            .into_iter()
            .map(|word| {
                let help = word.get_help().map(ToString::to_string);
                (word.get_name().to_owned(), help.unwrap_or_default())
            })
            .collect()
    }

    pub(crate) fn is_secret(&self) -> bool {
        self.arg.is_hide_env_values_set()
    }

    /// Whether it takes several values.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append)
    }

    /// Whether its values stand without quotes.
    fn is_bare(&self) -> bool {
        let kind = self.arg.get_value_parser().type_id();
        let bare = [
            TypeId::of::<u64>(),
            TypeId::of::<u32>(),
            TypeId::of::<f64>(),
            TypeId::of::<bool>(),
        ];
        bare.iter().any(|bare| kind == *bare)
    }

    /// The default, if it has one.
    pub(crate) fn default(&self) -> Option<Value> {
        let defaults = self.arg.get_default_values().iter();
        self.value(defaults.map(|value| text(value)))
    }

    /// What was parsed, a secret as `***`.
    pub(crate) fn shown(&self, matches: &ArgMatches) -> Option<Value> {
        let texts = matches.get_raw(self.arg.get_id().as_str());
        if self.is_secret() {
            return texts.map(|_| "***".into());
        }
        self.value(texts.into_iter().flatten().map(text))
    }

    /// Where what was parsed comes from.
    pub(crate) fn source(&self, matches: &ArgMatches) -> Option<ValueSource> {
        matches.value_source(self.arg.get_id().as_str())
    }

    /// The value that these texts stand for.
    fn value(&self, texts: impl Iterator<Item = String>) -> Option<Value> {
        let mut values = texts.map(|text| match serde_json::from_str(&text) {
            Ok(value) if self.is_bare() => value,
            _ => Value::from(text),
        });
        if self.is_list() {
            return Some(values.collect());
        }
        values.next()
    }

    /// Tells why it cannot have these values, if it cannot, by the parser that its flag and its variable have.
    pub(super) fn check(&self, texts: &[String]) -> Result<(), String> {
        let flag = self.arg.clone().env(Reset).action(ArgAction::Append);
        let parsed = Command::new("imbot")
            .no_binary_name(true)
            .disable_help_flag(true)
            .arg(flag.num_args(1))
            .try_get_matches_from(texts.iter().map(|text| format!("{}={text}", self.flag())));
        parsed.map(drop).map_err(|error| self.why(&error))
    }

    fn why(&self, error: &clap::Error) -> String {
        if self.is_secret() {
            return "has a value that it cannot have".into();
        }
        let refused = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) if !value.is_empty() => value,
            _ => return "cannot be empty".into(),
        };
        let why = match (error.get(ContextKind::ValidValue), error.source()) {
            (Some(ContextValue::Strings(words)), _) => format!("it is one of {}", words.join(", ")),
            (_, Some(why)) => why.to_string(),
            (_, None) => error.kind().to_string(),
        };
        format!("cannot be `{refused}`: {why}")
    }
}

/// The key of a flag in the file, if it has one: its environment variable without `IMBOT_`.
pub(super) fn key_of(arg: &Arg) -> Option<String> {
    let variable = arg.get_env()?.to_str()?;
    Some(variable.strip_prefix("IMBOT_")?.to_ascii_lowercase())
}

fn text(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}
