//! A nested value as the portal sends it: text at the leaves, maps between, in the original order.
//!
//! One body is one [`Tree`]: its bytes, and a flat list of nodes that point into them, so building
//! a tree copies no text and a value is unescaped only when it is read. In PHP and in forms a list
//! is a map with numbers as keys; only JSON distinguishes lists and numbers, and [`Node::to_json`]
//! restores them. The last of several equal keys counts, as in PHP.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

use bytes::Bytes;

use super::error::excerpt;
use super::{DecodeError, escape};

/// Maximum nesting of keys.
pub const DEPTH_MAX: usize = 32;

/// One body, decoded to a nested value.
#[derive(Clone)]
pub struct Tree {
    pub(super) text: Bytes,
    nodes: Vec<Cell>,
}

/// One value within a [`Tree`]: a map or a leaf.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    index: u32,
}

/// A range of the tree's text, and whether `%` or `+` in it are escapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length: u32, // the highest bit means "escaped"
}

const ESCAPED: u32 = 1 << 31;

impl Span {
    pub(super) fn new(start: usize, end: usize, escaped: bool) -> Span {
        Span {
            start: start as u32,
            length: (end - start) as u32 | if escaped { ESCAPED } else { 0 },
        }
    }

    pub(super) fn is_escaped(self) -> bool {
        self.length & ESCAPED != 0
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + (self.length & !ESCAPED) as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Map,
    List,
    Text,
    Number,
    Bool,
}

/// A key: a range of text, or the number of an item of `[]` or of a JSON list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Text(Span),
    Index(u32),
}

const NONE: u32 = 0; // the root is no child, so its index can mean "no node"

#[derive(Clone, Debug)]
struct Cell {
    key: Key,
    value: Span, // of a leaf
    kind: Kind,
    first: u32,
    last: u32,
    next: u32,
    next_index: u32, // of a map: the number that `[]` gets
}

impl Default for Tree {
    /// An empty map.
    fn default() -> Tree {
        Builder::new(Bytes::new(), 0).finish()
    }
}

impl Tree {
    /// The root value.
    pub fn root(&self) -> Node<'_> {
        Node {
            tree: self,
            index: 0,
        }
    }

    /// Returns the value at a path of keys, such as `["data", "PARAMS", "MESSAGE"]`.
    pub fn at<'t>(&'t self, path: &[&str]) -> Option<Node<'t>> {
        path.iter().try_fold(self.root(), |node, key| node.get(key))
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.text[span.range()]
    }

    fn read(&self, span: Span) -> Cow<'_, str> {
        let raw = self.slice(span);
        if span.is_escaped() {
            escape::unescape(raw)
        } else {
            escape::text(raw)
        }
    }

    fn key(&self, key: Key) -> Cow<'_, str> {
        match key {
            Key::Text(span) => self.read(span),
            Key::Index(number) => Cow::Owned(number.to_string()),
        }
    }

    fn is_key(&self, key: Key, text: &[u8]) -> bool {
        match key {
            Key::Text(span) if !span.is_escaped() => self.slice(span) == text,
            other => self.key(other).as_bytes() == text,
        }
    }

    /// Returns the path to a node as PHP writes it. Slow, since it is for errors only.
    fn path(&self, index: u32) -> String {
        let mut path = String::new();
        let mut at = 0;
        while at != index {
            let Some(child) = self.family(at).find(|child| self.holds(*child, index)) else {
                break;
            };
            let key = self.key(self.nodes[child as usize].key);
            path = if path.is_empty() {
                key.into_owned()
            } else {
                format!("{path}[{key}]")
            };
            at = child;
        }
        path
    }

    fn family(&self, parent: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.nodes[parent as usize].first;
        std::iter::successors((first != NONE).then_some(first), |child| {
            let next = self.nodes[*child as usize].next;
            (next != NONE).then_some(next)
        })
    }

    fn holds(&self, ancestor: u32, index: u32) -> bool {
        ancestor == index || self.family(ancestor).any(|child| self.holds(child, index))
    }
}

