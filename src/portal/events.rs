//! The methods that bind events to our address (`event.*`).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Portal};

/// One binding, as `event.get` tells it.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Binding {
    /// The event's name.
    pub event: String,
    /// Where it is posted; empty for offline events.
    #[serde(default)]
    pub handler: String,
}

impl Portal {
    /// The names of all events that the application may bind.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn event_names(&self) -> Result<Vec<String>, Error> {
        self.call("events", &json!({})).await
    }

    /// What is bound.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn bindings(&self) -> Result<Vec<Binding>, Error> {
        self.call("event.get", &json!({})).await
    }

    /// Has an event posted to an address.
    ///
    /// # Errors
    /// `ERROR_EVENT_NOT_FOUND`; `ERROR_CORE` if it is bound already.
    pub async fn bind(&self, event: &str, handler: &str) -> Result<(), Error> {
        self.call::<Value>("event.bind", &json!({ "event": event, "handler": handler }))
            .await
            .map(drop)
    }

    /// Ends a binding.
    ///
    /// # Errors
    /// `ACCESS_DENIED`.
    pub async fn unbind(&self, event: &str, handler: &str) -> Result<(), Error> {
        self.call::<Value>(
            "event.unbind",
            &json!({ "event": event, "handler": handler }),
        )
        .await
        .map(drop)
    }
}
