//! Text without BB codes, as a messenger shows it that knows none.

/// The codes that the portal documents (bots-v2, section on formatting): what stands in brackets under another name is text.
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
/// Codes that stand for something by themselves: what they hold is not shown.
const HOLDERS: &[&str] = &["img", "icon", "disk"];

/// A text without its BB codes: `[br]` is a new line, a link is its label and its address, and what people typed in brackets
/// stays.
///
/// ```
/// use imbot::message::plain;
///
/// assert_eq!(plain("[b]Ann:[/b] [br]See [url=https://a.example]this[/url]"), "Ann: \nSee this (https://a.example)");
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
            name if HOLDERS.contains(&name) && !tag.is_end => {
                let end = format!("[/{name}]");
                let held = rest.to_ascii_lowercase().find(&end);
                rest = held.map_or(rest, |at| &rest[at + end.len()..]);
            }
            _ => {}
        }
    }
    plain.push_str(rest);
    plain.replace('\u{2060}', "")
}

/// A code in brackets.
struct Tag<'t> {
    name: String,
    value: Option<&'t str>,
    is_end: bool,
}

impl Tag<'_> {
    fn read(code: &str) -> Option<Tag<'_>> {
        let is_end = code.starts_with('/');
        let code = code.trim_start_matches('/');
        let end = code.find(['=', ' ']).unwrap_or(code.len());
        let name = code[..end].to_ascii_lowercase();
        let is_known =
            name == "br" || CODES.contains(&name.as_str()) || HOLDERS.contains(&name.as_str());
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
    fn codes_go_and_texts_stay() {
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