impl<'t> Node<'t> {
    fn cell(self) -> &'t Cell {
        &self.tree.nodes[self.index as usize]
    }

    /// Returns the value under `key`; the last one of several.
    pub fn get(self, key: &str) -> Option<Node<'t>> {
        let family = self.tree.family(self.index);
        let index = family
            .filter(|child| {
                self.tree
                    .is_key(self.tree.nodes[*child as usize].key, key.as_bytes())
            })
            .last()?;
        Some(Node {
            tree: self.tree,
            index,
        })
    }

    /// The keys and values of a map in the original order; empty for a leaf.
    pub fn entries(self) -> impl Iterator<Item = (Cow<'t, str>, Node<'t>)> {
        let tree = self.tree;
        tree.family(self.index).map(move |index| {
            (
                tree.key(tree.nodes[index as usize].key),
                Node { tree, index },
            )
        })
    }

    /// Like [`entries`](Node::entries), with keys as bytes, which need not be valid text: decoders
    /// only compare them.
    pub(super) fn fields(self) -> impl Iterator<Item = (Cow<'t, [u8]>, Node<'t>)> {
        let tree = self.tree;
        tree.family(self.index).map(move |index| {
            let key = match tree.nodes[index as usize].key {
                Key::Text(span) if !span.is_escaped() => Cow::Borrowed(tree.slice(span)),
                other => Cow::Owned(tree.key(other).into_owned().into_bytes()),
            };
            (key, Node { tree, index })
        })
    }

    /// The values of a map or list, without their keys.
    pub fn values(self) -> impl Iterator<Item = Node<'t>> {
        let tree = self.tree;
        tree.family(self.index)
            .map(move |index| Node { tree, index })
    }

    /// Whether this is a map or a list, not a leaf.
    pub fn is_map(self) -> bool {
        matches!(self.cell().kind, Kind::Map | Kind::List)
    }

    /// Returns the text of a leaf; `None` for a map.
    pub fn text(self) -> Option<Cow<'t, str>> {
        (!self.is_map()).then(|| self.tree.read(self.cell().value))
    }

    /// Returns the text of a leaf unless it is empty: the portal writes missing values as empty
    /// text.
    pub fn filled(self) -> Option<Cow<'t, str>> {
        self.text().filter(|text| !text.is_empty())
    }

    /// Returns a boolean written as `Y`, `N`, `1`, `0`, `true` or `false`; `None` for anything
    /// else.
    pub fn flag(self) -> Option<bool> {
        escape::flag(&self.text()?)
    }

    /// Returns a number; `None` for a map or an empty leaf.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`]: the text is not a number of type `T`; the error contains the
    /// key.
    pub fn number<T: FromStr>(self) -> Result<Option<T>, DecodeError> {
        match self.filled() {
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| self.unexpected("a number")),
            None => Ok(None),
        }
    }

    /// Returns the values of a list of numbers; empty if the node is a leaf.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`]: one of them is not a number.
    pub fn numbers<T: FromStr>(self) -> Result<Vec<T>, DecodeError> {
        self.values()
            .filter_map(|value| value.number().transpose())
            .collect()
    }

    /// The error for a value of another type than expected.
    pub(super) fn unexpected(self, expected: &'static str) -> DecodeError {
        let found = self
            .text()
            .map_or_else(|| "a map".to_owned(), |text| excerpt(&text));
        DecodeError::Unexpected {
            key: excerpt(&self.tree.path(self.index)),
            expected,
            found,
        }
    }

    /// The error for a missing `key`.
    pub(super) fn missing(self, key: &str) -> DecodeError {
        let path = self.tree.path(self.index);
        DecodeError::Missing {
            key: if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}[{key}]")
            },
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.cell().kind
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.root().fmt(f)
    }
}

impl std::fmt::Debug for Node<'_> {
    /// Prints keys only: values are tokens and people's messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_map() {
            f.debug_map().entries(self.entries()).finish()
        } else {
            f.write_str("…")
        }
    }
}

/// Builds a tree, leaf by leaf.
#[derive(Debug)]
pub(super) struct Builder {
    tree: Tree,
    /// The path of the last map: the next one usually shares most of it.
    way: Vec<u32>,
    /// Children of large maps, by name.
    index: HashMap<(u32, Box<[u8]>), u32>,
}

/// A map with more children than this is searched through [`Builder::index`], so no body can make
/// the search slow.
const SCAN_MAX: usize = 128;

