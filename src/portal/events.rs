//! The methods that bind events to our address (`event.*`).

use serde::Deserialize;
use serde_json::{Value, json};

use super::line::BATCH_MAX;
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
    /// 1 for an offline event.
    #[serde(default)]
    pub offline: u8,
}

/// What becomes of an event that is bound (`event_type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is posted to this address.
    Online(String),
    /// The portal keeps it until it is [fetched](Portal::fetch_offline).
    Offline,
}

impl Binding {
    /// Whether it is of this kind, and to this address.
    pub fn is(&self, kind: &EventType) -> bool {
        match kind {
            EventType::Online(handler) => self.offline == 0 && self.handler == *handler,
            EventType::Offline => self.offline == 1,
        }
    }
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

    /// Has events posted or kept, many with one call. The ones that the portal refuses come back with its words.
    ///
    /// # Errors
    /// A call as a whole is refused; what was bound before stays.
    pub async fn bind(
        &self,
        events: &[&str],
        kind: &EventType,
    ) -> Result<Vec<(String, String)>, Error> {
        self.for_each("event.bind", events, kind).await
    }

    /// Ends bindings, many with one call. The ones that the portal refuses come back with its words.
    ///
    /// # Errors
    /// A call as a whole is refused.
    pub async fn unbind(
        &self,
        events: &[&str],
        kind: &EventType,
    ) -> Result<Vec<(String, String)>, Error> {
        self.for_each("event.unbind", events, kind).await
    }

    async fn for_each(
        &self,
        method: &str,
        events: &[&str],
        kind: &EventType,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut refused = Vec::new();
        for events in events.chunks(BATCH_MAX) {
            let mut batch = self.in_bulk().batch();
            let add = |event: &&str| {
                let params = match kind {
                    EventType::Online(handler) => json!({ "event": event, "handler": handler }),
                    EventType::Offline => json!({ "event": event, "event_type": "offline" }),
                };
                ((*event).to_owned(), batch.add::<Value>(method, params))
            };
            let commands: Vec<_> = events.iter().map(add).collect();
            let mut answers = batch.send().await?;
            for (event, command) in commands {
                if let Err(error) = answers.take(command) {
                    refused.push((event, error.to_string()));
                }
            }
        }
        Ok(refused)
    }
}
