//! Changes a body a little, the way fuzzers do.

use super::random::Random;

/// Maximum size of a changed body, in bytes.
const BYTES_MAX: usize = 16 * 1_024;
/// Pieces that mean something to a reader of forms or of JSON.
const PIECES: &[&[u8]] = &[
    b"&",
    b"=",
    b"[",
    b"]",
    b"[]",
    b"[0]",
    b"[-1]",
    b"%5B",
    b"%5D",
    b"%",
    b"%F",
    b"%00",
    b"%FF",
    b"%0A",
    b"+",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"{",
    b"}",
    b"{}",
    b"null",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"[USER=1]x[/USER]",
    b"[/B]",
    b"event=ONIMBOTMESSAGEADD",
    b"ONIMBOTV2MESSAGEADD",
    b"data[BOT][0][BOT_ID]=1",
    b"data[PARAMS]=",
    b"auth=",
];

/// Returns one of the bodies with a few changes.
pub(crate) fn mutate(random: &mut Random, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut body = bodies[random.place(bodies.len())].clone();
    for _ in 0..=random.below(8) {
        change(random, &mut body, bodies);
    }
    body.truncate(BYTES_MAX);
    body
}

fn change(random: &mut Random, body: &mut Vec<u8>, bodies: &[Vec<u8>]) {
    let at = random.place(body.len() + 1);
    let end = at + random.place((body.len() - at).min(64) + 1);
    match random.below(8) {
        0 => flip(random, body),
        1 => drop(body.drain(at..end)),
        2 => {
            let copy = body[at..end].to_vec();
            insert(body, at, &copy);
        }
        3 | 4 => insert(body, at, PIECES[random.place(PIECES.len())]),
        5 => {
            let times = 1 << random.below(9);
            insert(body, at, &PIECES[random.place(PIECES.len())].repeat(times));
        }
        6 => {
            let other = &bodies[random.place(bodies.len())];
            let from = random.place(other.len() + 1);
            let to = from + random.place((other.len() - from).min(256) + 1);
            insert(body, at, &other[from..to]);
        }
        _ => body.truncate(at),
    }
}

fn flip(random: &mut Random, body: &mut [u8]) {
    let at = random.place(body.len());
    if let Some(byte) = body.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn insert(body: &mut Vec<u8>, at: usize, piece: &[u8]) {
    body.splice(at..at, piece.iter().copied());
}
