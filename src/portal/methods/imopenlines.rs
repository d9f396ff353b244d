//! Open channels: sessions, operators, lines (`imopenlines.*`). Pages
//! `api-reference/imopenlines/openlines`.
//!
//! A bot hands a chat over with [`Context::to_operator`](crate::Context::to_operator) and similar
//! methods, which keep the order of its messages; the calls here are made at once, as the calling
//! user. Errors of all of them: `CHAT_ID`, `CHAT_TYPE`, `ACCESS_DENIED`, `USER_ID`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::YesNo;
use crate::event::{BotId, ChatId, DialogId, LineId, MessageId, SessionId, UserId};
use crate::portal::http::answer::number_or_text;

/// A kind of CRM object that chats belong to (`CRM_ENTITY_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names suffice")]
#[non_exhaustive]
pub enum CrmType {
    Lead,
    Deal,
    Company,
    Contact,
}

/// The id of a chat, which these methods return as a number or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Chat(#[serde(deserialize_with = "number_or_text")] pub ChatId);

/// A chat that was opened.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct OpenedChat {
    /// The chat.
    #[serde(rename = "chatId")]
    pub chat: Chat,
}

/// A chat of a CRM object.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct CrmChat {
    /// The chat.
    #[serde(rename = "CHAT_ID")]
    pub chat: Chat,
    /// The connector.
    #[serde(rename = "CONNECTOR_ID", default)]
    pub connector: String,
    /// Its title.
    #[serde(rename = "CONNECTOR_TITLE", default)]
    pub title: String,
}

/// The revisions of the open channels API.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Revisions {
    /// Of the REST methods.
    pub rest: u64,
    /// Of the web client.
    pub web: u64,
    /// Of the mobile client.
    pub mobile: u64,
}

