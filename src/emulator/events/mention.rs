//! Finds mentions in a text and removes them.
//!
//! The two rules differ, as on the portal. A mention is `[USER=5]`, `[USER=5]Bot[/USER]` or
//! `[USER=5 REPLACE]Bot[/USER]`. Removal does not know ` REPLACE` or an empty name, and then
//! removes the text up to the next closing tag.

/// Returns the users mentioned in a text, in order, each once.
pub(crate) fn mentioned(text: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = find_tag(rest, "[user=") {
        rest = &rest[start + "[user=".len()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (id, after) = rest.split_at(digits);
        let closed = after.starts_with(']') || after.to_ascii_lowercase().starts_with(" replace]");
        if let (Ok(id), true) = (id.parse(), closed)
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}

/// Returns the text as a bot in a group receives it: without mention tags, trimmed.
pub(crate) fn without_mentions(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = find_tag(rest, "[user=") {
        let Some(end) = tag_end(&rest[start..]) else {
            break;
        };
        kept.push_str(&rest[..start]);
        rest = &rest[start + end..];
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

/// Returns the end of a mention at the start of `tag`: after digits, `]`, at least one character,
/// and `[/user]`.
fn tag_end(tag: &str) -> Option<usize> {
    let name = "[user=".len() + tag["[user=".len()..].find(|c: char| !c.is_ascii_digit())?;
    let first = tag[name..].strip_prefix(']')?.chars().next()?;
    let inside = name + 1 + first.len_utf8();
    find_tag(&tag[inside..], "[/user]").map(|close| inside + close + "[/user]".len())
}

/// Finds a tag in any letter case.
fn find_tag(text: &str, tag: &str) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).find(|at| {
        text.as_bytes()
            .get(*at..at + tag.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(tag.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use crate::emulator::events::mention::*;

    #[test]
    fn a_mention_is_a_user_tag_with_or_without_replace() {
        let cases: [(&str, &[u64]); 6] = [
            ("[USER=567]NewBot[/USER] , hello", &[567]),
            (
                "[user=5]A[/user] and [USER=6 REPLACE]B[/USER], [USER=5]A[/USER]",
                &[5, 6],
            ),
            ("[USER=7]", &[7]),
            ("[USER=all]everyone[/USER]", &[]),
            ("@NewBot hello", &[]),
            ("[USER=8", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(mentioned(text), expected, "{text}");
        }
    }

    #[test]
    fn mentions_are_removed_with_the_portals_errors() {
        let cases = [
            ("[USER=567]NewBot[/USER] , how to", ", how to"),
            ("hi [user=5]Ann[/user]  there", "hi   there"),
            (
                "[USER=6 REPLACE]B[/USER] hello",
                "[USER=6 REPLACE]B[/USER] hello",
            ),
            ("[USER=6][/USER] lost [USER=7]C[/USER] kept", "kept"),
            ("  plain  ", "plain"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_mentions(text), expected, "{text}");
        }
    }
}
