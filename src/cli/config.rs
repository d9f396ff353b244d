//! `config`: the current settings and where each comes from, or a file of all settings with their
//! defaults.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value, json};

use super::Done;
use crate::config::{Config, File, Setting};

/// The column of the remarks, unless a line is longer.
const REMARKS: usize = 48;

#[derive(Args)]
pub(super) struct Show {
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    /// Print a file of all settings with their defaults instead
    #[arg(long, conflicts_with = "json")]
    pub(super) example: bool,
    #[command(flatten)]
    all: All,
}

/// All settings, as they were parsed.
struct All(Vec<Parsed>);

/// A setting, its value if it has one, and the value's source.
struct Parsed {
    setting: Setting,
    value: Option<Value>,
    source: Option<ValueSource>,
}

impl Show {
    pub(super) fn run(&self, file: &File) -> Done {
        if self.json {
            let all = self.all.0.iter();
            let all: Map<String, Value> = all.map(|parsed| parsed.to_json(file)).collect();
            out!("{}", serde_json::to_string_pretty(&all)?);
            return Ok(());
        }
        for parsed in &self.all.0 {
            out!("{}", parsed.to_toml(file));
        }
        Ok(())
    }
}

impl Parsed {
    /// Returns the kind of the value's source, and the place there.
    fn source(&self, file: &File) -> (&'static str, Option<String>) {
        let Parsed { setting, .. } = self;
        match (self.source, file.position(&setting.key)) {
            (Some(ValueSource::CommandLine), _) => ("flag", Some(setting.flag())),
            (Some(ValueSource::EnvVariable), _) => ("environment", Some(setting.variable())),
            (_, Some(place)) => ("file", Some(place)),
            (_, None) => ("default", None),
        }
    }

    fn to_json(&self, file: &File) -> (String, Value) {
        let (from, place) = self.source(file);
        let shown = json!({ "value": self.value, "from": from, "where": place });
        (self.setting.key.clone(), shown)
    }

    fn to_toml(&self, file: &File) -> String {
        let (from, place) = self.source(file);
        let Parsed { setting, value, .. } = self;
        let (line, remark) = match value {
            Some(value) => (setting.line(value), place.unwrap_or(from.into())),
            None => (format!("# {}", setting.key), remark_without_value(setting)),
        };
        format!("{line:REMARKS$} # {remark}")
    }
}

impl Args for All {
    fn augment_args(command: Command) -> Command {
        Config::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Config::augment_args_for_update(command)
    }
}

impl FromArgMatches for All {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let parsed = |setting: Setting| Parsed {
            value: setting.parsed(matches),
            source: setting.source(matches),
            setting,
        };
        Ok(Self(Setting::all().into_iter().map(parsed).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the remark for a setting without a value.
fn remark_without_value(setting: &Setting) -> String {
    match setting.help().split_once("Default: ") {
        Some((_, default)) => format!("default: {default}"),
        None => "not set".into(),
    }
}

/// Prints a file of all settings, each as a comment, with its documentation and its default.
pub(super) fn example() -> Done {
    out!(
        "\
# Every setting, with its default. `config --example` prints this; `config` prints the current settings.
#
# As imbot.toml, it is read from the working directory; --config or IMBOT_CONFIG names another file.
# Flags (--attempts) take precedence over the environment (IMBOT_ATTEMPTS), and the environment over this file (attempts).
# If it contains a secret, only its owner may read it: chmod 600."
    );
    for setting in Setting::all() {
        out!("\n# {}", setting.help());
        for (word, meaning) in setting.possible_values() {
            out!(
                "{}",
                format!("#   {word}: {meaning}").trim_end_matches(": ")
            );
        }
        let line = setting.default().map(|value| setting.line(&value));
        out!("#{}", line.unwrap_or_else(|| setting.usage()));
    }
    Ok(())
}
