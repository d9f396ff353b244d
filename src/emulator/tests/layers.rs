//! The emulator's layers: each file imports only from its own layer and those before it, and no
//! files import one another in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The layers in order, as in the head of `src/emulator/mod.rs`. A path is a file or a folder.
const LAYERS: &[&[&str]] = &[
    &[
        "clock", "refusal", "shorten", "picture", "post", "limit", "planned",
    ],
    &["world"],
    &["view", "objects", "reply"],
    &["updates", "transaction"],
    &["traffic_log", "delivery"],
    &["portal", "feed"],
    &["events"],
    &["actions"],
    &["install", "placement", "faults"],
    &["rest"],
    &["oauth", "page"],
    &["serve"],
    &["api"],
];

/// The table that lists the methods of all files of its folder, which is not counted as an import.
const TABLE: &str = "rest/table";

/// Returns the code of the emulator's modules, such as `world/line/config`, without the tests.
fn modules() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/emulator");
    let mut modules = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&root).expect("a path below");
            let name = name.to_str().expect("a name").replace('\\', "/");
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if let Some(module) = name.strip_suffix(".rs")
                && module != "mod"
            {
                let module = module.strip_suffix("/mod").unwrap_or(module).to_owned();
                let text = std::fs::read_to_string(&path).expect("a file");
                modules.insert(module, code(&text));
            }
        }
    }
    assert!(modules.len() > 100);
    modules
}

/// Returns the code of a file without comments and unit tests.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = lines.collect();
    let code = code.join("\n");
    code.split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Returns all paths in a piece of code; groups such as `super::{a, b::{c, d}}` are taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            expand(&code[at..], &[], &mut found);
        }
    }
    found
}

/// Reads a path or a group of paths, and returns the rest of the text.
fn expand<'a>(text: &'a str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut rest = text.trim_start();
    loop {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*')
            .unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        if let Some(next) = rest.strip_prefix("::") {
            rest = next;
        } else if end == 0 && rest.starts_with('{') {
            rest = &rest[1..];
            while !rest.trim_start().starts_with('}') && !rest.trim_start().is_empty() {
                rest = expand(rest, &path, found).trim_start();
                if let Some(next) = rest.find([',', '}']) {
                    rest = rest[next..].trim_start_matches(',');
                }
            }
            return rest.trim_start().strip_prefix('}').unwrap_or("");
        } else {
            found.push(path);
            return rest;
        }
    }
}

/// Returns the module of the emulator that a path in `module` leads to.
fn target(module: &str, path: &[String], modules: &BTreeMap<String, String>) -> Option<String> {
    let mut at: Vec<&str> = module.split('/').collect();
    let mut parts = path.iter().map(String::as_str).peekable();
    match parts.next()? {
        "crate" if parts.next()? == "emulator" => at.clear(),
        "crate" => return None,
        "super" => {
            at.pop()?;
            while parts.next_if_eq(&"super").is_some() {
                at.pop()?;
            }
        }
        _ => {}
    }
    let mut found = (!at.is_empty()).then(|| at.join("/"));
    for part in parts {
        at.push(part);
        let name = at.join("/");
        if !modules.contains_key(&name) {
            break;
        }
        found = Some(name);
    }
    found.filter(|name| modules.contains_key(name) && name != module)
}

/// Returns the modules that each module imports.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let mut imports = BTreeMap::new();
    for (module, code) in &modules {
        let named = paths(code).into_iter();
        let named = named.filter_map(|path| target(module, &path, &modules));
        imports.insert(module.clone(), named.collect());
    }
    imports
}

fn layer(module: &str) -> usize {
    let top = module.split('/').next().unwrap_or_default();
    let found = LAYERS.iter().position(|layer| layer.contains(&top));
    found.unwrap_or_else(|| panic!("{module} is in no layer: add it to LAYERS and to the map"))
}

#[test]
fn a_layer_imports_only_from_layers_before_it() {
    for (module, named) in imports() {
        for other in named {
            assert!(
                layer(&other) <= layer(&module),
                "{module} imports {other}, which is in a later layer"
            );
        }
    }
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    let mut left = imports();
    // The head of a folder and a table list their parts: these are not counted as imports.
    for (module, named) in &mut left {
        let folder = if module == TABLE { "rest" } else { module };
        let parts = format!("{folder}/");
        named.retain(|other| !other.starts_with(&parts));
    }
    loop {
        let free: Vec<String> = left
            .iter()
            .filter(|(_, named)| named.iter().all(|other| !left.contains_key(other)))
            .map(|(module, _)| module.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module, _| !free.contains(module));
    }
    assert!(left.is_empty(), "circles among {left:#?}");
}

#[test]
fn grouped_imports_are_taken_apart() {
    let code = "use super::{a, b::{c, D}, e};\nuse crate::emulator::world::{World, user::User};";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    for expected in [
        "super::a",
        "super::b::c",
        "super::b::D",
        "super::e",
        "crate::emulator::world::World",
        "crate::emulator::world::user::User",
    ] {
        assert!(
            found.contains(&expected.to_owned()),
            "{expected}: {found:?}"
        );
    }
}
