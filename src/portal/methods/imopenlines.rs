//! Open channels: sessions, operators, lines (`imopenlines.*`). Pages `api-reference/imopenlines/openlines`.
//!
//! A bot hands over by [`Context::to_operator`](crate::Context::to_operator) and its neighbours, which keep their place among
//! what it says; these calls are made at once, as the user whose tokens they carry. What each may refuse beside its own
//! errors: `CHAT_ID`, `CHAT_TYPE`, `ACCESS_DENIED`, `USER_ID`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::YesNo;
use crate::event::{BotId, ChatId, DialogId, LineId, MessageId, SessionId, UserId};
use crate::portal::http::answer::number_or_text;

/// An object of CRM that chats belong to (`CRM_ENTITY_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum CrmType {
    Lead,
    Deal,
    Company,
    Contact,
}

/// A chat, as these methods tell it: as a number or as a text.
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

/// A chat of an object of CRM.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct CrmChat {
    /// The chat.
    #[serde(rename = "CHAT_ID")]
    pub chat: Chat,
    /// The connector.
    #[serde(rename = "CONNECTOR_ID", default)]
    pub connector: String,
    /// What people call it.
    #[serde(rename = "CONNECTOR_TITLE", default)]
    pub title: String,
}

/// The revisions of open channels' interfaces.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Revisions {
    /// Of the REST methods.
    pub rest: u64,
    /// Of the page.
    pub web: u64,
    /// Of the phone's.
    pub mobile: u64,
}

