//! `config`: the settings in force and where each comes from, or a file of all settings with their defaults.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value, json};

use super::Done;
use crate::config::{Config, File, Setting};

/// Where the remarks begin, if there is room.
const REMARKS: usize = 48;

#[derive(Args)]
pub(super) struct Show {
    /// As JSON, for a program
    #[arg(long)]
    json: bool,
    /// Print a file of all settings with their defaults instead
    #[arg(long, conflicts_with = "json")]
    pub(super) example: bool,
    #[command(flatten)]
    all: All,
}

/// Every setting, as it was parsed.
struct All(Vec<Parsed>);

/// A setting with its value, if it has one, and where clap has that from.
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
    /// What kind of place the value comes from, and the place.
    fn from(&self, file: &File) -> (&'static str, Option<String>) {
        let Parsed { setting, .. } = self;
        match (self.source, file.position(&setting.key)) {
            (Some(ValueSource::CommandLine), _) => ("flag", Some(setting.flag())),
            (Some(ValueSource::EnvVariable), _) => ("environment", Some(setting.variable())),
            (_, Some(place)) => ("file", Some(place)),
            (_, None) => ("default", None),
        }
    }

    fn to_json(&self, file: &File) -> (String, Value) {
        let (from, place) = self.from(file);
        let shown = json!({ "value": self.value, "from": from, "where": place });
        (self.setting.key.clone(), shown)
    }

    fn to_toml(&self, file: &File) -> String {
        let (from, place) = self.from(file);
        let Parsed { setting, value, .. } = self;
        let (line, remark) = match value {
            Some(value) => (setting.line(value), place.unwrap_or(from.into())),
            None => (format!("# {}", setting.key), without(setting)),
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
    fn from_arg_matches(matches: &ArgMatches) -> Result<All, clap::Error> {
        let parsed = |setting: Setting| Parsed {
            value: setting.parsed(matches),
            source: setting.source(matches),
            setting,
        };
        Ok(All(Setting::all().into_iter().map(parsed).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = All::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What happens without a value.
fn without(setting: &Setting) -> String {
    match setting.help().split_once("Default: ") {
        Some((_, then)) => format!("default: {then}"),
        None => "not set".into(),
    }
}

/// Prints a file of all settings, each turned off, with its documentation and its default.
pub(super) fn example() -> Done {
    out!(
        "\
# Every setting, with its default. `config --example` prints this; `config` prints what is in force.
#
# Kept as imbot.toml, it is read from the working directory; --config or IMBOT_CONFIG names another place.
# A flag (--attempts) counts before the environment (IMBOT_ATTEMPTS), and that before this file (attempts).
# With a secret in it, the file must be readable for its owner only: chmod 600."
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
