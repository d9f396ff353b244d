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
    fn the_first_of_several_is_found_or_none() {
        assert_eq!(find([b'a', b'b'], b"0123456ba"), Some(7));
        assert_eq!(find([b'a', b'b'], b"01a"), Some(2));
        assert_eq!(find([b'a', b'b'], b"0123456789"), None);
        assert_eq!(find([b'a', b'b'], b""), None);
    }
}