methods! {
    // Calls of a bot.

    /// Sends a notice that the client also sees: a text, or with `name` `WELCOME` the line's
    /// greeting.
    ///
    /// Errors: `CHAT_ID_EMPTY`.
    BotSessionMessageSend "imopenlines.bot.session.message.send" (chat: ChatId = "CHAT_ID")
        [name: String = "NAME", message: String = "MESSAGE"] -> bool;

    /// Hands a chat over to a free operator.
    ///
    /// Errors: `CHAT_ID_EMPTY`; `WRONG_CHAT` if an operator has it already.
    BotSessionOperator "imopenlines.bot.session.operator" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Hands a chat over to a user or to a line's queue.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `QUEUE_ID_EMPTY`, `TRANSFER_ID_EMPTY`,
    /// `BOT_ID_ERROR`, `OPERATOR_WRONG`.
    BotSessionTransfer "imopenlines.bot.session.transfer" (chat: ChatId = "CHAT_ID")
        [user: UserId = "USER_ID", queue: LineId = "QUEUE_ID", to: String = "TRANSFER_ID", leave: YesNo = "LEAVE"] -> bool;

    /// Ends a chat's session.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `BOT_ID_ERROR`.
    BotSessionFinish "imopenlines.bot.session.finish" (chat: ChatId = "CHAT_ID") [] -> bool;

    // Sessions.

    /// Opens the chat of a client, by `connector|line|chat|user`.
    SessionOpen "imopenlines.session.open" (user_code: String = "USER_CODE") [] -> OpenedChat;

    /// Returns a chat, by one of its ids.
    ///
    /// Errors: `ACCESS_ERROR`.
    DialogGet "imopenlines.dialog.get" ()
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID", session: SessionId = "SESSION_ID",
         user_code: String = "USER_CODE"] -> Value;

    /// Returns the messages of a session, or of the last session of a chat.
    ///
    /// Errors: `MISSING_REQUIRED_PARAM`, `INVALID_SESSION_ID`.
    SessionHistoryGet "imopenlines.session.history.get" ()
        [session: SessionId = "SESSION_ID", chat: ChatId = "CHAT_ID"] -> Value;

    /// Starts a session in a chat.
    SessionStart "imopenlines.session.start" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Starts a session with a message of a chat.
    MessageSessionStart "imopenlines.message.session.start" (chat: ChatId = "CHAT_ID", message: MessageId = "MESSAGE_ID") []
        -> bool;

    /// Joins a chat.
    SessionJoin "imopenlines.session.join" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Takes a chat over from its operator.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `OPERATOR_WRONG`.
    SessionIntercept "imopenlines.session.intercept" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Pins a chat to its operator, or unpins it.
    SessionModePin "imopenlines.session.mode.pin" (chat: ChatId = "CHAT_ID") [activate: YesNo = "ACTIVATE"] -> bool;

    /// Pins all chats of the calling user.
    SessionModePinAll "imopenlines.session.mode.pinAll" () [] -> Vec<Value>;

    /// Unpins all chats of the calling user.
    SessionModeUnpinAll "imopenlines.session.mode.unpinAll" () [] -> Vec<Value>;

    /// Switches a chat's mode in which the client does not see messages. Documented as outdated.
    SessionModeSilent "imopenlines.session.mode.silent" (chat: ChatId = "CHAT_ID") [activate: YesNo = "ACTIVATE"] -> bool;

    /// Rates a session as its supervisor: 1 to 5, or a comment.
    ///
    /// Errors: `EMPTY_SESSION_ID`, `EMPTY_VOTE_PARAMS`.
    SessionHeadVote "imopenlines.session.head.vote" (session: SessionId = "SESSION_ID")
        [rating: u64 = "RATING", comment: String = "COMMENT"] -> bool;

    // Operators.

    /// Takes a chat, as the calling user.
    OperatorAnswer "imopenlines.operator.answer" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Ends the calling user's chat.
    OperatorFinish "imopenlines.operator.finish" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Ends another operator's chat.
    OperatorAnotherFinish "imopenlines.operator.another.finish" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Ends a chat as unwanted.
    OperatorSpam "imopenlines.operator.spam" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Passes a chat to the next operator in the queue.
    ///
    /// Errors: `ACCESS_DENIED_KICK`.
    OperatorSkip "imopenlines.operator.skip" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Hands a chat over to a user or to a line's queue.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `QUEUE_ID_EMPTY`, `TRANSFER_ID_EMPTY`,
    /// `OPERATOR_WRONG`.
    OperatorTransfer "imopenlines.operator.transfer" (chat: ChatId = "CHAT_ID")
        [user: UserId = "USER_ID", queue: LineId = "QUEUE_ID", to: String = "TRANSFER_ID"] -> bool;

    // CRM and messages.

    /// Returns the chats of a CRM object; with `active_only` `N` also closed ones.
    ///
    /// Errors: `ERROR_ARGUMENT`.
    CrmChatGet "imopenlines.crm.chat.get" (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY")
        [active_only: YesNo = "ACTIVE_ONLY"] -> Vec<CrmChat>;

    /// Returns the last chat of a CRM object.
    ///
    /// Errors: `CRM_CHAT_EMPTY_CRM_DATA` if there is none, `ERROR_ARGUMENT`.
    CrmChatGetLastId "imopenlines.crm.chat.getLastId" (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY") [] -> Chat;

    /// Adds a user or a bot to a chat of a CRM object; a bot needs the scope `crm`.
    ///
    /// Errors: `CHAT_NOT_IN_CRM`, `CRM_CHAT_USER_NOT_ACTIVE`, `ERROR_ARGUMENT`, `WRONG_REQUEST`.
    CrmChatUserAdd "imopenlines.crm.chat.user.add"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID") [chat: ChatId = "CHAT_ID"]
        -> Chat;

    /// Removes a user or a bot from a chat of a CRM object.
    ///
    /// Errors: those of [`CrmChatUserAdd`], `CRM_CHAT_EMPTY_USER`,
    /// `CHAT_DELETE_USER_PERMISSION_DENIED`.
    CrmChatUserDelete "imopenlines.crm.chat.user.delete"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID") [chat: ChatId = "CHAT_ID"]
        -> Chat;

    /// Sends a message to a chat of a CRM object, as one of its members.
    ///
    /// Errors: `CHAT_NOT_IN_CRM`, `CANCELED`, `ERROR_ARGUMENT`.
    CrmMessageAdd "imopenlines.crm.message.add"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID", chat: ChatId = "CHAT_ID",
         message: String = "MESSAGE") [] -> MessageId;

    /// Creates a lead from a chat.
    ///
    /// Errors: `ERROR_USER_NOT_OPERATOR`.
    CrmLeadCreate "imopenlines.crm.lead.create" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Saves a message as a quick answer.
    ///
    /// Errors: `CANT_SAVE_QUICK_ANSWER`.
    MessageQuickSave "imopenlines.message.quick.save" (chat: ChatId = "CHAT_ID", message: MessageId = "MESSAGE_ID") [] -> bool;

    // Lines.

    /// Creates a line: `LINE_NAME`, `QUEUE`, `WELCOME_BOT_ID`, ….
    ConfigAdd "imopenlines.config.add" () [params: Value = "PARAMS"] -> LineId;

    /// Changes a line; false if there is no such line.
    ///
    /// Errors: `CONFIG_ID_EMPTY`, `CONFIG_WRONG_USER_PERMISSION`.
    ConfigUpdate "imopenlines.config.update" (line: LineId = "CONFIG_ID", params: Value = "PARAMS") [] -> bool;

    /// Returns a line; false if there is no such line.
    ConfigGet "imopenlines.config.get" (line: LineId = "CONFIG_ID")
        [with_queue: YesNo = "WITH_QUEUE", show_offline: YesNo = "SHOW_OFFLINE"] -> Value;

    /// Returns lines: `select`, `order`, `filter`, `limit` (50, at most 200), `offset`.
    ///
    /// Errors: `INVALID_FORMAT`.
    ConfigListGet "imopenlines.config.list.get" () [params: Value = "PARAMS", options: Value = "OPTIONS"] -> Vec<Value>;

    /// Deletes a line; false if there is no such line.
    ///
    /// Errors: `CONFIG_ID_EMPTY`, `CONFIG_WRONG_USER_PERMISSION`.
    ConfigDelete "imopenlines.config.delete" (line: LineId = "CONFIG_ID") [] -> bool;

    /// Returns the address of the lines' pages: `SERVER_ADDRESS`, `PUBLIC_PATH`.
    ConfigPathGet "imopenlines.config.path.get" () [] -> Value;

    /// Returns the revisions of the API.
    RevisionGet "imopenlines.revision.get" () [] -> Revisions;

    // Bitrix24.Network.

    /// Joins an open channel of another portal, by its code of 32 characters.
    ///
    /// Errors: `CODE`, `IMBOT_ERROR`, `NOT_FOUND`, `INACTIVE`.
    NetworkJoin "imopenlines.network.join" (code: String = "CODE") [] -> BotId;

    /// Sends a message to a user through an open channel of the network, at most once a week.
    ///
    /// Errors: `USER_MESSAGE_LIMIT`, `USER_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_OVERSIZE`,
    /// `ATTACH_ERROR`, `KEYBOARD_ERROR`, `CODE`, `IMBOT_ERROR`, `NOT_FOUND`.
    NetworkMessageAdd "imopenlines.network.message.add"
        (code: String = "CODE", user: UserId = "USER_ID", message: String = "MESSAGE")
        [attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", url_preview: YesNo = "URL_PREVIEW"] -> bool;
}

#[cfg(test)]
mod tests {
    use crate::portal::methods::Method;
    use crate::portal::methods::imopenlines::*;
    use serde_json::json;

    #[test]
    fn a_chat_is_read_from_a_number_or_a_text() {
        for answer in [json!({ "chatId": "1763" }), json!({ "chatId": 1763 })] {
            let opened: OpenedChat = serde_json::from_value(answer).unwrap();
            assert_eq!(opened.chat, Chat(ChatId(1763)));
        }
    }

    #[test]
    fn a_transfer_names_its_target_in_upper_case() {
        let transfer = BotSessionTransfer::new(ChatId(5))
            .queue(LineId(7))
            .leave(true);
        assert_eq!(
            transfer.params(),
            json!({ "CHAT_ID": 5, "QUEUE_ID": 7, "LEAVE": "Y" })
        );
        let get = CrmChatGet::new(CrmType::Deal, 3_u64);
        assert_eq!(
            get.params(),
            json!({ "CRM_ENTITY_TYPE": "deal", "CRM_ENTITY": 3 })
        );
    }
}
