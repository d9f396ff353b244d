//! Events that the application wants posted or kept for it (`event.*`, `events`). Pages `api-reference/events`. Only with
//! the tokens of an application: an inbound webhook gets `WRONG_AUTH_TYPE`.

use serde::Deserialize;
use serde_json::Value;

use super::Done;
use crate::event::UserId;
use crate::portal::Binding;

/// How many bindings were ended.
#[derive(Clone, Copy, Debug, Deserialize)]
#[non_exhaustive]
pub struct Unbound {
    /// How many.
    pub count: u64,
}

/// Offline events that were kept.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Kept {
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
         auth_connector: String = "auth_connector", options: Value = "options"] -> Done;

    /// Ends a binding.
    ///
    /// Errors: `ACCESS_DENIED`.
    Unbind "event.unbind" (event: String = "event", handler: String = "handler")
        [auth_type: UserId = "auth_type", event_type: String = "event_type"] -> Unbound;

    /// Has `ONAPPTEST` posted with what is given.
    Test "event.test" () [any: Value = "any"] -> u64;

    /// Takes offline events; with `clear` 0 they are kept until [`OfflineClear`].
    ///
    /// Errors: `ACCESS_DENIED`, `WRONG_LICENSE`.
    OfflineGet "event.offline.get" ()
        [filter: Value = "filter", order: Value = "order", limit: u64 = "limit", clear: u64 = "clear",
         process: String = "process_id", auth_connector: String = "auth_connector", error: u64 = "error"] -> Kept;

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
        [ids: Vec<u64> = "id", messages: Vec<String> = "message_id"] -> Done;

    /// Marks offline events as failed.
    ///
    /// Errors: `ACCESS_DENIED`.
    OfflineError "event.offline.error" (process: String = "process_id")
        [messages: Vec<String> = "message_id"] -> Done;
}
