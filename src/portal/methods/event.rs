//! Events that the application wants posted or kept for it (`event.*`, `events`). Pages `api-reference/events`. Only with
//! the tokens of an application: an inbound webhook gets `WRONG_AUTH_TYPE`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::Success;
use crate::event::UserId;
use crate::portal::http::answer::number;

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

    /// Its parameters for `event.bind` and `event.unbind`.
    pub(in crate::portal) fn params(&self) -> Value {
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

/// How many bindings were ended.
#[derive(Clone, Copy, Debug, Deserialize)]
#[non_exhaustive]
pub struct Unbinding {
    /// How many.
    pub count: u64,
}

/// Offline events that were kept.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct OfflineEvents {
    /// What to name when they are handled; none where reading has removed them.
    #[serde(default)]
    pub process_id: Option<String>,
    /// The events: `ID`, `EVENT_NAME`, `EVENT_DATA`, `MESSAGE_ID`, ….
    #[serde(default)]
    pub events: Vec<Value>,
}

methods! {
    /// Tells the names of all events; of one scope, or with `full` of all.
    Events "events" () [scope: String = "SCOPE", full: bool = "FULL"] -> Vec<String>;

    /// Tells what is bound.
    Get "event.get" () [] -> Vec<Binding>;

    /// Has an event posted to an address; or, with `event_type` `offline`, kept by the portal to be asked for, which
    /// takes an administrator.
    ///
    /// Errors: `ERROR_EVENT_NOT_FOUND`, `ERROR_CORE` where it is bound already, `ACCESS_DENIED`.
    Bind "event.bind" (event: String = "event")
        [handler: String = "handler", event_type: String = "event_type", auth_type: UserId = "auth_type",
         auth_connector: String = "auth_connector", options: Value = "options"] -> Success;

    /// Ends a binding.
    ///
    /// Errors: `ACCESS_DENIED`.
    Unbind "event.unbind" (event: String = "event", handler: String = "handler")
        [auth_type: UserId = "auth_type", event_type: String = "event_type"] -> Unbinding;

    /// Has `ONAPPTEST` posted with what is given.
    Test "event.test" () [any: Value = "any"] -> u64;

    /// Takes offline events; with `clear` 0 they are kept until [`OfflineClear`].
    ///
    /// Errors: `ACCESS_DENIED`, `WRONG_LICENSE`.
    OfflineGet "event.offline.get" ()
        [filter: Value = "filter", order: Value = "order", limit: u64 = "limit", clear: u64 = "clear",
         process: String = "process_id", auth_connector: String = "auth_connector", error: u64 = "error"] -> OfflineEvents;

    /// Looks at offline events, by page.
    ///
    /// Errors: `ACCESS_DENIED`.
    OfflineList "event.offline.list" ()
        [filter: Value = "filter", order: Value = "order", start: u64 = "start",
         auth_connector: String = "auth_connector"] -> Vec<Value>;

    /// Removes offline events that are handled; without ids, all of the process.
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
