//! One answer to a poll: its events, and the next offset.

use super::tree::Node;
use super::{DecodeError, Delivery, Tree};

/// One answer to a poll.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The events, oldest first.
    pub events: Vec<Delivery>,
    /// The errors of items that could not be read.
    pub broken: Vec<DecodeError>,
    /// The next offset. Polling with it confirms these events.
    pub next_offset: u64,
    /// Whether more events wait.
    pub has_more: bool,
}

impl Page {
    /// Decodes the answer of `imbot.v2.Event.get` or `im.v2.Event.get`, with or without its
    /// envelope.
    ///
    /// # Errors
    /// - [`DecodeError::NotJson`], or a limit is exceeded: see [`Tree::from_json`].
    /// - [`DecodeError::Refused`]: it is the portal's error.
    /// - [`DecodeError::Missing`]: it contains no `events`.
    /// - [`DecodeError::Unexpected`]: an offset is not a number.
    pub fn from_json(text: &[u8]) -> Result<Page, DecodeError> {
        Page::from_tree(&Tree::from_json(text)?)
    }

    /// Decodes an answer that is a JSON value already.
    ///
    /// # Errors
    /// Those of [`from_json`](Page::from_json).
    pub fn from_value(answer: &serde_json::Value) -> Result<Page, DecodeError> {
        Page::from_tree(&Tree::from_value(answer)?)
    }

    fn from_tree(tree: &Tree) -> Result<Page, DecodeError> {
        let root = tree.root();
        let word = |key| {
            root.get(key)
                .and_then(Node::text)
                .unwrap_or_default()
                .into_owned()
        };
        if root.get("error").is_some() {
            return Err(DecodeError::Refused {
                code: word("error"),
                description: word("error_description"),
            });
        }
        let page = root.get("result").unwrap_or(root);
        let items = page.get("events").ok_or_else(|| page.missing("events"))?;
        let (mut events, mut broken) = (Vec::new(), Vec::new());
        for item in items.values() {
            match Delivery::from_item(item.to_json().to_string().into()) {
                Ok(event) => events.push(event),
                Err(wrong) => broken.push(wrong),
            }
        }
        let after_last = || {
            page.get("lastEventId")
                .map_or(Ok(None), |last| last.number::<u64>())
        };
        let next_offset = match page.get("nextOffset") {
            Some(next) => next.number()?.unwrap_or(0),
            None => after_last()?.map_or(0, |last| last + 1), // an older form of the answer
        };
        Ok(Page {
            events,
            broken,
            next_offset,
            has_more: page.get("hasMore").and_then(Node::flag).unwrap_or(false),
        })
    }
}
