//! Splits a body into maps and pairs, in one pass.

use bytes::Bytes;

use super::{BODY_BYTES_MAX, PAIRS_MAX, key};
use crate::event::error::excerpt;
use crate::event::escape::unescape;
use crate::event::scan;
use crate::event::tree::{Builder, DEPTH_MAX, Span};
use crate::event::{DecodeError, Tree};

/// Size of a pair in real bodies, in bytes, or less: reserves space for the pairs.
const PAIR_BYTES: usize = 36;

/// Number of maps in real bodies: reserves space for the maps.
const MAPS: usize = 16;

/// A body within the limits, and the positions of its maps and pairs, in the original order.
///
/// The portal writes the pairs of a map next to each other, so the names of the map are split once
/// for all of them.
#[derive(Clone)]
pub(in crate::event) struct Pairs {
    body: Bytes,
    pub(super) maps: Vec<Block>,
    /// The names of the maps, outermost first, one map after another.
    pub(super) names: Vec<Span>,
    pub(super) pairs: Vec<Pair>,
}

/// Adjacent pairs of one map: the start of its names and of its pairs.
#[derive(Clone, Copy, Default)]
pub(super) struct Block {
    pub(super) names: usize,
    pub(super) pairs: usize,
}

/// A pair's own name, and its value.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) name: Span,
    pub(super) value: Span,
}

impl Pairs {
    pub(in crate::event) fn read(body: Bytes) -> Result<Pairs, DecodeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut form = Pairs {
            body: Bytes::new(),
            maps: Vec::with_capacity(MAPS),
            names: Vec::with_capacity(2 * MAPS),
            pairs: Vec::with_capacity((body.len() / PAIR_BYTES).min(PAIRS_MAX)),
        };
        form.maps.push(Block::default());
        let mut stem = &[][..]; // the last key up to its last name
        let mut rest = &body[..];
        while let [first, after @ ..] = rest {
            if *first == b'&' {
                rest = after;
                continue;
            }
            if form.pairs.len() == PAIRS_MAX {
                return Err(DecodeError::TooManyKeys);
            }
            let at = body.len() - rest.len();
            let (name, value) = match key::after_stem(stem, rest) {
                Some((end, value)) => (Span::new(at + stem.len(), at + end, false), value),
                None => {
                    let (name, value) = form.enter(rest, at)?;
                    stem = &body[at..name.range().start];
                    (name, value)
                }
            };
            rest = &rest[value..];
            let length = scan::find([b'&'], rest).unwrap_or(rest.len());
            rest = &rest[length..];
            let value = Span::new(at + value, at + value + length, true); // for all that is known
            form.pairs.push(Pair { name, value });
        }
        Ok(Pairs { body, ..form })
    }

    /// Starts the map of the pair at this position of the body. Returns the pair's own name and the
    /// start of its value.
    #[inline(never)] // it runs for few pairs
    fn enter(&mut self, pair: &[u8], at: usize) -> Result<(Span, usize), DecodeError> {
        self.maps.push(Block {
            names: self.names.len(),
            pairs: self.pairs.len(),
        });
        let key = key::of(pair);
        let mut own = Span::default();
        for (depth, name) in key::names(key).enumerate() {
            if depth == DEPTH_MAX {
                let key = excerpt(&unescape(key));
                return Err(DecodeError::TooDeep { key });
            }
            if depth > 0 {
                self.names.push(own);
            }
            let is_escaped = scan::find([b'%', b'+'], &key[name.clone()]).is_some();
            own = Span::new(at + name.start, at + name.end, is_escaped);
        }
        let equals = usize::from(pair.get(key.len()) == Some(&b'='));
        Ok((own, key.len() + equals))
    }

    pub(in crate::event) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn slice(&self, span: Span) -> &[u8] {
        &self.body[span.range()]
    }

    pub(in crate::event) fn tree(&self) -> Tree {
        let mut builder = Builder::new(self.body.clone(), self.pairs.len());
        let mut path = Vec::with_capacity(DEPTH_MAX);
        for map in self.maps() {
            path.clear();
            path.extend(map.names.iter().enumerate().map(key_at));
            let mut parent = builder.map_at(&path);
            for (place, pair) in map.pairs.iter().enumerate() {
                if place > 0 && path.contains(&None) {
                    parent = builder.map_at(&path); // `[]` on the way is another map for every pair
                }
                let own = key_at((path.len(), &pair.name));
                builder.leaf(parent, own, pair.value);
            }
        }
        builder.finish()
    }
}

/// Returns a name as a key at its depth: inside brackets an empty one is PHP's `[]`.
fn key_at((depth, name): (usize, &Span)) -> Option<Span> {
    (depth == 0 || !name.range().is_empty()).then_some(*name)
}
