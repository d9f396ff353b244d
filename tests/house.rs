//! The rules of the house: which module imports which, where libraries are named, which old names
//! are gone, and that every file begins with what it does.

mod citations;
mod syntax;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of `lib.rs`: each imports only from those before it.
const ORDER: &[&str] = &[
    "platform", "tasks", "event", "message", "store", "portal", "handler", "engine", "serve",
    "emulator", "config", "app", "testing", "cli",
];

/// The folders in which every public function that returns a `Result` documents its errors.
const ERRORS_DOCUMENTED: &[&str] = &["src"];

/// Old names of types and functions in `src`, replaced by plainer ones.
const OLD_NAMES: &[&str] = &[
    "Lane",
    "Lanes",
    "Desk",
    "Ticket",
    "Gate",
    "Voice",
    "Speaker",
    "Speech",
    "Said",
    "Scene",
    "Occasion",
    "Floor",
    "Meaning",
    "Kept",
    "Inward",
    "Outward",
    "Doubt",
    "Whom",
    "Glimpse",
    "Hooked",
    "NewHook",
    "NamedHook",
    "Hit",
    "Courier",
    "Wire",
    "Begun",
    "Aside",
    "with_in_trial",
    "with_people",
    "bury",
    "lay_to_rest",
    "take_in",
    "hear_of",
    "pass_in",
    "tell_passed",
    "mend",
    "verdict",
];

/// Old names of files in `src`, replaced by plainer ones.
const OLD_FILES: &[&str] = &[
    "lanes.rs",
    "voice.rs",
    "gate.rs",
    "fold.rs",
    "floor.rs",
    "kept.rs",
    "hit.rs",
    "courier.rs",
    "wire.rs",
    "face.rs",
    "trouble.rs",
];

/// The folders of `src` that the old names have not left yet.
const OLD_NAMES_LEFT: &[&str] = &[];

/// Old keys of `doctor --json`, replaced by plainer ones.
const OLD_KEYS: &[&str] = &["\"mend\"", "\"verdict\"", "\"found\""];

/// Returns the root of the repository.
fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).to_owned()
}

/// Returns the Rust sources.
fn sources() -> Vec<(PathBuf, String)> {
    files(&["rs"])
}

/// Returns the files with these extensions, by their path in the repository.
fn files(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["src", "bots", "examples", "tests"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| extensions.iter().any(|it| kind == *it))
            {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50);
    found
}

/// Returns the module of the crate that a file belongs to.
fn module(path: &Path) -> Option<&str> {
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    (parts.next() == Some("src")).then(|| parts.next().map(|name| name.trim_end_matches(".rs")))?
}

/// Returns the code of a file without its comments.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_file_begins_with_what_it_does() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{} does not begin with `//! ` and a sentence",
            path.display()
        );
    }
}

/// Returns the path of the module that a file is: `src/portal/http/mod.rs` is `portal`, `http`.
fn module_path(path: &Path) -> Vec<&str> {
    let mut parts: Vec<&str> = path
        .iter()
        .skip(1)
        .map(|part| part.to_str().unwrap())
        .collect();
    let file = parts.pop().unwrap().trim_end_matches(".rs");
    if file != "mod" && file != "lib" {
        parts.push(file);
    }
    parts
}

/// Returns the names that `lib.rs` re-exports, each with the module it comes from.
fn reexports() -> HashMap<String, String> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let text = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let uses = syntax::uses(&syntax::words(&text));
    let ours = uses
        .into_iter()
        .filter(|path| ORDER.contains(&path[0].as_str()));
    ours.map(|path| (path[path.len() - 1].clone(), path[0].clone()))
        .collect()
}

/// Returns the modules of the crate that a file of `src` imports from, also through groups, `super`
/// and what `lib.rs` re-exports.
fn imports(path: &Path, text: &str, reexports: &HashMap<String, String>) -> Vec<String> {
    let found = syntax::paths(&syntax::words(text), &module_path(path));
    found
        .into_iter()
        .filter_map(|path| path.into_iter().next())
        .map(|first| reexports.get(&first).cloned().unwrap_or(first))
        .collect()
}

#[test]
fn lib_rs_lists_the_modules_in_their_order() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let text = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let words = syntax::words(&text);
    let modules = words
        .windows(3)
        .filter(|three| three[0] == "mod" && three[2] == ";");
    let listed: Vec<&str> = modules.map(|three| three[1].as_str()).collect();
    let ordered = listed.iter().filter(|name| **name != "guide");
    assert_eq!(ordered.copied().collect::<Vec<_>>(), ORDER);
}

