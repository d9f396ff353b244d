//! Reads Rust source as far as the rules of the house need it: words, paths, and what is defined.

/// Returns the words and marks of a source text. Comments and literals are left out, except lines
/// of documentation, each of which is one word that begins with `///`. `::` and `->` are one mark
/// each.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            if rest.starts_with("///") {
                words.push(rest[..end].trim_end().to_owned());
            }
            rest = &rest[end..];
        } else if rest.starts_with("/*") {
            rest = after(rest, "*/");
        } else if first == '"' {
            rest = after_text(&rest[1..]);
        } else if first == '\'' {
            rest = after_quote(&rest[1..]);
        } else if first.is_alphanumeric() || first == '_' {
            let is_end = |c: char| !c.is_alphanumeric() && c != '_';
            let (word, next) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
            rest = next;
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            if matches!(word, "r" | "br" | "cr") && rest[hashes..].starts_with('"') {
                rest = after(&rest[hashes + 1..], &format!("\"{}", "#".repeat(hashes)));
            } else {
                words.push(word.to_owned());
            }
        } else {
            let mark = ["::", "->"].into_iter().find(|mark| rest.starts_with(mark));
            let length = mark.map_or(first.len_utf8(), str::len);
            if !first.is_whitespace() {
                words.push(rest[..length].to_owned());
            }
            rest = &rest[length..];
        }
    }
    words
}

/// Returns the text after the first `end`.
fn after<'t>(text: &'t str, end: &str) -> &'t str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

/// Returns the text after a string literal whose opening quote is passed.
fn after_text(text: &str) -> &str {
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// Returns the text after a character literal whose opening quote is passed; a lifetime's name
/// stays.
fn after_quote(text: &str) -> &str {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(escaped)) => after(&text[1 + escaped.len_utf8()..], "'"),
        (Some(char), Some('\'')) => &text[char.len_utf8() + 1..],
        _ => text,
    }
}