impl Builder {
    pub(super) fn new(text: Bytes, leaves: usize) -> Builder {
        let mut nodes = Vec::with_capacity(leaves + leaves / 4 + 8);
        nodes.push(Cell::new(Key::Index(0), Kind::Map));
        Builder {
            tree: Tree { text, nodes },
            way: Vec::with_capacity(8),
            index: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> Tree {
        self.tree
    }

    /// Returns the map at a path, and creates what is missing; `None` as a key is PHP's `[]`, which
    /// always creates a new item.
    pub(super) fn map_at(&mut self, path: &[Option<Span>]) -> u32 {
        let mut parent = 0;
        for (level, key) in path.iter().enumerate() {
            parent = match (self.way.get(level), key) {
                (Some(known), Some(key)) if self.same(*known, *key) => *known,
                _ => {
                    self.way.truncate(level);
                    let map = self.map(parent, *key);
                    self.way.push(map);
                    map
                }
            };
        }
        self.way.truncate(path.len());
        parent
    }

    /// Adds a leaf to a map.
    pub(super) fn leaf(&mut self, parent: u32, key: Option<Span>, value: Span) {
        let leaf = self.grow(parent, key, Kind::Text);
        self.set(leaf, value);
    }

    /// Returns the map under `key`, or creates it if the last child of that name is not a map.
    fn map(&mut self, parent: u32, key: Option<Span>) -> u32 {
        let known = key.and_then(|key| self.find(parent, key));
        match known {
            Some(known) if self.tree.nodes[known as usize].kind == Kind::Map => known,
            _ => self.grow(parent, key, Kind::Map),
        }
    }

    fn find(&mut self, parent: u32, key: Span) -> Option<u32> {
        let mut family = self.tree.family(parent);
        let found = family
            .by_ref()
            .take(SCAN_MAX)
            .filter(|child| self.same(*child, key))
            .last();
        let is_large = family.next().is_some();
        drop(family);
        if is_large {
            self.find_indexed(parent, key)
        } else {
            found
        }
    }

    fn find_indexed(&mut self, parent: u32, key: Span) -> Option<u32> {
        let family = (parent, Box::default()); // no child is looked up by an empty name, so it marks the map as indexed
        if self.index.insert(family, NONE).is_none() {
            let children: Vec<u32> = self.tree.family(parent).collect();
            children
                .into_iter()
                .for_each(|child| self.remember(parent, child));
        }
        let name = self.tree.read(key);
        self.index
            .get(&(parent, name.as_bytes().into()))
            .copied()
            .filter(|child| *child != NONE)
    }

    fn remember(&mut self, parent: u32, child: u32) {
        let name = self
            .tree
            .key(self.tree.nodes[child as usize].key)
            .as_bytes()
            .into();
        self.index.insert((parent, name), child);
    }

    fn same(&self, child: u32, key: Span) -> bool {
        let tree = &self.tree;
        match tree.nodes[child as usize].key {
            Key::Text(known) if !known.is_escaped() && !key.is_escaped() => {
                tree.slice(known) == tree.slice(key)
            }
            known => tree.key(known) == tree.read(key),
        }
    }

    /// Adds a child under its key, or under the next number.
    fn grow(&mut self, parent: u32, key: Option<Span>, kind: Kind) -> u32 {
        let family = &mut self.tree.nodes[parent as usize];
        let next = family.next_index;
        let number = key.map_or(Some(next), |key| number(&self.tree.text[key.range()]));
        if let Some(number) = number {
            family.next_index = next.max(number.saturating_add(1));
        }
        let child = self.child(parent, key.map_or(Key::Index(next), Key::Text), kind);
        if !self.index.is_empty() && self.index.contains_key(&(parent, Box::default())) {
            self.remember(parent, child);
        }
        child
    }

    pub(super) fn child(&mut self, parent: u32, key: Key, kind: Kind) -> u32 {
        let child = self.tree.nodes.len() as u32;
        self.tree.nodes.push(Cell::new(key, kind));
        let family = &mut self.tree.nodes[parent as usize];
        let previous = std::mem::replace(&mut family.last, child);
        if previous == NONE {
            self.tree.nodes[parent as usize].first = child;
        } else {
            self.tree.nodes[previous as usize].next = child;
        }
        child
    }

    pub(super) fn set(&mut self, leaf: u32, value: Span) {
        self.tree.nodes[leaf as usize].value = value;
    }

    pub(super) fn set_text(&mut self, text: Bytes) {
        self.tree.text = text;
    }
}

/// A numeric key counts for the next `[]`.
fn number(key: &[u8]) -> Option<u32> {
    key.first().filter(|digit| digit.is_ascii_digit())?;
    std::str::from_utf8(key).ok()?.parse().ok()
}

impl Cell {
    fn new(key: Key, kind: Kind) -> Cell {
        Cell {
            key,
            value: Span::default(),
            kind,
            first: NONE,
            last: NONE,
            next: NONE,
            next_index: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The names of the fields, as decoders compare them.
    fn names(tree: &Tree) -> Vec<String> {
        let fields = tree.root().fields();
        let names = fields.map(|(key, _)| String::from_utf8(key.into_owned()).unwrap());
        names.collect()
    }

    #[test]
    fn decoders_see_keys_without_their_escapes() {
        let form = Tree::from_form(Bytes::from_static(b"pl%61in=1&plain2=2")).unwrap();
        assert_eq!(names(&form), ["plain", "plain2"]);
        let json = Tree::from_json(br#"{"pl\u0061in": 1, "plain2": 2}"#).unwrap();
        assert_eq!(names(&json), ["plain", "plain2"]);
    }
}
