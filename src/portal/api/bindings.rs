//! The methods that bind events to our address (`event.*`).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::event::UserId;
use crate::portal::schedule::queue::BATCH_MAX;
use crate::portal::{Error, Portal, number};

/// One binding, as `event.get` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
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
    /// As whom the event comes: with this user's tokens, and what this user may see; 0 for who caused it.
    #[serde(default, rename = "auth_type", deserialize_with = "user")]
    pub user: UserId,
}

/// The page shows a text, and events of no user none at all.
fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(UserId(number(&value).unwrap_or(0)))
}

impl Binding {
    /// An event that is posted to this address, as who caused it.
    pub fn online(event: impl Into<String>, handler: impl Into<String>) -> Binding {
        Binding {
            event: event.into(),
            handler: handler.into(),
            ..Binding::default()
        }
    }

    /// An event that the portal keeps until it is [fetched](Portal::fetch_offline).
    pub fn offline(event: impl Into<String>) -> Binding {
        Binding {
            event: event.into(),
            offline: 1,
            ..Binding::default()
        }
    }

    /// The same, as this user.
    #[must_use]
    pub fn as_user(self, user: UserId) -> Binding {
        Binding { user, ..self }
    }

    fn params(&self) -> Value {
        let Binding {
            event,
            handler,
            offline,
            user,
        } = self;
        match offline {
            0 => json!({ "event": event, "handler": handler, "auth_type": user }),
            _ => json!({ "event": event, "event_type": "offline" }),
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

    /// What is bound, names in upper case. Who is no administrator sees their own bindings only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn bindings(&self) -> Result<Vec<Binding>, Error> {
        let mut bound: Vec<Binding> = self.call("event.get", &json!({})).await?;
        for binding in &mut bound {
            binding.event.make_ascii_uppercase();
        }
        Ok(bound)
    }

    /// Has events posted or kept, many with one call. The ones that the portal refuses come back with its words.
    ///
    /// # Errors
    /// A call as a whole is refused; what was bound before stays.
    pub async fn bind(&self, bindings: &[Binding]) -> Result<Vec<(Binding, String)>, Error> {
        self.for_each("event.bind", bindings).await
    }

    /// Ends bindings, many with one call. The ones that the portal refuses come back with its words.
    ///
    /// # Errors
    /// A call as a whole is refused.
    pub async fn unbind(&self, bindings: &[Binding]) -> Result<Vec<(Binding, String)>, Error> {
        self.for_each("event.unbind", bindings).await
    }

    async fn for_each(
        &self,
        method: &str,
        bindings: &[Binding],
    ) -> Result<Vec<(Binding, String)>, Error> {
        let mut refused = Vec::new();
        for bindings in bindings.chunks(BATCH_MAX) {
            let mut batch = self.in_bulk().batch();
            let add = |binding| {
                (
                    binding,
                    batch.add::<Value>(method, Binding::params(binding)),
                )
            };
            let commands: Vec<_> = bindings.iter().map(add).collect();
            let mut answers = batch.send().await?;
            for (binding, command) in commands {
                if let Err(error) = answers.take(command) {
                    refused.push((binding.clone(), error.to_string()));
                }
            }
        }
        Ok(refused)
    }
}
