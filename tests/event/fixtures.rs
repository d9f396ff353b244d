//! Every pair in `tests/fixtures/events` decodes as its `NAME.expect.json` says.
//!
//! The format is described in `tests/fixtures/events/README.md`; a pair added to the folder is
//! tested from then on. A key that is absent there is not checked; `null` means that there must be
//! no value.

use std::fs;
use std::path::{Path, PathBuf};

use imbot::event::{BotRef, Delivery, Node, Page};
use serde_json::{Value, json};

use super::project::{delivery_facts, page_facts};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

#[test]
fn every_known_body_decodes_as_its_page_says() {
    let mut failures = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let kind = path
            .extension()
            .and_then(|kind| kind.to_str())
            .unwrap_or_default();
        if path.to_string_lossy().ends_with(".expect.json") || !matches!(kind, "form" | "json") {
            continue;
        }
        let expected: Value =
            serde_json::from_slice(&fs::read(path.with_extension("expect.json")).unwrap()).unwrap();
        let body = fs::read(&path).unwrap();
        seen += 1;
        if let Err(wrong) = check(kind, &body, &expected) {
            failures.push(format!(
                "{}:\n  {}",
                path.file_name().unwrap().to_string_lossy(),
                wrong.join("\n  ")
            ));
        }
    }
    assert!(seen >= 70, "only {seen} fixtures found");
    assert!(
        failures.is_empty(),
        "{} of {seen} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn check(kind: &str, body: &[u8], expected: &Value) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    if kind == "json" {
        let mut page = Page::from_json(body).map_err(|error| vec![error.to_string()])?;
        if let Some(bot) = polled_bot(expected) {
            for event in &mut page.events {
                *event = event
                    .for_polled_bot(&bot)
                    .map_err(|error| vec![error.to_string()])?;
            }
        }
        compare("", &page_facts(&page), expected, &mut wrong);
    } else {
        let delivery =
            Delivery::from_form(body.to_vec()).map_err(|error| vec![error.to_string()])?;
        let facts = delivery_facts(&delivery).map_err(|error| vec![error.to_string()])?;
        compare("", &facts, expected, &mut wrong);
        check_tree(&delivery, expected, &mut wrong);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// The bot that a page was polled for, in fixtures whose events do not name it.
fn polled_bot(expected: &Value) -> Option<BotRef> {
    serde_json::from_value(expected.get("polled_bot")?.clone()).ok()
}

/// Keys about the fixture and not about the event.
const NOTES: &[&str] = &[
    "facts",
    "absent",
    "category",
    "origin",
    "doc",
    "note",
    "polled_bot",
];

/// Checks that `facts` has every key of `expected` with the same value.
fn compare(path: &str, facts: &Value, expected: &Value, wrong: &mut Vec<String>) {
    match (facts, expected) {
        (Value::Object(facts), Value::Object(fields)) => {
            for (key, field) in fields
                .iter()
                .filter(|(key, _)| !NOTES.contains(&key.as_str()))
            {
                compare(
                    &format!("{path}.{key}"),
                    facts.get(key).unwrap_or(&Value::Null),
                    field,
                    wrong,
                );
            }
        }
        (Value::Array(facts), Value::Array(items)) if facts.len() == items.len() => {
            for (index, (fact, item)) in facts.iter().zip(items).enumerate() {
                compare(&format!("{path}.{index}"), fact, item, wrong);
            }
        }
        _ if facts == expected => {}
        _ => wrong.push(format!("{path}: {facts}, expected {expected}")),
    }
}

/// The `facts` and `absent` of the REST fixtures: single values by their path in the tree.
fn check_tree(delivery: &Delivery, expected: &Value, wrong: &mut Vec<String>) {
    let at = |path: &Value| delivery.at(&path.as_str().unwrap().split('.').collect::<Vec<_>>());
    for fact in expected["facts"].as_array().into_iter().flatten() {
        let found = at(&fact["path"]).map_or(Value::Null, |node| {
            typed(node, fact["as"].as_str().unwrap())
        });
        if found != fact["value"] {
            wrong.push(format!(
                "{}: {found}, expected {}",
                fact["path"], fact["value"]
            ));
        }
    }
    for path in expected["absent"].as_array().into_iter().flatten() {
        if at(path).is_some() {
            wrong.push(format!("{path} is there"));
        }
    }
}

fn typed(node: Node<'_>, kind: &str) -> Value {
    match kind {
        "int" => json!(node.number::<i64>().unwrap()),
        "flag" => json!(node.flag()),
        "list<int>" => json!(node.numbers::<i64>().unwrap()),
        "list<string>" => json!(node.values().filter_map(Node::text).collect::<Vec<_>>()),
        "len" => json!(node.values().count()),
        _ => json!(node.text()),
    }
}
