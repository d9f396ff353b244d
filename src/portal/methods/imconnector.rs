//! Connectors of open channels (`imconnector.*`). Pages `api-reference/imopenlines/imconnector`.
//! Needs the tokens of an application: an inbound webhook gets `WRONG_AUTH_TYPE`.
//!
//! An application that implements [`Connector`](crate::handler::Connector) calls none of these: the
//! framework does.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::Success;
use crate::event::{LineId, UserId};

/// The state of a connector on a line.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct ConnectorState {
    /// The line.
    #[serde(rename = "LINE")]
    pub line: LineId,
    /// The connector.
    #[serde(rename = "CONNECTOR")]
    pub connector: String,
    /// Whether it has an error ([`SetError`]).
    #[serde(rename = "ERROR")]
    pub has_error: bool,
    /// Whether it is set up.
    #[serde(rename = "CONFIGURED")]
    pub is_configured: bool,
    /// Whether it is active, set up and without an error.
    #[serde(rename = "STATUS")]
    pub is_on: bool,
}

/// The outcome of messages passed to a line; each succeeds or fails on its own.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct PassedMessages {
    /// Whether the call was accepted.
    #[serde(rename = "SUCCESS")]
    pub success: bool,
    /// `RESULT`: for each message `SUCCESS`, `ERRORS`, `session`, ….
    #[serde(rename = "DATA", default)]
    pub data: Value,
}

methods! {
    /// Registers a connector, or changes the one of this id. `icon` has `DATA_IMAGE`, `COLOR`,
    /// `SIZE`, `POSITION`.
    ///
    /// A refusal has status 200: `result` in the answer is false, and `error` is the code.
    Register "imconnector.register"
        (id: String = "ID", name: String = "NAME", icon: Value = "ICON", handler: String = "PLACEMENT_HANDLER")
        [icon_disabled: Value = "ICON_DISABLED", del_external_messages: bool = "DEL_EXTERNAL_MESSAGES",
         edit_internal_messages: bool = "EDIT_INTERNAL_MESSAGES", del_internal_messages: bool = "DEL_INTERNAL_MESSAGES",
         newsletter: bool = "NEWSLETTER", need_system_messages: bool = "NEED_SYSTEM_MESSAGES",
         need_signature: bool = "NEED_SIGNATURE", chat_group: bool = "CHAT_GROUP"] -> Success;

    /// Removes a connector.
    Unregister "imconnector.unregister" (id: String = "ID") [] -> Success;

    /// Adds a connector to a line (1) or removes it (0).
    ///
    /// Errors: `ERROR_ARGUMENT`.
    Activate "imconnector.activate" (connector: String = "CONNECTOR", line: LineId = "LINE", active: u64 = "ACTIVE") []
        -> bool;

    /// Replaces the address of the outside channel (`ID`, `URL`, `URL_IM`, `NAME`), and marks the
    /// connector as set up.
    ///
    /// Errors: `ERROR_ARGUMENT`.
    DataSet "imconnector.connector.data.set"
        (connector: String = "CONNECTOR", line: LineId = "LINE", data: Value = "DATA") [] -> bool;

    /// Returns the state of a connector on a line.
    Status "imconnector.status" (connector: String = "CONNECTOR", line: LineId = "LINE") [] -> ConnectorState;

    /// Returns the connectors of the portal, by id.
    ///
    /// Errors: `ACCESS_DENIED` without the right to change connectors.
    List "imconnector.list" () [] -> HashMap<String, String>;

    /// Passes clients' messages to a line: `user`, `message` and `chat` of each. The portal does
    /// not recognise repeats.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`, `ERROR_ARGUMENT`.
    SendMessages "imconnector.send.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Changes messages of clients, by the ids they were sent with.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    UpdateMessages "imconnector.update.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Deletes messages of clients: `user.id`, `message.id` and `chat.id` of each.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    DeleteMessages "imconnector.delete.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Reports that messages of the portal were delivered: `im`, `message` with the list of its ids
    /// outside, `chat`.
    ///
    /// Errors: `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    SendStatusDelivery "imconnector.send.status.delivery"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Reports that clients have read messages of the portal.
    ///
    /// Errors: `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    SendStatusReading "imconnector.send.status.reading"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Sets the error of a connector on a line, which takes it out of service until it is activated
    /// again. The documentation mentions it without a page.
    SetError "imconnector.set.error" (connector: String = "CONNECTOR", line: LineId = "LINE") [] -> PassedMessages;

    /// Renames the chat of a line, by the chat's id outside, and the client, unless chats are
    /// groups.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`, `ERROR_ARGUMENT`,
    /// `CHAT_RENAMING_FAILED`.
    ChatNameSet "imconnector.chat.name.set"
        (connector: String = "CONNECTOR", line: LineId = "LINE", chat: String = "CHAT_ID", name: String = "NAME")
        [user: UserId = "USER_ID"] -> PassedMessages;
}
