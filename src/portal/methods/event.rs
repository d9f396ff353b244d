//! Binds events to an address or to the portal's offline queue (`event.*`, `events`). Pages
//! `api-reference/events`. Needs the tokens of an application: an inbound webhook gets
//! `WRONG_AUTH_TYPE`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::Success;
use crate::event::UserId;
use crate::portal::http::answer::number;

/// A binding, as `event.get` returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Binding {
    /// The event's name.
    pub event: String,
    /// The address it is posted to; empty for offline events.
    #[serde(default)]
    pub handler: String,
    /// 1 for an offline event.
    #[serde(default)]
    pub offline: u8,
    /// The user whose tokens and rights the event has; 0 for the user who caused it.
    #[serde(default, rename = "auth_type", deserialize_with = "user")]
    pub user: UserId,
    /// The source (`auth_connector`) of an offline event; empty for none. The page of `event.get`
    /// does not mention it.
    #[serde(default, rename = "connector_id", deserialize_with = "text")]
    pub source: String,
}

/// Reads a number that the page shows as text, and that is missing if no user was named.
fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(UserId(number(&value).unwrap_or(0)))
}

/// Reads a text that may be null.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Binding {
    /// An event posted to this address, with the tokens of the user who caused it.
    pub fn online(event: impl Into<String>, handler: impl Into<String>) -> Binding {
        Binding {
            event: event.into(),
            handler: handler.into(),
            ..Binding::default()
        }
    }

    /// An event that the portal keeps until it is [fetched](crate::portal::Portal::fetch_offline).
    pub fn offline(event: impl Into<String>) -> Binding {
        Binding {
            event: event.into(),
            offline: 1,
            ..Binding::default()
        }
    }

    /// The same binding, with this user's tokens.
    #[must_use]
    pub fn as_user(self, user: UserId) -> Binding {
        Binding { user, ..self }
    }

    /// The same binding of an offline event, with this source.
    #[must_use]
    pub fn of_source(self, source: impl Into<String>) -> Binding {
        let source = source.into();
        Binding { source, ..self }
    }

    /// Its parameters for `event.bind` and `event.unbind`.
    pub(in crate::portal) fn params(&self) -> Value {
        let Binding {
            event,
            handler,
            offline,
            user,
            source: _, // a parameter of every call
        } = self;
        match offline {
            0 => json!({ "event": event, "handler": handler, "auth_type": user }),
            _ => json!({ "event": event, "event_type": "offline" }),
        }
    }
}

/// The number of bindings that were removed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[non_exhaustive]
pub struct Unbinding {
    /// The number.
    pub count: u64,
}

/// Offline events that were fetched.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct OfflineEvents {
    /// The id to clear them with; `None` if fetching has removed them.
    #[serde(default)]
    pub process_id: Option<String>,
    /// The events: `ID`, `EVENT_NAME`, `EVENT_DATA`, `MESSAGE_ID`, ….
    #[serde(default)]
    pub events: Vec<Value>,
}

methods! {
    /// Returns the names of all events; of one scope, or with `full` of all scopes.
    Events "events" () [scope: String = "SCOPE", full: bool = "FULL"] -> Vec<String>;

    /// Returns the bindings.
    Get "event.get" () [] -> Vec<Binding>;

    /// Binds an event to an address, or with `event_type` `offline` to the portal's queue, which
    /// needs an administrator.
    ///
    /// Errors: `ERROR_EVENT_NOT_FOUND`, `ERROR_CORE` if it is bound already, `ACCESS_DENIED`.
    Bind "event.bind" (event: String = "event")
        [handler: String = "handler", event_type: String = "event_type", auth_type: UserId = "auth_type",
         auth_connector: String = "auth_connector", options: Value = "options"] -> Success;

    /// Removes a binding.
    ///
    /// Errors: `ACCESS_DENIED`.
    Unbind "event.unbind" (event: String = "event", handler: String = "handler")
        [auth_type: UserId = "auth_type", event_type: String = "event_type"] -> Unbinding;

    /// Posts `ONAPPTEST` with the given value to the application.
    Test "event.test" () [any: Value = "any"] -> u64;

    /// Fetches offline events; with `clear` 0 they stay until [`OfflineClear`].
    ///
    /// Errors: `ACCESS_DENIED`, `WRONG_LICENSE`.
    OfflineGet "event.offline.get" ()
        [filter: Value = "filter", order: Value = "order", limit: u64 = "limit", clear: u64 = "clear",
         process: String = "process_id", auth_connector: String = "auth_connector", error: u64 = "error"] -> OfflineEvents;

    /// Returns offline events without fetching them, by page.
    ///
    /// Errors: `ACCESS_DENIED`.
    OfflineList "event.offline.list" ()
        [filter: Value = "filter", order: Value = "order", start: u64 = "start",
         auth_connector: String = "auth_connector"] -> Vec<Value>;

    /// Removes offline events that are handled; without ids, all of `process`.
    ///
    /// Errors: `ACCESS_DENIED`.
    OfflineClear "event.offline.clear" (process: String = "process_id")
        [ids: Vec<u64> = "id", messages: Vec<String> = "message_id"] -> Success;

    /// Marks offline events as failed.
    ///
    /// Errors: `ACCESS_DENIED`.
    OfflineError "event.offline.error" (process: String = "process_id")
        [messages: Vec<String> = "message_id"] -> Success;
}
