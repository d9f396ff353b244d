//! Text without BB codes, for messengers that do not know them.

/// Codes that the portal documents (protocol/bots-v2.md 11). Other names in brackets are text.
const CODES: &[&str] = &[
    "b",
    "i",
    "u",
    "s",
    "size",
    "color",
    "url",
    "user",
    "chat",
    "context",
    "code",
    "put",
    "send",
    "call",
    "timestamp",
    "quote",
    "list",
    "center",
    "left",
    "right",
];
/// Codes of pictures and files. Their content is not shown.
const MEDIA_CODES: &[&str] = &["img", "icon", "disk"];

/// Maximum length of a code's name, in bytes. What is longer is text.
const NAME_BYTES_MAX: usize = 16;

/// Returns a text without its BB codes: `[br]` becomes a new line, a link its label and its
/// address. Brackets that people typed are kept.
///
/// ```
/// use imbot::message::plain;
///
/// let text = "[b]Ann:[/b] [br]See [url=https://a.example]this[/url]";
/// assert_eq!(plain(text), "Ann: \nSee this (https://a.example)");
/// assert_eq!(plain("a[1] [\u{2060}b]"), "a[1] [b]");
/// ```
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut links: Vec<Option<&str>> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some((code, after)) = rest[1..].split_once(']') else {
            break;
        };
        let Some(tag) = Tag::read(code) else {
            plain.push('[');
            rest = &rest[1..];
            continue;
        };
        rest = after;
        match tag.name.as_str() {
            "br" => plain.push('\n'),
            "url" if tag.is_end => {
                if let Some(address) = links.pop().flatten() {
                    plain.push_str(&format!(" ({address})"));
                }
            }
            "url" => links.push(tag.value),
            name if MEDIA_CODES.contains(&name) && !tag.is_end => {
                let end = format!("[/{name}]");
                let content_end = rest.to_ascii_lowercase().find(&end);
                rest = content_end.map_or(rest, |at| &rest[at + end.len()..]);
            }
            _ => {}
        }
    }
    plain.push_str(rest);
    plain.replace('\u{2060}', "")
}

/// A code in brackets.
pub(super) struct Tag<'t> {
    pub(super) name: String,
    value: Option<&'t str>,
    pub(super) is_end: bool,
}

impl Tag<'_> {
    pub(super) fn read(code: &str) -> Option<Tag<'_>> {
        let is_end = code.starts_with('/');
        let code = code.trim_start_matches('/');
        let mut bytes = code.bytes().take(NAME_BYTES_MAX + 1);
        let end = bytes.position(|byte| matches!(byte, b'=' | b' '));
        let end = end.unwrap_or(code.len());
        if end > NAME_BYTES_MAX {
            return None;
        }
        let name = code[..end].to_ascii_lowercase();
        let is_known =
            name == "br" || CODES.contains(&name.as_str()) || MEDIA_CODES.contains(&name.as_str());
        let value = code[end..].strip_prefix('=');
        is_known.then_some(Tag {
            name,
            value,
            is_end,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::message::plain::plain;

    #[test]
    fn codes_are_removed_and_text_is_kept() {
        let cases = [
            ("hi", "hi"),
            ("[B]bold[/B] and [color=#f00]red[/color]", "bold and red"),
            ("[user=5 replace]Ann[/user]", "Ann"),
            ("[icon=https://a.example/i.png size=20 title=x]", ""),
            ("[img size=small]https://a.example/i.png [/img]!", "!"),
            ("[url]https://a.example[/url]", "https://a.example"),
            ("[put=/help]help[/put]", "help"),
            ("[unknown]x[/unknown] [", "[unknown]x[/unknown] ["),
            ("[[b]x[/b]]", "[x]"),
            ("[url=a][url=b]x[/url]", "x (b)"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