/// Returns every path that begins with `crate`, `self` or `super`, from the root of the crate, for
/// code of this module. Groups are resolved: `crate::{a, b::{c, d}}` gives `a`, `b::c` and `b::d`.
pub(super) fn paths(words: &[String], module: &[&str]) -> Vec<Vec<String>> {
    let mut module: Vec<String> = module.iter().map(|&name| name.to_owned()).collect();
    let (mut found, mut blocks) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < words.len() {
        let word = |ahead: usize| words.get(at + ahead).map_or("", String::as_str);
        match word(0) {
            "mod" if word(2) == "{" => {
                module.push(word(1).to_owned());
                blocks.push(true);
                at += 3;
                continue;
            }
            "{" => blocks.push(false),
            "}" if blocks.pop() == Some(true) => drop(module.pop()),
            "crate" | "self" | "super" if word(1) == "::" => {
                at = tree(words, at, &[], &module, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Returns the paths of the `use` declarations that do not begin with `crate`, `self` or `super`.
pub(super) fn uses(words: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        if words[at] == "use" {
            tree(words, at + 1, &[], &[], &mut found);
        }
    }
    found
}

/// Reads a path with its groups, and returns the place after it.
fn tree(
    words: &[String],
    mut at: usize,
    before: &[String],
    module: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        match words.get(at).map_or("", String::as_str) {
            "{" => {
                at += 1;
                while words.get(at).is_some_and(|word| word != "}") {
                    let next = tree(words, at, &path, module, found);
                    at = next.max(at + 1);
                    if words.get(at).is_some_and(|word| word == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "crate" => path.clear(),
            "self" if path.is_empty() => path = module.to_vec(),
            "self" => {}
            "super" => {
                if path.is_empty() && words.get(at.wrapping_sub(1)).is_none_or(|w| w != "::") {
                    path = module.to_vec();
                }
                path.pop();
            }
            name if name.starts_with(|c: char| c.is_alphanumeric() || "_*".contains(c)) => {
                path.push(name.to_owned());
            }
            _ => return at,
        }
        at += 1;
        if words.get(at).is_some_and(|word| word == "as") {
            at += 2;
        }
        if words.get(at).is_none_or(|word| word != "::") {
            found.push(path);
            return at;
        }
        at += 1;
    }
}

/// Returns the names that a source text defines: types, functions, traits and modules.
pub(super) fn defined(words: &[String]) -> Vec<&str> {
    const KINDS: &[&str] = &["struct", "enum", "trait", "type", "fn", "mod", "union"];
    let pairs = words.windows(2);
    pairs
        .filter(|pair| KINDS.contains(&pair[0].as_str()))
        .map(|pair| pair[1].as_str())
        .collect()
}

/// Returns the names of public functions, and of those of public traits, that return a `Result` and
/// have no `# Errors` in their documentation.
pub(super) fn without_errors(words: &[String]) -> Vec<&str> {
    let (mut found, mut docs) = (Vec::new(), String::new());
    // Whether each open block is a public trait, or a module of tests.
    let (mut blocks, mut next) = (Vec::new(), Block::Other);
    let (mut is_public, mut is_test) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let ahead = |by: usize| words.get(at + by).map_or("", String::as_str);
        match word.as_str() {
            "pub" => is_public = ahead(1) != "(",
            "test" if ahead(1) == ")" => is_test = true,
            "trait" if is_public => next = Block::Trait,
            "mod" if is_test => next = Block::Tests,
            "fn" => {
                let is_public = is_public || blocks.last() == Some(&Block::Trait);
                let signature = signature(&words[at..]);
                let is_fallible = signature.iter().any(|word| word == "Result");
                let is_tests = blocks.contains(&Block::Tests) || is_test;
                if is_public && is_fallible && !is_tests && !docs.contains("# Errors") {
                    found.push(ahead(1));
                }
            }
            "{" => {
                blocks.push(std::mem::replace(&mut next, Block::Other));
                (is_public, is_test) = (false, false);
                docs.clear();
            }
            "}" | ";" => {
                if word == "}" {
                    blocks.pop();
                }
                (is_public, is_test) = (false, false);
                docs.clear();
            }
            word if word.starts_with("///") => docs.push_str(word),
            _ => {}
        }
    }
    found
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    Trait,
    Tests,
    Other,
}

/// Returns the return type of a function, from the last arrow outside of parentheses on.
fn signature(words: &[String]) -> &[String] {
    let is_end = |word: &String| matches!(word.as_str(), "{" | ";" | "where");
    let words = &words[..words.iter().position(is_end).unwrap_or(words.len())];
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            "->" if depth == 0 && words[at - 1] == ")" && is_own(words, at) => return &words[at..],
            _ => {}
        }
    }
    &[]
}

/// Whether an arrow outside of parentheses is the function's own, and not that of a bound such as
/// `<F: Fn() -> T>`.
fn is_own(words: &[String], at: usize) -> bool {
    let count = |mark: &str| words[..at].iter().filter(|word| *word == mark).count();
    count("<") == count(">")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(module: &[&str], text: &str) -> Vec<String> {
        let found = paths(&words(text), module);
        found.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn grouped_imports_are_resolved() {
        let groups = "use crate::{app::App, store::{Store, turn::{self, Outcome}}, config};";
        let expected = [
            "app::App",
            "store::Store",
            "store::turn",
            "store::turn::Outcome",
            "config",
        ];
        assert_eq!(resolved(&["event"], groups), expected);
        assert_eq!(resolved(&[], "use {crate::a, std::b};"), ["a"]);
        assert_eq!(
            resolved(&[], "use crate::a as b; use crate::c::*;"),
            ["a", "c::*"]
        );
    }

    #[test]
    fn relative_paths_are_resolved_and_may_leave_the_module() {
        let place = ["portal", "http", "client"];
        assert_eq!(
            resolved(&place, "use super::probe::Probe;"),
            ["portal::http::probe::Probe"]
        );
        assert_eq!(
            resolved(&place, "fn a() { super::super::super::engine::b() }"),
            ["engine::b"]
        );
        assert_eq!(
            resolved(&place, "use self::a; use super::{super::b, c};"),
            ["portal::http::client::a", "portal::b", "portal::http::c",]
        );
    }

    #[test]
    fn a_module_inside_a_file_has_its_own_super() {
        let text = "mod tests { use super::*; fn a() { if b {} } } use super::c;";
        assert_eq!(
            resolved(&["event", "tree"], text),
            ["event::tree::*", "event::c"]
        );
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "// crate::a\n/* crate::b */ \"crate::c\\\" crate::d\" r#\"crate::\"e\"# '\"' '\\'' <'a> crate::f";
        assert_eq!(resolved(&[], text), ["f"]);
    }

    #[test]
    fn a_fallible_public_function_without_errors_is_found() {
        let text = "
            /// Text.
            pub fn a() -> Result<(), E> { Ok(()) }
            /// # Errors
            pub async fn b() -> io::Result<()> { fn c() -> Result {} }
            pub(crate) fn d() -> Result {}
            pub fn e(f: impl Fn() -> Result) -> u8 {}
            pub fn f<F: Fn() -> Result>(f: F) {}
            pub trait T { fn g() -> impl Future<Output = Result>; }
            trait P { fn h() -> Result; }
            #[cfg(test)] mod tests { pub fn i() -> Result {} }
            impl S { /// Text.
                #[must_use]
                pub const fn j(self) -> Result<S, E> {} }
        ";
        assert_eq!(without_errors(&words(text)), ["a", "g", "j"]);
    }
}
