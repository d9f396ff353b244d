//! Finds bytes in short text, where calling a search made for long text costs more than the search.
//!
//! Eight bytes are compared in one step, as one number.

const STEP: usize = 8;
const LOW: u64 = u64::from_le_bytes([0x01; STEP]);
const HIGH: u64 = u64::from_le_bytes([0x80; STEP]);

/// Returns the position of the first of these bytes.
#[inline]
pub(super) fn find<const N: usize>(wanted: [u8; N], text: &[u8]) -> Option<usize> {
    first(text, |step| {
        wanted
            .iter()
            .fold(0, |marks, byte| marks | equal(step, *byte))
    })
}

/// Returns the end of a plain name: the position of `=`, of a closing bracket, or of any character
/// below the digits, such as `%`, `&` and `+`.
#[inline]
pub(in crate::event) fn end_of_name(text: &[u8]) -> Option<usize> {
    first(text, |step| {
        below(step, b'0') | equal(step, b'=') | equal(step, b']')
    })
}

/// Returns the position of the first byte that is marked in its step.
#[inline]
fn first(text: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let place = |step: u64| {
        let marks = marks(step) & HIGH;
        (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
    };
    let Some(last) = text.last_chunk() else {
        let short = text
            .iter()
            .rev()
            .fold(0, |step, byte| step << 8 | u64::from(*byte));
        return place(short).filter(|place| *place < text.len()); // unused bytes of the step may be marked, too
    };
    for (index, step) in text.as_chunks().0.iter().enumerate() {
        if let Some(place) = place(u64::from_le_bytes(*step)) {
            return Some(index * STEP + place);
        }
    }
    place(u64::from_le_bytes(*last)).map(|place| text.len() - STEP + place)
}

/// Marks the bytes of a step that equal this one.
#[inline]
fn equal(step: u64, byte: u8) -> u64 {
    below(step ^ (LOW * u64::from(byte)), 1)
}

/// Marks, in their highest bits, the bytes of a step below a bound of at most 128. Subtracting the
/// bound from a smaller byte borrows, which sets that bit; it can also set the bit of the next
/// byte, so only the lowest mark counts.
#[inline]
fn below(step: u64, bound: u8) -> u64 {
    step.wrapping_sub(LOW * u64::from(bound)) & !step
}

/// Returns the text after `beginning`, if it starts with it. `strip_prefix` calls `memcmp`, which
/// took a fifth of the decoder's time.
#[inline]
pub(in crate::event) fn strip_start<'t>(beginning: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    let (same, rest) = text.split_at_checked(beginning.len())?;
    let equal = |a: &[u8; STEP], b: &[u8; STEP]| u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    let is_same = match (same.last_chunk(), beginning.last_chunk()) {
        (Some(end), Some(known)) => {
            let mut steps = same.as_chunks().0.iter().zip(beginning.as_chunks().0);
            equal(end, known) && steps.all(|(step, known)| equal(step, known))
        }
        _ => same
            .iter()
            .zip(beginning)
            .all(|(byte, known)| byte == known),
    };
    is_same.then_some(rest)
}

#[cfg(test)]
mod tests {
    use crate::event::scan::*;

    #[test]
    fn a_byte_is_found_at_every_position_among_similar_bytes() {
        for wanted in 0..=u8::MAX {
            let near = [
                wanted.wrapping_sub(1),
                wanted.wrapping_add(1),
                wanted ^ 0x80,
            ];
            for neighbour in near.into_iter().chain([0, 1, 0x7F, 0xFF]) {
                for length in 1..20 {
                    for place in 0..length {
                        let mut text = vec![neighbour; length];
                        text[place] = wanted;
                        let expected = if neighbour == wanted { 0 } else { place };
                        let found = find([wanted], &text);
                        assert_eq!(found, Some(expected), "{wanted} in {text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_stripped_only_of_a_beginning_that_is_equal_in_every_byte() {
        let text = b"data%5BPARAMS%5D%5BMESSAGE%5D=hi";
        for length in 0..=text.len() {
            assert_eq!(strip_start(&text[..length], text), Some(&text[length..]));
            for place in 0..length {
                let mut other = text[..length].to_vec();
                other[place] ^= 1;
                assert_eq!(strip_start(&other, text), None, "{place} of {length}");
            }
        }
        assert_eq!(strip_start(b"data", b"dat"), None);
    }

    #[test]
    fn the_first_of_several_bytes_is_found() {
        assert_eq!(find([b'a', b'b'], b"0123456ba"), Some(7));
        assert_eq!(find([b'a', b'b'], b"01a"), Some(2));
        assert_eq!(find([b'a', b'b'], b"0123456789"), None);
        assert_eq!(find([b'a', b'b'], b""), None);
        assert_eq!(find([0], b"0123"), None);
    }

    #[test]
    fn a_plain_name_ends_at_every_byte_that_may_end_it() {
        for name in [
            "",
            "A",
            "MESSAGE",
            "MESSAGE_ID",
            "CHAT_ENTITY_DATA_1",
            "\u{424}",
        ] {
            for end in [b'%', b'&', b'+', b'-', b']', b'='] {
                let text = [name.as_bytes(), &[end], b"0123456789="].concat();
                assert_eq!(end_of_name(&text), Some(name.len()), "{name} {end}");
            }
            assert_eq!(end_of_name(name.as_bytes()), None, "{name}");
        }
    }
}
