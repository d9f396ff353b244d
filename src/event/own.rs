//! Events of our own, which the program stores among those of portals so that they are kept and
//! ordered like them.
//!
//! Each is an item as a poll returns it, with a name that no portal sends. A form with such a name
//! is not decoded.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Delivery};

#[derive(Serialize, Deserialize)]
struct Item<T> {
    r#type: String,
    data: T,
}

/// Returns the event with this name and content.
pub(super) fn delivery<T: Serialize>(name: &str, data: &T) -> Result<Delivery, DecodeError> {
    let r#type = name.to_owned();
    let item = serde_json::to_vec(&Item { r#type, data }).unwrap_or_default(); // texts and numbers: cannot fail
    Delivery::from_item(item.into())
}

/// Decodes the content of a stored event.
pub(super) fn content<T: DeserializeOwned>(item: &Bytes) -> Result<T, DecodeError> {
    let item: Result<Item<T>, _> = serde_json::from_slice(item);
    item.map(|item| item.data)
        .map_err(|error| DecodeError::NotJson(error.to_string()))
}
