//! The rows of parts that the engine keeps of conversations: their format, and how all of one name
//! are read.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{
    Conversation, PartScope, Partition, StateChange, Store, StoreError, StoredState,
};

/// The version of the format.
const VERSION: u32 = 1;

/// Number of parts that are read at a time.
const PAGE: usize = 1_000;

/// Reads a row. Returns `None` if it cannot be read.
pub(super) fn read<T: DeserializeOwned>(row: &StoredState) -> Option<T> {
    let read = serde_json::from_slice(&row.bytes);
    read.inspect_err(|error| tracing::error!(%error, "a part of a conversation cannot be read"))
        .ok()
}

/// Returns the row of a value.
pub(super) fn row(value: &impl Serialize) -> StoredState {
    StoredState {
        version: VERSION,
        bytes: Bytes::from(serde_json::to_vec(value).unwrap_or_default()), // texts and numbers: cannot fail
    }
}

/// Returns the change that stores a value.
pub(super) fn put(value: &impl Serialize) -> StateChange {
    StateChange::Put(row(value))
}

/// Returns the parts with this name of a partition, or of all (`None`).
///
/// # Errors
/// The store cannot be read.
pub(super) async fn all_named(
    store: &dyn Store,
    partition: Option<Partition>,
    name: &str,
) -> Result<Vec<(Conversation, StoredState)>, StoreError> {
    let scope = PartScope::Named {
        partition,
        name: name.to_owned(),
    };
    let mut all: Vec<(Conversation, StoredState)> = Vec::new();
    loop {
        let last = all.last().map(|(key, _)| key);
        let page = store.parts(scope.clone(), last, PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
