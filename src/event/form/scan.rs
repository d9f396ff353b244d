//! Finding bytes in text that is mostly short, where calling a search that is made for long text costs more than searching.
//!
//! Eight bytes are looked at in one step, as one number.

const STEP: usize = 8;

/// Where the first of these bytes stands.
#[inline]
pub(super) fn find<const N: usize>(wanted: [u8; N], text: &[u8]) -> Option<usize> {
    let Some(last) = text.last_chunk() else {
        return text.iter().position(|byte| wanted.contains(byte));
    };
    let (steps, _) = text.as_chunks();
    for (index, step) in steps.iter().enumerate() {
        if let Some(place) = place(wanted, *step) {
            return Some(index * STEP + place);
        }
    }
    place(wanted, *last).map(|place| text.len() - STEP + place)
}

/// Where the first of the wanted bytes stands among eight.
#[inline]
fn place<const N: usize>(wanted: [u8; N], step: [u8; STEP]) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; STEP]);
    const HIGH: u64 = u64::from_le_bytes([0x80; STEP]);
    let step = u64::from_le_bytes(step);
    // A byte that is wanted becomes zero, and taking one from zero sets its highest bit. The loan can set that bit in a byte
    // above it too, so only the lowest one counts.
    let found = wanted.iter().fold(0, |found, byte| {
        let other = step ^ (LOW * u64::from(*byte));
        found | (other.wrapping_sub(LOW) & !other)
    });
    (found & HIGH != 0).then(|| (found & HIGH).trailing_zeros() as usize / 8)
}

/// What stands behind a beginning, if `text` begins so. `strip_prefix` calls `memcmp`, and that took a fifth of the decoder's
/// time.
#[inline]
pub(super) fn behind<'t>(beginning: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
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
    use super::*;

    #[test]
    fn a_byte_is_found_at_every_place_among_all_neighbours() {
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
                        assert_eq!(
                            find([wanted], &text),
                            Some(expected),
                            "{wanted} in {text:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_beginning_is_told_from_one_that_differs_anywhere() {
        let text = b"data%5BPARAMS%5D%5BMESSAGE%5D=hi";
        for length in 0..=text.len() {
            assert_eq!(behind(&text[..length], text), Some(&text[length..]));
            for place in 0..length {
                let mut other = text[..length].to_vec();
                other[place] ^= 1;
                assert_eq!(behind(&other, text), None, "{place} of {length}");
            }
        }
        assert_eq!(behind(b"data", b"dat"), None);
    }

    #[test]
    fn the_first_of_several_is_found_or_none() {
        assert_eq!(find([b'a', b'b'], b"0123456ba"), Some(7));
        assert_eq!(find([b'a', b'b'], b"01a"), Some(2));
        assert_eq!(find([b'a', b'b'], b"0123456789"), None);
        assert_eq!(find([b'a', b'b'], b""), None);
    }
}
