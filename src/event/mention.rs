//! Mentions in a text: `[USER=5]Ann[/USER]`, also `[USER=5 REPLACE]Ann[/USER]`.

use super::UserId;

/// A mention: the user, and its bytes in the text.
struct Mention {
    user: UserId,
    start: usize,
    end: usize,
}

/// Returns the mentioned users in order, each once.
pub(super) fn mentioned(text: &str) -> Vec<UserId> {
    let mut users = Vec::new();
    for mention in mentions(text) {
        if !users.contains(&mention.user) {
            users.push(mention.user);
        }
    }
    users
}

/// Returns the trimmed text without the mentions of one user, as the portal sends it in v1; `None`
/// if there are none.
pub(super) fn without(text: &str, user: UserId) -> Option<String> {
    let mut rest = String::new();
    let mut last = 0;
    for mention in mentions(text).filter(|mention| mention.user == user) {
        rest.push_str(&text[last..mention.start]);
        last = mention.end;
    }
    (last > 0).then(|| {
        rest.push_str(&text[last..]);
        rest.trim().to_owned()
    })
}

/// Returns the trimmed text without any mention, as the portal sends it in groups of v1. The portal
/// does not recognise a mention without a name or with ` REPLACE` (protocol/server-behaviour.md
/// 3.3).
pub(super) fn without_all(text: &str) -> String {
    const CLOSE: &str = "[/user]";
    let lower = text.to_ascii_lowercase();
    let name_of = |tag: usize| {
        let id = lower[tag..].strip_prefix("[user=")?;
        let name = id.trim_start_matches(|c: char| c.is_ascii_digit());
        let name = name.strip_prefix(']').filter(|_| name.len() < id.len())?;
        let first = name.chars().next()?.len_utf8();
        Some(lower.len() - name.len() + first)
    };
    let mut kept = String::new();
    let mut at = 0;
    while let Some(tag) = lower[at..].find("[user=").map(|found| at + found) {
        let close = name_of(tag).and_then(|from| Some(from + lower[from..].find(CLOSE)?));
        let Some(close) = close else {
            let after = tag + 1;
            kept.push_str(&text[at..after]);
            at = after;
            continue;
        };
        kept.push_str(&text[at..tag]);
        at = close + CLOSE.len();
    }
    kept.push_str(&text[at..]);
    kept.trim().to_owned()
}

fn mentions(text: &str) -> impl Iterator<Item = Mention> {
    const OPEN: &str = "[USER=";
    const CLOSE: &str = "[/USER]";
    let find = move |tag: &str, from: usize| {
        let bytes = text.as_bytes().get(from..)?.windows(tag.len());
        let place = bytes
            .into_iter()
            .position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))?;
        Some(from + place)
    };
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = find(OPEN, from)?;
            from = start + OPEN.len();
            let inside = &text[from..];
            let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
            let Ok(user) = inside[..digits].parse() else {
                continue; // `[USER=all]`
            };
            let Some(close) = find(CLOSE, from) else {
                continue;
            };
            let end = close + CLOSE.len();
            from = end;
            return Some(Mention { user, start, end });
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::event::mention::*;

    #[test]
    fn only_the_given_users_mention_is_removed() {
        let text = "[USER=7]Echo[/USER], tell [user=5 REPLACE]Ann[/user] [USER=all]all[/USER] hi";
        assert_eq!(mentioned(text), [UserId(7), UserId(5)]);
        assert_eq!(
            without(text, UserId(7)).unwrap(),
            ", tell [user=5 REPLACE]Ann[/user] [USER=all]all[/USER] hi"
        );
        assert_eq!(without(text, UserId(9)), None);
    }

    #[test]
    fn all_mentions_are_removed_as_the_portal_does_in_groups_of_v1() {
        for (text, expected) in [
            ("[USER=567]NewBot[/USER] , how to", ", how to"),
            (
                "hi [user=5]Änn[/user]  there [USER=6]B[/USER]",
                "hi   there",
            ),
            (
                "[USER=6 REPLACE]B[/USER] [USER=7]C[/USER] hi",
                "[USER=6 REPLACE]B[/USER]  hi",
            ),
            ("[USER=6][/USER] lost [USER=7]C[/USER] kept", "kept"),
            ("[USER=]x[/USER] [USER=7", "[USER=]x[/USER] [USER=7"),
            ("  plain  ", "plain"),
        ] {
            assert_eq!(without_all(text), expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_mention_stays() {
        for text in ["[USER=7]open", "[USER=]x[/USER]", "[USER=", "ö[USER=ü]", ""] {
            assert_eq!(
                (mentioned(text), without(text, UserId(7))),
                (vec![], None),
                "{text}"
            );
        }
    }
}
