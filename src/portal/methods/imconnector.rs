//! Connectors of open channels (`imconnector.*`). Pages `api-reference/imopenlines/imconnector`. Only with the tokens of an
//! application: an inbound webhook gets `WRONG_AUTH_TYPE`.
//!
//! An application that implements [`Connector`](crate::handler::Connector) calls none of these: the framework does.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::Success;
use crate::event::{LineId, UserId};

/// How a connector stands on a line.
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
    /// Whether it is on, set up and without an error.
    #[serde(rename = "STATUS")]
    pub is_on: bool,
}

/// What came of messages that were passed on: each succeeds or fails by itself.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct PassedMessages {
    /// Whether the call was taken.
    #[serde(rename = "SUCCESS")]
    pub success: bool,
    /// `RESULT`: of each message `SUCCESS`, `ERRORS`, `session`, ….
    #[serde(rename = "DATA", default)]
    pub data: Value,
}

methods! {
    /// Registers a connector, or changes the one of this id. `icon` has `DATA_IMAGE`, `COLOR`, `SIZE`, `POSITION`.
    ///
    /// The portal answers a refusal with success: `result` is false in the answer then, and `error` tells why.
    Register "imconnector.register"
        (id: String = "ID", name: String = "NAME", icon: Value = "ICON", handler: String = "PLACEMENT_HANDLER")
        [icon_disabled: Value = "ICON_DISABLED", del_external_messages: bool = "DEL_EXTERNAL_MESSAGES",
         edit_internal_messages: bool = "EDIT_INTERNAL_MESSAGES", del_internal_messages: bool = "DEL_INTERNAL_MESSAGES",
         newsletter: bool = "NEWSLETTER", need_system_messages: bool = "NEED_SYSTEM_MESSAGES",
         need_signature: bool = "NEED_SIGNATURE", chat_group: bool = "CHAT_GROUP"] -> Success;

    /// Removes a connector.
    Unregister "imconnector.unregister" (id: String = "ID") [] -> Success;

    /// Joins a connector to a line, or takes it away: 1 or 0.
    ///
    /// Errors: `ERROR_ARGUMENT`.
    Activate "imconnector.activate" (connector: String = "CONNECTOR", line: LineId = "LINE", active: u64 = "ACTIVE") []
        -> bool;

    /// Tells where the channel is outside (`ID`, `URL`, `URL_IM`, `NAME`), in place of all that was told before, and with it
    /// that the connector is set up.
    ///
    /// Errors: `ERROR_ARGUMENT`.
    DataSet "imconnector.connector.data.set"
        (connector: String = "CONNECTOR", line: LineId = "LINE", data: Value = "DATA") [] -> bool;

    /// Tells how a connector stands on a line.
    Status "imconnector.status" (connector: String = "CONNECTOR", line: LineId = "LINE") [] -> ConnectorState;

    /// Tells the connectors of the portal, by id.
    ///
    /// Errors: `ACCESS_DENIED` without the right to change connectors.
    List "imconnector.list" () [] -> HashMap<String, String>;

    /// Passes clients' messages to a line: `user`, `message` and `chat` of each. The portal does not know a repeat.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`, `ERROR_ARGUMENT`.
    SendMessages "imconnector.send.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Changes messages of clients, by the ids that they were sent with.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    UpdateMessages "imconnector.update.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Deletes messages of clients: `user.id`, `message.id` and `chat.id` of each.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    DeleteMessages "imconnector.delete.messages"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Tells that messages of the portal are delivered: `im`, `message` with the list of its ids outside, `chat`.
    ///
    /// Errors: `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    SendStatusDelivery "imconnector.send.status.delivery"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Tells that clients have read messages of the portal.
    ///
    /// Errors: `IMCONNECTOR_NO_CORRECT_PROVIDER`.
    SendStatusReading "imconnector.send.status.reading"
        (connector: String = "CONNECTOR", line: LineId = "LINE", messages: Vec<Value> = "MESSAGES") [] -> PassedMessages;

    /// Sets the error of a connector on a line, which takes it out of service until it is activated again. The documentation
    /// names it and has no page for it.
    SetError "imconnector.set.error" (connector: String = "CONNECTOR", line: LineId = "LINE") [] -> PassedMessages;

    /// Gives the chat of a line another name, by the chat's id outside; and the client's, unless chats are groups.
    ///
    /// Errors: `NOT_ACTIVE_LINE`, `IMCONNECTOR_NO_CORRECT_PROVIDER`, `ERROR_ARGUMENT`, `CHAT_RENAMING_FAILED`.
    ChatNameSet "imconnector.chat.name.set"
        (connector: String = "CONNECTOR", line: LineId = "LINE", chat: String = "CHAT_ID", name: String = "NAME")
        [user: UserId = "USER_ID"] -> PassedMessages;
}