#[test]
fn a_module_imports_only_from_those_above_it() {
    let reexports = reexports();
    for (path, text) in sources() {
        let Some(place) =
            module(&path).and_then(|module| ORDER.iter().position(|name| *name == module))
        else {
            continue;
        };
        for import in imports(&path, &text, &reexports) {
            assert!(
                ORDER[..=place].contains(&import.as_str()),
                "{} imports from {import}, which is not above it",
                path.display()
            );
        }
    }
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let rules: &[(&str, &[&str])] = &[
        (
            "reqwest",
            &[
                "src/portal",
                "src/emulator/post.rs",
                "src/emulator/tests/secure.rs",
                "src/testing/network.rs",
            ],
        ),
        ("rcgen", &["src/emulator/serve/authority.rs"]),
        (
            "tokio_rustls",
            &["src/emulator/serve", "src/store/postgres/tls.rs"],
        ),
        ("tokio_postgres", &["src/store/postgres"]),
        (
            "poem",
            &["src/lib.rs", "src/serve", "src/emulator", "src/testing"],
        ),
        ("dashmap", &["src/store/memory", "src/engine"]),
        ("rusqlite", &["src/store/sqlite"]),
        (
            "aws_lc_rs",
            &[
                "src/store/archive/digest.rs",
                "src/handler/press.rs",
                "src/store/key.rs",
                "src/store/secret.rs",
                "src/store/postgres/tls.rs",
                "src/store/seal.rs",
                "src/portal/http/signature.rs",
                "src/emulator/serve/authority.rs",
            ],
        ),
        (
            "clap",
            &["src/app/commands.rs", "src/cli", "src/config", "src/lib.rs"],
        ),
        ("toml", &["src/config/file.rs"]),
        ("strsim", &["src/config/file.rs"]),
        ("indicatif", &["src/cli"]),
        ("listenfd", &["src/cli"]),
        ("tracing_subscriber", &["src/cli"]),
    ];
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src"))
    {
        let words = syntax::words(&text);
        let uses = syntax::uses(&words);
        let inline = words.windows(3);
        let inline = inline.filter(|three| three[1] == "::" && !three[0].starts_with("///"));
        let mut named: Vec<&str> = inline.map(|three| three[0].as_str()).collect();
        named.extend(uses.iter().map(|path| path[0].as_str()));
        for (library, places) in rules {
            let is_allowed = places.iter().any(|place| path.starts_with(place));
            assert!(
                is_allowed || !named.contains(library),
                "{} names {library}",
                path.display()
            );
        }
    }
}

#[test]
fn the_emulator_shares_only_events_and_messages_with_the_rest() {
    let reexports = reexports();
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/emulator"))
    {
        for module in imports(&path, &text, &reexports) {
            assert!(
                ["event", "message", "emulator"].contains(&module.as_str()),
                "{} uses {module}",
                path.display()
            );
        }
    }
}

#[test]
fn every_public_function_that_returns_a_result_documents_its_errors() {
    let mut missing = Vec::new();
    for (path, text) in sources() {
        let is_checked = ERRORS_DOCUMENTED
            .iter()
            .any(|place| path.starts_with(place));
        if is_checked && !path.iter().any(|part| part == "tests") {
            let words = syntax::words(&text);
            let names = syntax::without_errors(&words);
            missing.extend(
                names
                    .iter()
                    .map(|name| format!("{} {name}", path.display())),
            );
        }
    }
    assert!(
        missing.is_empty(),
        "without `# Errors`:\n{}",
        missing.join("\n")
    );
}

#[test]
fn old_names_are_gone() {
    let mut left = Vec::new();
    for (path, text) in sources() {
        let is_checked = !OLD_NAMES_LEFT.iter().any(|place| path.starts_with(place));
        if is_checked && path.starts_with("src") {
            let words = syntax::words(&text);
            let names = syntax::defined(&words).into_iter();
            let names = names.filter(|name| OLD_NAMES.contains(name));
            left.extend(names.map(|name| format!("{}: {name}", path.display())));
            let file = path.file_name().unwrap().to_str().unwrap();
            if OLD_FILES.contains(&file) {
                left.push(format!("{}: its name", path.display()));
            }
        }
        if path.starts_with("src/cli") || path.starts_with("tests/cli") {
            let keys = OLD_KEYS.iter().filter(|key| text.contains(**key));
            left.extend(keys.map(|key| format!("{}: {key}", path.display())));
        }
    }
    assert!(left.is_empty(), "old names:\n{}", left.join("\n"));
}

#[test]
fn comment_lines_have_at_most_100_characters() {
    let mut long = Vec::new();
    for (path, text) in sources() {
        let mut is_code = false;
        for (number, line) in (1..).zip(text.lines()) {
            let Some(comment) = line.trim_start().strip_prefix("//") else {
                continue;
            };
            let comment = comment.trim_start_matches(['/', '!', ' ']);
            is_code ^= comment.starts_with("```");
            let may_be_long = is_code || comment.starts_with('|'); // code and tables
            if !may_be_long && line.chars().count() > 100 {
                long.push(format!("{}:{number}", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

#[test]
fn events_and_messages_touch_neither_clock_nor_network() {
    for (path, text) in sources() {
        if path.starts_with("src/event") || path.starts_with("src/message") {
            for word in ["tokio", "Instant", "SystemTime", "std::net", "std::fs"] {
                assert!(
                    !code(&text).contains(word),
                    "{} uses {word}",
                    path.display()
                );
            }
        }
    }
}
