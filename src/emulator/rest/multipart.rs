//! `multipart/form-data`, which every method accepts by POST: its fields become an ordinary form.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// Returns the fields as a form body; parts without a name and files are skipped.
pub(super) fn to_form(boundary: &str, body: &[u8]) -> Vec<u8> {
    let mut form = Vec::new();
    for part in split(body, format!("--{boundary}").as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let (head, content) = (String::from_utf8_lossy(&part[..end]), &part[end + 4..]);
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        if let Some(name) = name(&head) {
            let content = percent_encode(content, NON_ALPHANUMERIC);
            let name = percent_encode(name.as_bytes(), NON_ALPHANUMERIC);
            form.extend_from_slice(format!("{name}={content}&").as_bytes());
        }
    }
    form
}

/// Returns the boundary in a content type.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.split_once("boundary=")?;
    Some(
        rest.split(';')
            .next()
            .unwrap_or(rest)
            .trim()
            .trim_matches('"'),
    )
}

fn name(head: &str) -> Option<&str> {
    let (_, rest) = head.split_once(" name=\"")?;
    let is_file = head.contains("filename=");
    rest.split_once('"')
        .filter(|_| !is_file)
        .map(|(name, _)| name)
}

/// Splits a body at its boundaries.
fn split<'b>(mut body: &'b [u8], boundary: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = find(body, boundary) {
        pieces.push(&body[..at]);
        body = &body[at + boundary.len()..];
    }
    pieces
}

fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    body.windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::multipart::*;
    use crate::event::form;
    use serde_json::json;

    #[test]
    fn fields_keep_their_brackets_line_breaks_and_letters() {
        let kind = "multipart/form-data; boundary=\"Xy\"";
        let part = |name: &str, text: &str| {
            format!("--Xy\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let file =
            "--Xy\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nx\r\n";
        let body = part("MESSAGE", "a&b\r\nж") + file + &part("USERS[0]", "5") + "--Xy--\r\n";
        let form = to_form(boundary(kind).expect("a boundary"), body.as_bytes());
        let tree = form::decode(&form).expect("a form");
        assert_eq!(
            tree,
            json!({ "MESSAGE": "a&b\r\nж", "USERS": { "0": "5" } })
        );
    }
}
