//! The house keeps its rules: who may import whom, who may name which library, and that every file says what it is for.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of `lib.rs`: each imports only from those before it.
const ORDER: &[&str] = &[
    "event", "message", "store", "portal", "handler", "engine", "serve", "emulator", "app", "cli",
    "config",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
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
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50);
    found
}

/// The module of the crate that a file belongs to.
fn module(path: &Path) -> Option<&str> {
    let mut parts = path.iter().map(|part| part.to_str().unwrap());
    (parts.next() == Some("src")).then(|| parts.next().map(|name| name.trim_end_matches(".rs")))?
}

/// The code of a file without its comments.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{} does not begin with `//! ` and a sentence",
            path.display()
        );
    }
}

#[test]
fn a_module_imports_only_from_those_above_it() {
    for (path, text) in sources() {
        let Some(place) =
            module(&path).and_then(|module| ORDER.iter().position(|name| *name == module))
        else {
            continue;
        };
        for below in &ORDER[place + 1..] {
            // `config` gives the wiring its settings; the modules before `app` know nothing of it.
            if matches!(ORDER[place], "app" | "cli") && matches!(*below, "cli" | "config") {
                continue;
            }
            let code = code(&text);
            let imports = code.contains(&format!("crate::{below}::"))
                || code.contains(&format!("crate::{below};"));
            assert!(
                !imports,
                "{} imports from {below}, which is below it",
                path.display()
            );
        }
    }
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let rules: &[(&str, &[&str])] = &[
        (
            "reqwest::",
            &[
                "src/portal",
                "src/emulator/post.rs",
                "src/emulator/tests/secure.rs",
            ],
        ),
        ("rcgen::", &["src/emulator/serve/authority.rs"]),
        ("tokio_rustls::", &["src/emulator/serve"]),
        ("poem::", &["src/serve", "src/emulator"]),
        ("dashmap::", &["src/store/memory", "src/engine"]),
        ("rusqlite::", &["src/store/sqlite"]),
        (
            "aws_lc_rs::",
            &[
                "src/store/sqlite",
                "src/portal/http/signature.rs",
                "src/emulator/serve/authority.rs",
            ],
        ),
        (
            "clap::",
            &["src/cli", "src/config", "src/portal/schedule/bucket.rs"],
        ),
        ("toml::", &["src/config/file.rs"]),
    ];
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src"))
    {
        for (library, places) in rules {
            let is_allowed = places.iter().any(|place| path.starts_with(place));
            assert!(
                is_allowed || !code(&text).contains(library),
                "{} names {library}",
                path.display()
            );
        }
    }
}

#[test]
fn the_witness_shares_only_events_and_messages_with_the_road() {
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/emulator"))
    {
        for module in ["store", "portal", "handler", "engine", "serve"] {
            assert!(
                !code(&text).contains(&format!("crate::{module}")),
                "{} uses {module}",
                path.display()
            );
        }
    }
}

#[test]
fn events_and_messages_touch_neither_clock_nor_network() {
    for (path, text) in sources() {
        if path.starts_with("src/event") || path.starts_with("src/message") {
            for word in ["tokio", "std::time", "std::net", "SystemTime", "std::fs"] {
                assert!(
                    !code(&text).contains(word),
                    "{} uses {word}",
                    path.display()
                );
            }
        }
    }
}
