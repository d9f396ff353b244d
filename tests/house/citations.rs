//! Every citation of the protocol notes leads to an existing file and section.

use std::fs;
use std::path::Path;

use super::{files, root};

/// The folder of the notes.
const NOTES: &str = "src/guide/protocol";
/// How a citation begins: `protocol/bots-v1.md 2.3`, `protocol/other-clients.md item 9`.
const BEGINNING: &str = "protocol/";

/// A citation: the file, and the section or item if one is named.
#[derive(Debug, PartialEq)]
struct Citation<'t> {
    file: &'t str,
    section: Option<&'t str>,
    item: Option<&'t str>,
}

/// Returns the citations in a text.
fn citations(text: &str) -> Vec<Citation<'_>> {
    text.match_indices(BEGINNING)
        .filter_map(|(at, _)| {
            let rest = &text[at + BEGINNING.len()..];
            let end = rest.find(".md")? + ".md".len();
            let file = &rest[..end];
            let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
            if !file.chars().all(is_name) {
                return None;
            }
            let after = rest[end..].strip_prefix(' ').unwrap_or_default();
            let item = after.strip_prefix("item ").and_then(number);
            Some(Citation {
                file,
                section: number(after),
                item,
            })
        })
        .collect()
}

/// Returns the number at the beginning of a text, such as `2.3`, without a full stop behind it.
fn number(text: &str) -> Option<&str> {
    let is_part = |char: char| char.is_ascii_digit() || char == '.';
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    (!number.is_empty() && number.starts_with(|char: char| char.is_ascii_digit())).then_some(number)
}

/// Says why a citation leads nowhere.
fn fault(citation: &Citation<'_>, notes: &Path) -> Option<String> {
    let Ok(text) = fs::read_to_string(notes.join(citation.file)) else {
        return Some(format!("there is no {}", citation.file));
    };
    if let Some(section) = citation.section {
        let is_it = |line: &str| {
            let title = line.trim_start_matches('#');
            title.len() < line.len() && number(title.trim_start()) == Some(section)
        };
        if !text.lines().any(is_it) {
            return Some(format!("{} has no section {section}", citation.file));
        }
    }
    if let Some(item) = citation.item {
        let is_it = |line: &str| line.starts_with(&format!("{item}. "));
        if !text.lines().any(is_it) {
            return Some(format!("{} has no item {item}", citation.file));
        }
    }
    None
}

#[test]
fn every_citation_of_the_notes_leads_somewhere() {
    let notes = root().join(NOTES);
    let (mut count, mut faults) = (0, Vec::new());
    for (path, text) in files(&["rs", "md"]) {
        if path.starts_with(NOTES) || path.ends_with("citations.rs") {
            continue;
        }
        for citation in citations(&text) {
            count += 1;
            let fault = fault(&citation, &notes);
            faults.extend(fault.map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count > 80, "only {count} citations are found");
}

#[test]
fn the_notes_are_cited_by_file_and_number_only() {
    const OLD: &[&str] = &[
        "server-behaviour,",
        "bots-v1,",
        "bots-v2,",
        "open-channels,",
        "(server-behaviour.md",
        "(open-channels.md",
        "(bots-v1.md",
        "(bots-v2.md",
    ];
    for (path, text) in files(&["rs"]) {
        if path.ends_with("citations.rs") {
            continue;
        }
        for old in OLD {
            let is_comment = |line: &&str| line.trim_start().starts_with("//");
            let found = text
                .lines()
                .filter(is_comment)
                .find(|line| line.contains(old));
            assert_eq!(found, None, "{}: cite `protocol/FILE.md N`", path.display());
        }
    }
}

#[test]
fn a_citation_of_a_missing_file_or_section_is_found() {
    let notes = root().join(NOTES);
    let faults = |text: &str| -> Vec<bool> {
        let found = citations(text);
        let faults = found.iter().map(|citation| fault(citation, &notes));
        faults.map(|fault| fault.is_some()).collect()
    };
    assert_eq!(faults("(protocol/bots-v1.md 2.3)."), [false]);
    assert_eq!(faults("protocol/bots-v1.md 2.3. And more"), [false]);
    assert_eq!(faults("protocol/other-clients.md item 9: TLS"), [false]);
    assert_eq!(
        faults("protocol/bots-v1.md 2.99, protocol/no.md"),
        [true, true]
    );
    assert_eq!(faults("protocol/other-clients.md item 99"), [true]);
}
