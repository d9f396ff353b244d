//! The sources of settings, their precedence, and the errors of a wrong file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value};

use super::{bots, text};

const SECRET: &str = "zxcvbn831c76b092f9";

/// The working directory of a program of bots.
struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder with this `imbot.toml`.
    fn new(file: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("imbot.toml", file);
        folder
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

    /// Returns the settings that the command prints as JSON.
    fn settings(&self, command: &mut Command) -> Map<String, Value> {
        serde_json::from_str(&stdout(&command.arg("--json").output().unwrap())).unwrap()
    }

    /// Runs a command that must fail, and returns its errors.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.bots(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(text(&output.stdout), "");
        text(&output.stderr)
    }
}

/// Returns the output of a command, which must succeed.
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Asserts that a file fails with this error.
fn check(file: &str, expected: &str) {
    let stderr = Folder::new(file).fails(&["config"]);
    assert!(stderr.contains(expected), "{file}\n{stderr}");
}

#[test]
fn flags_take_precedence_over_the_environment_and_the_environment_over_the_file() {
    let folder = Folder::new("turn_timeout = 7\nattempts = 7\n\ndead_days = 7\n");
    let mut command = folder.bots(&["config", "--turn-timeout", "9"]);
    command
        .env("IMBOT_TURN_TIMEOUT", "8")
        .env("IMBOT_ATTEMPTS", "8");
    let shown = stdout(&command.output().unwrap());
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
    let folder = Folder::new("");
    for (key, setting) in folder.settings(&mut folder.bots(&["config"])) {
        assert_eq!(setting["from"], "default", "{key}");
        let text = match &setting["value"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ if key == "trusted_proxy" => "10.0.0.0/8".into(),
            _ if key == "admin" => "127.0.0.1:8073".into(),
            _ => "1".into(),
        };
        let variable = format!("IMBOT_{}", key.to_uppercase());
        let flag = format!("--{}", key.replace('_', "-"));
        let mut command = folder.bots(&["config"]);
        let by_variable = folder.settings(command.env(&variable, &text));
        assert_eq!(by_variable[&key]["where"], *variable);
        let by_flag = folder.settings(&mut folder.bots(&["config", &flag, &text]));
        assert_eq!(by_flag[&key]["where"], *flag);
        let file = folder.write("other.toml", &format!("{key} = \"{text}\""));
        let mut command = folder.bots(&["config"]);
        let by_file = folder.settings(command.env("IMBOT_CONFIG", &file));
        assert_eq!(by_file[&key]["where"], format!("{}:1", file.display()));
        assert_eq!(by_file[&key]["value"], by_flag[&key]["value"]);
        assert_eq!(by_variable[&key]["value"], by_flag[&key]["value"]);
    }
}

#[test]
fn the_included_example_is_printed_and_has_the_defaults() {
    let folder = Folder::new("this is not even TOML");
    let example = stdout(&folder.bots(&["config", "--example"]).output().unwrap());
    let included = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/imbot.toml");
    assert_eq!(
        example,
        fs::read_to_string(included).unwrap(),
        "run `cargo run -- config --example > examples/imbot.toml`"
    );
    folder.write("imbot.toml", &example);
    let defaults = folder.settings(&mut folder.bots(&["config"]));
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
    folder.write("imbot.toml", &all);
    for (key, setting) in folder.settings(&mut folder.bots(&["config"])) {
        assert_eq!(setting["value"], defaults[&key]["value"], "{key}");
        let is_given = setting["from"] == "file";
        assert_eq!(is_given, !setting["value"].is_null(), "{key}");
    }
}

#[test]
fn the_printed_settings_are_a_valid_file() {
    let folder = Folder::new(
        "allow_host = [\"a:1\", \"b:2\"]\nstore = \"C:\\\\a \\\"store\\\"\"\nattempts = 0x10",
    );
    let before = folder.settings(&mut folder.bots(&["config"]));
    assert_eq!(before["attempts"]["value"], 16);
    let shown = stdout(&folder.bots(&["config"]).output().unwrap());
    folder.write("imbot.toml", &shown);
    for (key, setting) in folder.settings(&mut folder.bots(&["config"])) {
        assert_eq!(setting["value"], before[&key]["value"], "{key}");
    }
}

