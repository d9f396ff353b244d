//! Checks the pictures bots set for themselves: base64 without a `data:` prefix, at most 5000 by
//! 5000 pixels.
//!
//! Only format and size are read; protocol/bots-v2.md 2.3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;

/// Maximum width and height, in pixels.
const PIXELS_MAX: usize = 5000;

/// Refuses content that is not a picture, and a picture that is too large.
pub(crate) fn check(content: &str) -> Result<(), Refusal> {
    let refusal = |what: &str| {
        Refusal::new(
            &format!("BOT_AVATAR_INCORRECT_{what}"),
            format!("Avatar has an incorrect {}", what.to_lowercase()),
        )
    };
    let bytes = STANDARD
        .decode(content.trim())
        .map_err(|_| refusal("TYPE"))?;
    let (width, height) = size(&bytes).ok_or_else(|| refusal("TYPE"))?;
    if width.max(height) > PIXELS_MAX {
        return Err(refusal("SIZE"));
    }
    Ok(())
}

/// Returns width and height of a PNG, GIF or JPEG.
pub(crate) fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let wide =
            |at: usize| Some(usize::from(*bytes.get(at)?) << 8 | usize::from(*bytes.get(at + 1)?));
        return Some((wide(18)? + (wide(16)? << 16), wide(22)? + (wide(20)? << 16)));
    }
    if bytes.starts_with(b"GIF8") {
        let wide =
            |at: usize| Some(usize::from(*bytes.get(at + 1)?) << 8 | usize::from(*bytes.get(at)?));
        return Some((wide(6)?, wide(8)?));
    }
    bytes.starts_with(b"\xff\xd8").then(|| jpeg(bytes))?
}

/// Finds the JPEG segment that begins the picture and contains its size.
fn jpeg(bytes: &[u8]) -> Option<(usize, usize)> {
    let wide =
        |at: usize| Some(usize::from(*bytes.get(at)?) << 8 | usize::from(*bytes.get(at + 1)?));
    let mut at = 2;
    loop {
        let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        let is_frame = matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc);
        match (mark, is_frame) {
            (0xff, true) => return Some((wide(at + 7)?, wide(at + 5)?)),
            (0xff, false) => at += 2 + wide(at + 2)?.max(2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::picture::*;

    fn code(bytes: &[u8]) -> String {
        let refusal = check(&STANDARD.encode(bytes)).err();
        refusal.map_or_else(String::new, |refusal| refusal.code().to_owned())
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR";
        [head.as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
    }

    #[test]
    fn the_format_and_size_of_a_picture_are_read_from_its_bytes() {
        let jpeg = |height: u8| {
            let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8];
            bytes.extend([height, 0, 0, 9]);
            bytes
        };
        let (type_, size) = ("BOT_AVATAR_INCORRECT_TYPE", "BOT_AVATAR_INCORRECT_SIZE");
        let cases: [(Vec<u8>, &str); 8] = [
            (png(5000, 5000), ""),
            (png(5001, 1), size),
            (png(1, 70_000), size),
            (b"GIF89a\x10\x00\x10\x00".to_vec(), ""),
            (jpeg(1), ""),
            (jpeg(0xff), size),
            (b"%PDF-1.7".to_vec(), type_),
            (b"\xff\xd8\xff".to_vec(), type_),
        ];
        for (bytes, expected) in cases {
            assert_eq!(code(&bytes), expected, "{bytes:?}");
        }
        let with_prefix = format!("data:image/png;base64,{}", STANDARD.encode(png(1, 1)));
        assert_eq!(check(&with_prefix).unwrap_err().code(), type_);
    }
}
