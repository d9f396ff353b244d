//! Notifications (`im.notify.*`). Pages `api-reference/chats/notifications`, scope `im`.

use serde_json::Value;

use super::{Success, YesNo};
use crate::event::UserId;

methods! {
    /// Answers a notification that can be answered.
    ///
    /// Errors: `ID_ERROR`, `ANSWER_TEXT_ERROR`.
    Answer "im.notify.answer" (id: u64 = "NOTIFY_ID", answer_text: String = "ANSWER_TEXT") [] -> Value;

    /// Presses a button of a notification.
    ///
    /// Errors: `ID_ERROR`, `NOTIFY_VALUE_ERROR`.
    Confirm "im.notify.confirm" (id: u64 = "NOTIFY_ID", notify_value: String = "NOTIFY_VALUE") [] -> Value;

    /// Deletes a notification, by id, tag or subtag.
    ///
    /// Errors: `PARAMS_ERROR`, `ACCESS_DENIED`.
    Delete "im.notify.delete" () [id: u64 = "ID", tag: String = "TAG", sub_tag: String = "SUB_TAG"] -> Success;

    /// Returns notifications, at most 50.
    ///
    /// Errors: `LAST_ID_AND_LAST_TYPE`, `LAST_ID_STRING`.
    Get "im.notify.get" ()
        [last_id: u64 = "LAST_ID", last_type: u64 = "LAST_TYPE", limit: u64 = "LIMIT",
         convert_text: YesNo = "CONVERT_TEXT"] -> Value;

    /// Finds notifications.
    ///
    /// Errors: `SEARCH_TEXT_ERROR`, `LAST_ID_STRING`.
    HistorySearch "im.notify.history.search" ()
        [search_text: String = "SEARCH_TEXT", search_type: String = "SEARCH_TYPE",
         search_types: Vec<String> = "SEARCH_TYPES", search_date: String = "SEARCH_DATE",
         search_date_from: String = "SEARCH_DATE_FROM", search_date_to: String = "SEARCH_DATE_TO",
         search_authors: Vec<u64> = "SEARCH_AUTHORS", last_id: u64 = "LAST_ID", limit: u64 = "LIMIT",
         convert_text: YesNo = "CONVERT_TEXT", group_tag: String = "GROUP_TAG"] -> Value;

    /// Notifies a user, in the name of the calling user.
    ///
    /// Errors: `WRONG_AUTH_TYPE`, `USER_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_OVERSIZE`,
    /// `ATTACH_ERROR`.
    PersonalAdd "im.notify.personal.add" (user: UserId = "USER_ID", message: String = "MESSAGE")
        [message_out: String = "MESSAGE_OUT", tag: String = "TAG", sub_tag: String = "SUB_TAG",
         attach: Value = "ATTACH"] -> u64;

    /// Marks all notifications as read.
    ReadAll "im.notify.read.all" () [] -> Success;

    /// Marks these notifications as read.
    ///
    /// Errors: `PARAMS_ERROR`.
    ReadList "im.notify.read.list" (ids: Vec<u64> = "IDS") [action: String = "ACTION"] -> Success;

    /// Marks a notification and later ones as read.
    Read "im.notify.read" () [id: u64 = "ID", action: String = "ACTION", only_current: YesNo = "ONLY_CURRENT"] -> Success;

    /// Returns the kinds of notifications, by module.
    SchemaGet "im.notify.schema.get" () [] -> Value;

    /// Notifies a user, in the name of the portal.
    ///
    /// Errors: `WRONG_AUTH_TYPE`, `USER_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_OVERSIZE`,
    /// `ATTACH_ERROR`.
    SystemAdd "im.notify.system.add" (user: UserId = "USER_ID", message: String = "MESSAGE")
        [message_out: String = "MESSAGE_OUT", tag: String = "TAG", sub_tag: String = "SUB_TAG",
         attach: Value = "ATTACH"] -> u64;

    /// Notifies a user.
    ///
    /// Errors: `WRONG_AUTH_TYPE`, `USER_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_OVERSIZE`,
    /// `ATTACH_ERROR`.
    Notify "im.notify" (user: UserId = "USER_ID", message: String = "MESSAGE")
        [kind: String = "TYPE", message_out: String = "MESSAGE_OUT", tag: String = "TAG",
         sub_tag: String = "SUB_TAG", attach: Value = "ATTACH"] -> u64;
}
