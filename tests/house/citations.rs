//! Every citation of the protocol notes leads to an existing file and section.
//!
//! A citation is `protocol/bots-v1.md 2.3`, or `protocol/other-clients.md item 9`. A page of the
//! public documentation is named as `b24restdocs: limits.md`.

use std::fs;
use std::path::Path;

use super::{files, root};

/// The folder of the notes.
const NOTES: &str = "src/guide/protocol";
/// How a citation begins.
const BEGINNING: &str = "protocol/";
/// How the name of a page of the public documentation begins.
const PAGE: &str = "b24restdocs: ";

/// Returns the comments of a Rust file, or the whole text of a Markdown file, as one line.
fn prose(path: &Path, text: &str) -> String {
    let is_rust = path.extension().is_some_and(|kind| kind == "rs");
    let mut prose = String::new();
    for line in text.lines().map(str::trim_start) {
        let line = if !is_rust {
            line
        } else if line.starts_with("//") {
            line.trim_start_matches('/').trim_start_matches('!')
        } else {
            "."
        };
        prose.push_str(line.trim());
        prose.push(' ');
    }
    prose
}

/// Returns the faults of the citations in a text, and the number of citations.
fn faults(prose: &str, notes: &Path) -> (Vec<String>, usize) {
    let mut faults = Vec::new();
    let mut count = 0;
    for (at, _) in prose.match_indices(BEGINNING) {
        let rest = &prose[at + BEGINNING.len()..];
        let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        let end = rest.find(|char| !is_name(char)).unwrap_or(rest.len());
        let file = rest[..end].trim_end_matches('.');
        if file.ends_with(".md") {
            count += 1;
            faults.extend(fault(file, &rest[file.len()..], notes));
        }
    }
    (faults, count)
}

/// Says why a citation leads nowhere. `after` is the text behind the name of the file.
fn fault(file: &str, after: &str, notes: &Path) -> Option<String> {
    let Ok(text) = fs::read_to_string(notes.join(file)) else {
        return Some(format!("there is no {file}"));
    };
    let words = after.trim_start_matches(',').trim_start();
    if ["section", "Section", "§", "\""]
        .iter()
        .any(|word| words.starts_with(word))
    {
        return Some(format!(
            "cite `{BEGINNING}{file} 1.2`, not `{BEGINNING}{file}{after:.20}`"
        ));
    }
    let after = after.strip_prefix(' ').unwrap_or_default();
    if let Some(item) = after.strip_prefix("item ") {
        let item = number(item).unwrap_or_default();
        let exists = text
            .lines()
            .any(|line| line.starts_with(&format!("{item}. ")));
        return (!exists).then(|| format!("{file} has no item {item}"));
    }
    let section = number(after)?;
    let is_heading = |line: &str| {
        let title = line.trim_start_matches('#');
        title.len() < line.len() && number(title.trim_start()) == Some(section)
    };
    let exists = text.lines().any(is_heading);
    (!exists).then(|| format!("{file} has no section {section}"))
}

/// Returns the number at the beginning of a text, such as `2.3`, without a full stop behind it.
fn number(text: &str) -> Option<&str> {
    let is_part = |char: char| char.is_ascii_digit() || char == '.';
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    number
        .starts_with(|char: char| char.is_ascii_digit())
        .then_some(number)
}

/// Returns the Markdown files named in a text that are neither notes, nor pages of the
/// documentation, nor among the `known` files.
fn strange<'t>(prose: &'t str, known: &[String]) -> Vec<&'t str> {
    let is_end = |char: char| char.is_whitespace() || "`()[]\",;:".contains(char);
    let mut strange = Vec::new();
    for (at, _) in prose.match_indices(".md") {
        let end = at + ".md".len();
        if prose[end..].starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_') {
            continue;
        }
        let before = prose[..at]
            .char_indices()
            .rev()
            .find(|(_, char)| is_end(*char));
        let start = before.map_or(0, |(at, char)| at + char.len_utf8());
        let name = &prose[start..end];
        let is_page = prose[..start].ends_with(PAGE);
        let last = name.rsplit('/').next().unwrap_or(name);
        let is_known = known.iter().any(|known| known == last);
        if !is_page && !name.contains(BEGINNING) && last.len() > ".md".len() && !is_known {
            strange.push(name);
        }
    }
    strange
}

#[test]
fn every_citation_of_the_notes_leads_somewhere() {
    let notes = root().join(NOTES);
    let (mut count, mut found) = (0, Vec::new());
    for (path, text) in files(&["rs", "md"]) {
        if !path.ends_with("citations.rs") {
            let (faults, cited) = faults(&prose(&path, &text), &notes);
            found.extend(
                faults
                    .iter()
                    .map(|fault| format!("{}: {fault}", path.display())),
            );
            count += cited;
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(count > 80, "only {count} citations are found");
}

#[test]
fn a_named_markdown_file_is_a_note_a_page_or_a_file_of_this_repository() {
    let all = files(&["rs", "md"]);
    let mut known: Vec<String> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .map(str::to_owned)
        .into();
    for (path, _) in &all {
        let is_note = path.starts_with(NOTES);
        let is_markdown = path.extension().is_some_and(|kind| kind == "md");
        if let Some(name) = path.file_name().filter(|_| is_markdown && !is_note) {
            known.push(name.to_string_lossy().into_owned());
        }
    }
    let mut found = Vec::new();
    for (path, text) in &all {
        if !path.starts_with(NOTES) && !path.ends_with("citations.rs") {
            let prose = prose(path, text);
            let names = strange(&prose, &known);
            found.extend(
                names
                    .iter()
                    .map(|name| format!("{}: {name}", path.display())),
            );
        }
    }
    let advice = "cite `protocol/FILE.md 1.2` or `b24restdocs: PATH.md`";
    assert!(found.is_empty(), "{advice}: {found:#?}");
}

#[test]
fn a_citation_of_a_missing_file_or_section_is_found() {
    let notes = root().join(NOTES);
    let count = |text: &str| faults(&prose(Path::new("sample.rs"), text), &notes).0.len();
    assert_eq!(count("// (protocol/bots-v1.md 2.3)."), 0);
    assert_eq!(count("// protocol/bots-v1.md 2.3. And more"), 0);
    assert_eq!(count("// protocol/other-clients.md item 9: TLS"), 0);
    assert_eq!(count("/// the whole of protocol/rest.md."), 0);
    assert_eq!(count("/// see protocol/bots-v1.md\n    /// 2.3"), 0);
    assert_eq!(count("// protocol/bots-v1.md 2.99, protocol/no.md"), 2);
    assert_eq!(count("// protocol/other-clients.md item 99"), 1);
    assert_eq!(count("//! (protocol/bots-v1.md\n//! 99.1)"), 1);
    assert_eq!(count("// protocol/bots-v1.md, section 2.3"), 1);
}

#[test]
fn a_markdown_file_without_a_place_is_found() {
    let known = ["guide.md".to_owned()];
    let strange = |text| strange(text, &known).len();
    assert_eq!(
        strange("`b24restdocs: limits.md`, protocol/rest.md 5, guide.md"),
        0
    );
    assert_eq!(strange("(events.md, section 2), page `limits.md`"), 2);
}