methods! {
    // A bot's own.

    /// Sends a notice that the client sees, too: a text, or with `name` `WELCOME` the line's greeting.
    ///
    /// Errors: `CHAT_ID_EMPTY`.
    BotSessionMessageSend "imopenlines.bot.session.message.send" (chat: ChatId = "CHAT_ID")
        [name: String = "NAME", message: String = "MESSAGE"] -> bool;

    /// Hands a chat over to a free operator.
    ///
    /// Errors: `CHAT_ID_EMPTY`; `WRONG_CHAT` where a person has it already.
    BotSessionOperator "imopenlines.bot.session.operator" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Hands a chat over to a user or to a line's queue.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `QUEUE_ID_EMPTY`, `TRANSFER_ID_EMPTY`, `BOT_ID_ERROR`, `OPERATOR_WRONG`.
    BotSessionTransfer "imopenlines.bot.session.transfer" (chat: ChatId = "CHAT_ID")
        [user: UserId = "USER_ID", queue: LineId = "QUEUE_ID", to: String = "TRANSFER_ID", leave: YesNo = "LEAVE"] -> bool;

    /// Ends a chat's session.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `BOT_ID_ERROR`.
    BotSessionFinish "imopenlines.bot.session.finish" (chat: ChatId = "CHAT_ID") [] -> bool;

    // Sessions.

    /// Opens the chat of a client, by `connector|line|chat|user`.
    SessionOpen "imopenlines.session.open" (user_code: String = "USER_CODE") [] -> OpenedChat;

    /// Tells a chat, by one of its names.
    ///
    /// Errors: `ACCESS_ERROR`.
    DialogGet "imopenlines.dialog.get" ()
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID", session: SessionId = "SESSION_ID",
         user_code: String = "USER_CODE"] -> Value;

    /// Tells what was said in a session, or in the last one of a chat.
    ///
    /// Errors: `MISSING_REQUIRED_PARAM`, `INVALID_SESSION_ID`.
    SessionHistoryGet "imopenlines.session.history.get" ()
        [session: SessionId = "SESSION_ID", chat: ChatId = "CHAT_ID"] -> Value;

    /// Begins a session in a chat.
    SessionStart "imopenlines.session.start" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Begins a session with a message of a chat.
    MessageSessionStart "imopenlines.message.session.start" (chat: ChatId = "CHAT_ID", message: MessageId = "MESSAGE_ID") []
        -> bool;

    /// Joins a chat.
    SessionJoin "imopenlines.session.join" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Takes a chat from its operator.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `OPERATOR_WRONG`.
    SessionIntercept "imopenlines.session.intercept" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Pins a chat to its operator, or no more.
    SessionModePin "imopenlines.session.mode.pin" (chat: ChatId = "CHAT_ID") [activate: YesNo = "ACTIVATE"] -> bool;

    /// Pins all chats of the calling user.
    SessionModePinAll "imopenlines.session.mode.pinAll" () [] -> Vec<Value>;

    /// Pins none of them any more.
    SessionModeUnpinAll "imopenlines.session.mode.unpinAll" () [] -> Vec<Value>;

    /// Lets operators write among themselves, or no more. The documentation calls it outdated.
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

    /// Passes a chat on to the next of the queue.
    ///
    /// Errors: `ACCESS_DENIED_KICK`.
    OperatorSkip "imopenlines.operator.skip" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Hands a chat over to a user or to a line's queue.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `QUEUE_ID_EMPTY`, `TRANSFER_ID_EMPTY`, `OPERATOR_WRONG`.
    OperatorTransfer "imopenlines.operator.transfer" (chat: ChatId = "CHAT_ID")
        [user: UserId = "USER_ID", queue: LineId = "QUEUE_ID", to: String = "TRANSFER_ID"] -> bool;

    // CRM and messages.

    /// Tells the chats of an object of CRM; with `active_only` `N` closed ones, too.
    ///
    /// Errors: `ERROR_ARGUMENT`.
    CrmChatGet "imopenlines.crm.chat.get" (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY")
        [active_only: YesNo = "ACTIVE_ONLY"] -> Vec<CrmChat>;

    /// Tells the last chat of an object of CRM.
    ///
    /// Errors: `CRM_CHAT_EMPTY_CRM_DATA` where there is none, `ERROR_ARGUMENT`.
    CrmChatGetLastId "imopenlines.crm.chat.getLastId" (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY") [] -> Chat;

    /// Brings a user or a bot into a chat of an object of CRM; a bot takes the scope `crm`.
    ///
    /// Errors: `CHAT_NOT_IN_CRM`, `CRM_CHAT_USER_NOT_ACTIVE`, `ERROR_ARGUMENT`, `WRONG_REQUEST`.
    CrmChatUserAdd "imopenlines.crm.chat.user.add"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID") [chat: ChatId = "CHAT_ID"]
        -> Chat;

    /// Takes a user or a bot out of a chat of an object of CRM.
    ///
    /// Errors: those of [`CrmChatUserAdd`], `CRM_CHAT_EMPTY_USER`, `CHAT_DELETE_USER_PERMISSION_DENIED`.
    CrmChatUserDelete "imopenlines.crm.chat.user.delete"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID") [chat: ChatId = "CHAT_ID"]
        -> Chat;

    /// Writes in a chat of an object of CRM as one of its members.
    ///
    /// Errors: `CHAT_NOT_IN_CRM`, `CANCELED`, `ERROR_ARGUMENT`.
    CrmMessageAdd "imopenlines.crm.message.add"
        (kind: CrmType = "CRM_ENTITY_TYPE", id: u64 = "CRM_ENTITY", user: UserId = "USER_ID", chat: ChatId = "CHAT_ID",
         message: String = "MESSAGE") [] -> MessageId;

    /// Makes a lead of a chat.
    ///
    /// Errors: `ERROR_USER_NOT_OPERATOR`.
    CrmLeadCreate "imopenlines.crm.lead.create" (chat: ChatId = "CHAT_ID") [] -> bool;

    /// Keeps a message as a quick answer.
    ///
    /// Errors: `CANT_SAVE_QUICK_ANSWER`.
    MessageQuickSave "imopenlines.message.quick.save" (chat: ChatId = "CHAT_ID", message: MessageId = "MESSAGE_ID") [] -> bool;

    // Lines.

    /// Makes a line: `LINE_NAME`, `QUEUE`, `WELCOME_BOT_ID`, ….
    ConfigAdd "imopenlines.config.add" () [params: Value = "PARAMS"] -> LineId;

    /// Changes a line; false where there is none.
    ///
    /// Errors: `CONFIG_ID_EMPTY`, `CONFIG_WRONG_USER_PERMISSION`.
    ConfigUpdate "imopenlines.config.update" (line: LineId = "CONFIG_ID", params: Value = "PARAMS") [] -> bool;

    /// Tells a line; false where there is none.
    ConfigGet "imopenlines.config.get" (line: LineId = "CONFIG_ID")
        [with_queue: YesNo = "WITH_QUEUE", show_offline: YesNo = "SHOW_OFFLINE"] -> Value;

    /// Tells lines: `select`, `order`, `filter`, `limit` (50, at most 200), `offset`.
    ///
    /// Errors: `INVALID_FORMAT`.
    ConfigListGet "imopenlines.config.list.get" () [params: Value = "PARAMS", options: Value = "OPTIONS"] -> Vec<Value>;

    /// Deletes a line; false where there is none.
    ///
    /// Errors: `CONFIG_ID_EMPTY`, `CONFIG_WRONG_USER_PERMISSION`.
    ConfigDelete "imopenlines.config.delete" (line: LineId = "CONFIG_ID") [] -> bool;

    /// Tells where the lines' pages are: `SERVER_ADDRESS`, `PUBLIC_PATH`.
    ConfigPathGet "imopenlines.config.path.get" () [] -> Value;

    /// Tells the revisions of the interfaces.
    RevisionGet "imopenlines.revision.get" () [] -> Revisions;

    // Bitrix24.Network.

    /// Joins an open channel of another portal, by its code of 32 letters.
    ///
    /// Errors: `CODE`, `IMBOT_ERROR`, `NOT_FOUND`, `INACTIVE`.
    NetworkJoin "imopenlines.network.join" (code: String = "CODE") [] -> BotId;

    /// Writes to a user through an open channel of the network, once a week at most.
    ///
    /// Errors: `USER_MESSAGE_LIMIT`, `USER_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_OVERSIZE`, `ATTACH_ERROR`, `KEYBOARD_ERROR`,
    /// `CODE`, `IMBOT_ERROR`, `NOT_FOUND`.
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
    fn a_chat_is_told_as_a_number_or_as_a_text() {
        for told in [json!({ "chatId": "1763" }), json!({ "chatId": 1763 })] {
            let opened: OpenedChat = serde_json::from_value(told).unwrap();
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
