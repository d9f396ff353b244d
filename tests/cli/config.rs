//! Where settings come from, which of them counts, and what is said of a file that is wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value};

use super::{bots, text};

const SECRET: &str = "zxcvbn831c76b092f9";

/// A folder that a program of bots runs in.
struct Desk(tempfile::TempDir);

impl Desk {
    fn set_up(file: &str) -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.write("imbot.toml", file);
        desk
    }

    fn write(&self, name: &str, file: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, file).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn bots(&self, args: &[&str]) -> Command {
        let mut command = bots();
        command.current_dir(&self.0).args(args);
        command
    }

    /// The settings in force.
    fn settings(&self, command: &mut Command) -> Map<String, Value> {
        serde_json::from_str(&said(&command.arg("--json").output().unwrap())).unwrap()
    }

    fn fails(&self, args: &[&str]) -> String {
        let output = self.bots(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(text(&output.stdout), "");
        text(&output.stderr)
    }
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Asserts what is said of a file.
fn check(file: &str, expected: &str) {
    let said = Desk::set_up(file).fails(&["config"]);
    assert!(said.contains(expected), "{file}\n{said}");
}

#[test]
fn a_flag_counts_before_the_environment_and_that_before_the_file() {
    let desk = Desk::set_up("turn_timeout = 7\nattempts = 7\n\ndead_days = 7\n");
    let mut command = desk.bots(&["config", "--turn-timeout", "9"]);
    command
        .env("IMBOT_TURN_TIMEOUT", "8")
        .env("IMBOT_ATTEMPTS", "8");
    let shown = said(&command.output().unwrap());
    let lines: Vec<(&str, &str)> = shown
        .lines()
        .filter_map(|line| line.split_once('#'))
        .map(|(value, from)| (value.trim(), from.trim()))
        .collect();
    for line in [
        ("turn_timeout = 9", "--turn-timeout"),
        ("attempts = 8", "IMBOT_ATTEMPTS"),
        ("dead_days = 7", "imbot.toml:4"),
        ("stop_timeout = 25", "default"),
        (
            "",
            "idle_days                                      # default: never",
        ),
    ] {
        assert!(lines.contains(&line), "{line:?} is missing in\n{shown}");
    }
}

#[test]
fn a_setting_has_one_name_everywhere() {
    let desk = Desk::set_up("");
    for (key, setting) in desk.settings(&mut desk.bots(&["config"])) {
        assert_eq!(setting["from"], "default", "{key}");
        let text = match &setting["value"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => "1".into(),
        };
        let variable = format!("IMBOT_{}", key.to_uppercase());
        let flag = format!("--{}", key.replace('_', "-"));
        let mut command = desk.bots(&["config"]);
        let by_variable = desk.settings(command.env(&variable, &text));
        assert_eq!(by_variable[&key]["where"], *variable);
        let by_flag = desk.settings(&mut desk.bots(&["config", &flag, &text]));
        assert_eq!(by_flag[&key]["where"], *flag);
        let file = desk.write("other.toml", &format!("{key} = \"{text}\""));
        let mut command = desk.bots(&["config"]);
        let by_file = desk.settings(command.env("IMBOT_CONFIG", &file));
        assert_eq!(by_file[&key]["where"], format!("{}:1", file.display()));
        assert_eq!(by_file[&key]["value"], by_flag[&key]["value"]);
        assert_eq!(by_variable[&key]["value"], by_flag[&key]["value"]);
    }
}

#[test]
fn the_example_in_the_box_is_printed_and_says_what_the_defaults_are() {
    let desk = Desk::set_up("this is not even TOML");
    let example = said(&desk.bots(&["config", "--example"]).output().unwrap());
    let in_the_box = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/imbot.toml");
    assert_eq!(
        example,
        fs::read_to_string(in_the_box).unwrap(),
        "run `cargo run -- config --example > examples/imbot.toml`"
    );
    desk.write("imbot.toml", &example);
    let defaults = desk.settings(&mut desk.bots(&["config"]));
    let line = |key: &str| {
        let mut lines = example.lines().filter_map(|line| line.strip_prefix('#'));
        let line = lines.find(|line| line.starts_with(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key} is missing"))
    };
    let all: String = defaults
        .iter()
        .filter(|(_, setting)| !setting["value"].is_null())
        .map(|(key, _)| format!("{}\n", line(key)))
        .collect();
    assert!(defaults.keys().all(|key| !line(key).is_empty()));
    desk.write("imbot.toml", &all);
    for (key, setting) in desk.settings(&mut desk.bots(&["config"])) {
        assert_eq!(setting["value"], defaults[&key]["value"], "{key}");
        let is_given = setting["from"] == "file";
        assert_eq!(is_given, !setting["value"].is_null(), "{key}");
    }
}

#[test]
fn what_is_shown_can_be_a_file_again() {
    let desk = Desk::set_up(
        "allow_host = [\"a:1\", \"b:2\"]\nstore = \"C:\\\\a \\\"store\\\"\"\nattempts = 0x10",
    );
    let before = desk.settings(&mut desk.bots(&["config"]));
    assert_eq!(before["attempts"]["value"], 16);
    let shown = said(&desk.bots(&["config"]).output().unwrap());
    desk.write("imbot.toml", &shown);
    for (key, setting) in desk.settings(&mut desk.bots(&["config"])) {
        assert_eq!(setting["value"], before[&key]["value"], "{key}");
    }
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_was_meant() {
    check(
        "attempts = 3\nlisen = \"127.0.0.1:1\"",
        "imbot.toml, line 2: there is no setting `lisen`; did you mean `listen`?",
    );
    check("client-id = \"a\"", "did you mean `client_id`?");
    check(
        "[frobnicate]",
        "no setting `frobnicate`; `config --example` prints them all",
    );
}

#[test]
fn a_wrong_value_is_told_with_its_line_and_what_is_allowed() {
    check(
        "\nattempts = \"many\"",
        "imbot.toml, line 2: `attempts` cannot be `many`: invalid digit found in string (attempts = TIMES: Maximum number",
    );
    check("attempts = 0", "`attempts` cannot be `0`: 0 is not in 1..");
    check(
        "attempts = [1]",
        "`attempts` takes one value (attempts = TIMES",
    );
    check(
        "plan = \"fast\"",
        "possible values are standard, enterprise, on-premise",
    );
    check(
        "listen = true",
        "`listen` cannot be `true`: invalid socket address",
    );
    check("store = \"\"", "`store` cannot be empty (store = \"FILE\":");
    check(
        "allow_host = [[]]",
        "`allow_host` takes a value or a list of values",
    );
    check("[store]\nfile = \"a\"", "line 1: `store` takes one value");
    check("\n\nattempts = 1\nattempts = 2", "line 4: duplicate key");
}

#[test]
fn secrets_are_shown_nowhere() {
    let file = format!("client_secret = \"{SECRET}\"");
    let desk = Desk::set_up(&file);
    for args in [
        &["config"] as &[_],
        &["config", "--json"],
        &["config", "--store-key", SECRET],
    ] {
        let shown = said(&desk.bots(args).output().unwrap());
        assert!(
            shown.contains("\"***\"") && !shown.contains(SECRET),
            "{shown}"
        );
    }
    for wrong in [
        format!("client_secret = {SECRET}"),
        format!("client_secret = \"{SECRET}"),
        format!("client_secret = \"\\q{SECRET}\""),
        format!("client_secret = [\"{SECRET}\"]"),
        format!("client_secret = {{ a = \"{SECRET}\" }}"),
        format!("{file}\n{file}"),
    ] {
        let told = Desk::set_up(&wrong).fails(&["config"]);
        assert!(
            told.contains("imbot.toml, line ") && !told.contains(SECRET),
            "{told}"
        );
    }
}

#[test]
fn a_file_with_secrets_is_its_owners_alone() {
    let desk = Desk::set_up("client_secret = \"a\"");
    let path = desk.0.path().join("imbot.toml");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let told = desk.fails(&["config"]);
    assert!(
        told.contains("other users may read the client_secret in imbot.toml (mode 640)"),
        "{told}"
    );
    fs::write(&path, "client_id = \"a\"").unwrap();
    said(&desk.bots(&["config"]).output().unwrap());
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let desk = Desk::set_up("");
    let told = desk.fails(&["config", "--config", "none.toml"]);
    assert!(
        told.contains("the settings file none.toml cannot be read: No such file"),
        "{told}"
    );
    fs::remove_file(desk.0.path().join("imbot.toml")).unwrap();
    said(&desk.bots(&["config"]).output().unwrap());
}

#[test]
fn every_command_takes_its_settings_from_the_file_and_leaves_the_others() {
    let desk =
        Desk::set_up("listen = \"127.0.0.1:0\"\nstore = \"elsewhere.db\"\nclient_id = \"a\"");
    for args in [
        &["store", "status"] as &[_],
        &["dead", "list"],
        &["conversation", "show", "portal", "7", "27"],
    ] {
        let told = desk.fails(args);
        assert!(told.contains("there is no store at elsewhere.db"), "{told}");
    }
    for args in [&[] as &[_], &["run"]] {
        let told = desk.fails(args);
        assert!(
            told.contains("set IMBOT_PUBLIC_URL, or public_url in imbot.toml"),
            "{told}"
        );
    }
    desk.write("imbot.toml", "emulator_listen = \"192.0.2.1:1\"");
    for args in [
        &["emulate"] as &[_],
        &["run", "--emulator", "--listen", "127.0.0.1:0"],
    ] {
        let told = desk.fails(args);
        assert!(told.contains("requested address"), "{told}");
    }
    desk.write("imbot.toml", "attempts = 0");
    assert!(desk.fails(&["decode"]).contains("line 1: `attempts`"));
}