#[test]
fn the_error_of_an_unknown_key_suggests_a_similar_one() {
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
fn the_error_of_a_wrong_value_has_its_line_and_the_allowed_values() {
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
    check(
        "store = \"\"",
        "`store` cannot be empty (store = \"PLACE\":",
    );
    check(
        "allow_host = [[]]",
        "`allow_host` takes a value or a list of values",
    );
    check("[store]\nfile = \"a\"", "line 1: `store` takes one value");
    check("\n\nattempts = 1\nattempts = 2", "line 4: duplicate key");
}

#[test]
fn secrets_are_never_shown() {
    const SECRET_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let file = format!("client_secret = \"{SECRET}\"");
    let folder = Folder::new(&file);
    for args in [
        &["config"] as &[_],
        &["config", "--json"],
        &["config", "--store-key", SECRET],
    ] {
        let shown = stdout(&folder.bots(args).output().unwrap());
        assert!(
            shown.contains("\"***\"") && !shown.contains(SECRET),
            "{shown}"
        );
    }
    let file = format!("store = \"postgres://bot:{SECRET}@127.0.0.1:1/bots?password={SECRET}\"");
    let folder = Folder::new(&file);
    for args in [&["config"] as &[_], &["config", "--json"]] {
        let shown = stdout(&folder.bots(args).output().unwrap());
        let place = "postgres://bot@127.0.0.1:1/bots";
        assert!(shown.contains(place) && !shown.contains(SECRET), "{shown}");
    }
    let folder = Folder::new(&format!("{file}\nstore_key = \"{SECRET_KEY}\""));
    let stderr = folder.fails(&["store", "status"]);
    assert!(
        stderr.contains("cannot be used") && !stderr.contains(SECRET),
        "{stderr}"
    );
    let file = format!("client_secret = \"{SECRET}\"");
    for wrong in [
        format!("client_secret = {SECRET}"),
        format!("client_secret = \"{SECRET}"),
        format!("client_secret = \"\\q{SECRET}\""),
        format!("client_secret = [\"{SECRET}\"]"),
        format!("client_secret = {{ a = \"{SECRET}\" }}"),
        format!("{file}\n{file}"),
    ] {
        let stderr = Folder::new(&wrong).fails(&["config"]);
        assert!(
            stderr.contains("imbot.toml, line ") && !stderr.contains(SECRET),
            "{stderr}"
        );
    }
}

#[test]
fn a_file_with_secrets_must_be_readable_by_its_owner_only() {
    let folder = Folder::new("client_secret = \"a\"");
    let path = folder.0.path().join("imbot.toml");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let stderr = folder.fails(&["config"]);
    assert!(
        stderr.contains("other users may read the client_secret in imbot.toml (mode 640)"),
        "{stderr}"
    );
    fs::write(&path, "client_id = \"a\"").unwrap();
    stdout(&folder.bots(&["config"]).output().unwrap());
}

#[test]
fn a_named_file_must_exist() {
    let folder = Folder::new("");
    let stderr = folder.fails(&["config", "--config", "none.toml"]);
    assert!(
        stderr.contains("the settings file none.toml cannot be read: No such file"),
        "{stderr}"
    );
    fs::remove_file(folder.0.path().join("imbot.toml")).unwrap();
    stdout(&folder.bots(&["config"]).output().unwrap());
}

#[test]
fn every_command_uses_its_settings_of_the_file_and_ignores_the_others() {
    let folder =
        Folder::new("listen = \"127.0.0.1:0\"\nstore = \"elsewhere.db\"\nclient_id = \"a\"");
    for args in [
        &["store", "status"] as &[_],
        &["dead", "list"],
        &["conversation", "show", "portal", "7", "27"],
    ] {
        let stderr = folder.fails(args);
        assert!(
            stderr.contains("there is no store at elsewhere.db"),
            "{stderr}"
        );
    }
    for args in [&[] as &[_], &["run"]] {
        let stderr = folder.fails(args);
        assert!(
            stderr.contains("set IMBOT_PUBLIC_URL, or public_url in imbot.toml"),
            "{stderr}"
        );
    }
    folder.write("imbot.toml", "emulator_listen = \"192.0.2.1:1\"");
    for args in [
        &["emulate"] as &[_],
        &["run", "--emulator", "--listen", "127.0.0.1:0"],
    ] {
        let stderr = folder.fails(args);
        assert!(stderr.contains("requested address"), "{stderr}");
    }
    folder.write("imbot.toml", "attempts = 0");
    assert!(folder.fails(&["decode"]).contains("line 1: `attempts`"));
}
