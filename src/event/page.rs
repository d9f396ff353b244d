//! One answer to a poll: its events, and what to ask for next.

use super::tree::Node;
use super::{DecodeError, Delivery, Tree};

/// One answer to a poll.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The events, oldest first.
    pub events: Vec<Delivery>,
    /// Why others could not be read: they stop nothing.
    pub broken: Vec<DecodeError>,
    /// What to ask for next; asking for it confirms these events.
    pub next_offset: u64,
    /// Whether more are waiting.
    pub has_more: bool,
}

impl Page {
    /// Decodes the answer of `imbot.v2.Event.get` or `im.v2.Event.get`, with its envelope or without.
    ///
    /// # Errors
    /// It is not JSON, or it is the portal's error.
    pub fn from_json(text: &[u8]) -> Result<Page, DecodeError> {
        Page::from_tree(&Tree::from_json(text)?)
    }

    /// Decodes the same where it is JSON already.
    ///
    /// # Errors
    /// As of [`from_json`](Page::from_json).
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
            None => after_last()?.map_or(0, |last| last + 1), // the answer's older form
        };
        Ok(Page {
            events,
            broken,
            next_offset,
            has_more: page.get("hasMore").and_then(Node::flag).unwrap_or(false),
        })
    }
}
