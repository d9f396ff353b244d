//! Reads fields of a query.

use poem::Request;
use serde::de::DeserializeOwned;

/// Returns a field of the query.
pub(super) fn query<T: DeserializeOwned>(request: &Request, name: &str) -> Option<T> {
    let text = crate::event::form::decode(request.uri().query()?.as_bytes())
        .ok()?
        .get(name)?
        .as_str()?
        .to_owned();
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_value(text.into()))
        .ok()
}
