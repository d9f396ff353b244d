//! Samples of all events, from the table `samples.txt`.

use serde_json::Value;

use super::Tokens;

/// The table: a name and its `data` on each line.
const TABLE: &str = include_str!("samples.txt");

/// Returns sample data for an event.
pub(crate) fn sample(event: &str) -> Value {
    let event = event.to_uppercase();
    let mut lines = rows().filter(|(pattern, _)| fits(pattern, &event));
    let data = lines.next().map(|(_, data)| serde_json::from_str(data));
    data.and_then(Result::ok).unwrap_or_default()
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' '))
}

/// Whether a name matches a pattern; each `*` stands for any text, also for none.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| fits(after, &rest[at..]))
        }),
    }
}

impl Tokens {
    /// Returns which tokens an event has that is sent by hand, as on the page of the event.
    pub(super) fn of(event: &str) -> Self {
        match event {
            "ONAPPUNINSTALL" => Tokens::None,
            "ONAPPINSTALL" | "ONAPPUPDATE" | "ONOFFLINEEVENT" | "ONIMCOMMANDADD" => {
                Tokens::WithRefresh
            }
            _ if event.starts_with("ONSESSION")
                || event.starts_with("ONOPENLINE")
                || event.starts_with("ONIMCONNECTORDIALOG") =>
            {
                Tokens::OfSession
            }
            _ => Tokens::WithoutRefresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::emulator::events::samples::*;
    use crate::event::{catalogue, form};

    #[test]
    fn a_star_in_a_pattern_matches_any_text() {
        for (pattern, name, expected) in [
            ("ONTASK*", "ONTASKADD", true),
            ("ONCRM*USERFIELD*", "ONCRMLEADUSERFIELDADD", true),
            ("ONCRM*USERFIELD*", "ONCRMLEADADD", false),
            ("ONUSERADD", "ONUSERADD2", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn every_line_is_json_and_has_a_new_pattern() {
        let mut seen = BTreeSet::new();
        for (pattern, data) in rows() {
            let read: Result<Value, _> = serde_json::from_str(data);
            assert!(read.is_ok(), "{pattern}: {read:?}");
            assert!(seen.insert(pattern), "{pattern} is there twice");
        }
    }

    #[test]
    fn every_event_of_the_catalogue_has_a_sample_of_its_kind() {
        let last = rows().count() - 1;
        for (name, _) in catalogue::names() {
            let at = rows().position(|(pattern, _)| fits(pattern, name));
            assert!(at.is_some_and(|at| at < last), "{name} has none");
        }
    }

    /// Collects the keys of an event's data.
    fn keys(tree: &Value, path: &str, found: &mut BTreeSet<String>) {
        match tree.as_object() {
            None => {
                let _ = found.insert(path.to_owned());
            }
            Some(fields) => {
                for (key, value) in fields {
                    keys(value, &format!("{path}.{key}"), found);
                }
            }
        }
    }

    /// Compares the samples with those of the documentation.
    #[test]
    fn samples_have_the_keys_of_the_documentation() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/events");
        let files = std::fs::read_dir(folder).expect("the fixtures");
        let mut compared = 0;
        for file in files.map(|file| file.expect("a file").path()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            // The second sample of the same event, for a rented line.
            if !name.starts_with("rest-") || !name.ends_with(".form") || name.contains("init_line")
            {
                continue;
            }
            let body = std::fs::read_to_string(&file).expect("a form");
            let theirs = form::decode(body.trim().as_bytes()).expect("a form");
            let event = theirs["event"].as_str().expect("a name");
            let ours = form::encode(&serde_json::json!({ "data": sample(event) }));
            let ours = form::decode(ours.as_bytes()).expect("a form");
            let all = |tree: &Value| {
                let mut found = BTreeSet::new();
                keys(&tree["data"], "", &mut found);
                found
            };
            assert_eq!(all(&ours), all(&theirs), "{name}");
            compared += 1;
        }
        assert!(compared > 30);
    }
}
