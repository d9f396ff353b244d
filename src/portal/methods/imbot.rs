//! v1 bots (`imbot.*`). Pages `api-reference/chat-bots/outdated`, scope `imbot`.
//!
//! Every method about a bot may also fail with `BOT_ID_ERROR` (no such bot) and `APP_ID_ERROR` (a
//! bot of another application). With an inbound webhook the client adds `CLIENT_ID`.

use serde_json::Value;

use super::{Success, YesNo};
use crate::event::{BotId, ChatId, CommandId, DialogId, MessageId, UserId};

methods! {
    /// Registers a bot, or returns the one that has this code, unchanged.
    ///
    /// `TYPE` is `B`, `O`, `H` or `S`; `PROPERTIES` has `NAME`, `COLOR`, `WORK_POSITION`, …. At
    /// most five bots.
    ///
    /// Errors: `EVENT_…_ERROR`, `CODE_ERROR`, `NAME_ERROR`, `MAX_COUNT_ERROR`.
    Register "imbot.register" (code: String = "CODE", event_handler: String = "EVENT_HANDLER", properties: Value = "PROPERTIES")
        [kind: String = "TYPE", openline: YesNo = "OPENLINE"] -> BotId;

    /// Changes a bot.
    ///
    /// Errors: `EVENT_…_ERROR`, `NAME_ERROR`, `WRONG_REQUEST`.
    Update "imbot.update" (bot: BotId = "BOT_ID", fields: Value = "FIELDS") [] -> Success;

    /// Removes a bot and its private chats.
    ///
    /// Errors: `WRONG_REQUEST`.
    Unregister "imbot.unregister" (bot: BotId = "BOT_ID") [] -> Success;

    /// Returns all bots by id: `ID`, `NAME`, `CODE`, `OPENLINE`.
    BotList "imbot.bot.list" () [] -> Value;

    /// Registers a command: Latin letters and digits; `LANG` is a list of `LANGUAGE_ID`, `TITLE`,
    /// `PARAMS`.
    ///
    /// Errors: `EVENT_COMMAND_ADD_ERROR`, `COMMAND_ERROR`, `LANG_ERROR`.
    CommandRegister "imbot.command.register"
        (bot: BotId = "BOT_ID", command: String = "COMMAND", handler: String = "EVENT_COMMAND_ADD", lang: Vec<Value> = "LANG")
        [common: YesNo = "COMMON", hidden: YesNo = "HIDDEN", extranet_support: YesNo = "EXTRANET_SUPPORT"] -> CommandId;

    /// Changes a command.
    ///
    /// Errors: `COMMAND_ID_ERROR`, `EVENT_COMMAND_ADD_ERROR`, `WRONG_REQUEST`.
    CommandUpdate "imbot.command.update" (command: CommandId = "COMMAND_ID", fields: Value = "FIELDS") [] -> Success;

    /// Removes a command.
    ///
    /// Errors: `COMMAND_ID_ERROR`.
    CommandUnregister "imbot.command.unregister" (command: CommandId = "COMMAND_ID") [] -> Success;

    /// Answers a command, also in a chat that the bot is not in. Returns the message's id; after
    /// ten minutes `true`, and nothing is posted.
    ///
    /// Errors: `COMMAND_ID_ERROR`, `MESSAGE_ID_EMPTY`, `MESSAGE_EMPTY`, `ATTACH_…`, `KEYBOARD_…`,
    /// `MENU_ERROR`.
    CommandAnswer "imbot.command.answer" (command: CommandId = "COMMAND_ID", to: MessageId = "MESSAGE_ID")
        [message: String = "MESSAGE", attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", menu: Value = "MENU",
         system: YesNo = "SYSTEM", url_preview: YesNo = "URL_PREVIEW"] -> Value;

    /// Sends a message; attachments, keyboard and menu of at most 30 KB each.
    ///
    /// With `FROM_USER_ID` and `TO_USER_ID` it is a system message in the private dialog of these
    /// two, and `DIALOG_ID` is ignored. The method could find the bot by itself; here it is always
    /// named (protocol/server-behaviour.md 8.9).
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `MESSAGE_EMPTY`, `CANCELED` and `ERROR_NO_ACCESS` if the bot may
    /// not write, `ATTACH_…`, `KEYBOARD_…`, `MENU_…`.
    MessageAdd "imbot.message.add" (bot: BotId = "BOT_ID", dialog: DialogId = "DIALOG_ID", message: String = "MESSAGE")
        [attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", menu: Value = "MENU", system: YesNo = "SYSTEM",
         url_preview: YesNo = "URL_PREVIEW", skip_connector: YesNo = "SKIP_CONNECTOR",
         from_user: UserId = "FROM_USER_ID", to_user: UserId = "TO_USER_ID"] -> MessageId;

    /// Changes a message that is at most three days old; an empty text deletes it.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`, `ATTACH_…`, `KEYBOARD_…`, `MENU_…`.
    MessageUpdate "imbot.message.update" (bot: BotId = "BOT_ID", id: MessageId = "MESSAGE_ID")
        [message: String = "MESSAGE", attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", menu: Value = "MENU",
         url_preview: YesNo = "URL_PREVIEW", skip_connector: YesNo = "SKIP_CONNECTOR"] -> Success;

    /// Deletes a message; with `COMPLETE` leaves no trace.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`.
    MessageDelete "imbot.message.delete" (bot: BotId = "BOT_ID", id: MessageId = "MESSAGE_ID")
        [complete: YesNo = "COMPLETE"] -> Success;

    /// Likes a message: `auto`, `plus` or `minus`.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `WITHOUT_CHANGES`.
    MessageLike "imbot.message.like" (bot: BotId = "BOT_ID", id: MessageId = "MESSAGE_ID")
        [action: String = "ACTION"] -> Success;

    /// Shows that the bot is typing.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    ChatSendTyping "imbot.chat.sendTyping" (bot: BotId = "BOT_ID", dialog: DialogId = "DIALOG_ID") [] -> Success;

    /// Creates a chat that the bot owns; `TYPE` is `CHAT` or `OPEN`.
    ///
    /// Errors: `INVALID_FORMAT`, `WRONG_REQUEST`.
    ChatAdd "imbot.chat.add" (bot: BotId = "BOT_ID")
        [kind: String = "TYPE", title: String = "TITLE", description: String = "DESCRIPTION", color: String = "COLOR",
         message: String = "MESSAGE", users: Vec<UserId> = "USERS", avatar: String = "AVATAR",
         entity_type: String = "ENTITY_TYPE", entity_id: String = "ENTITY_ID"] -> ChatId;

    /// Finds the chat of an entity: `{"ID": 5}`, or null.
    ///
    /// Errors: `ACCESS_ERROR`.
    ChatGet "imbot.chat.get" (entity_type: String = "ENTITY_TYPE", entity_id: String = "ENTITY_ID") [] -> Value;

    /// Leaves a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`.
    ChatLeave "imbot.chat.leave" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID") [] -> Success;

    /// Makes another user the owner of a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `ACCESS_ERROR`.
    ChatSetOwner "imbot.chat.setOwner" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", user: UserId = "USER_ID") [] -> Success;

    /// Makes a user a manager of a chat, or a plain member again.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `WRONG_REQUEST`.
    ChatSetManager "imbot.chat.setManager" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", user: UserId = "USER_ID")
        [is_manager: YesNo = "IS_MANAGER"] -> Success;

    /// Renames a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `TITLE_EMPTY`, `ACCESS_ERROR`.
    ChatUpdateTitle "imbot.chat.updateTitle" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", title: String = "TITLE") [] -> Success;

    /// Sets the colour of a chat, such as `MINT`.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`, `WRONG_COLOR`.
    ChatUpdateColor "imbot.chat.updateColor" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", color: String = "COLOR") [] -> Success;

    /// Sets the picture of a chat, in base64, at most 5000 × 5000 pixels.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`, `AVATAR_ERROR`.
    ChatUpdateAvatar "imbot.chat.updateAvatar" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", avatar: String = "AVATAR") [] -> Success;

    /// Adds users to a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`.
    ChatUserAdd "imbot.chat.user.add" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", users: Vec<UserId> = "USERS")
        [hide_history: YesNo = "HIDE_HISTORY"] -> Success;

    /// Removes a user from a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `ACCESS_ERROR`.
    ChatUserDelete "imbot.chat.user.delete" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID", user: UserId = "USER_ID") [] -> Success;

    /// Returns the members of a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`.
    ChatUserList "imbot.chat.user.list" (bot: BotId = "BOT_ID", chat: ChatId = "CHAT_ID") [] -> Vec<UserId>;

    /// Returns a dialog: `id`, `name`, `type`, `owner`, `entity_type`, ….
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    DialogGet "imbot.dialog.get" (dialog: DialogId = "DIALOG_ID") [] -> Value;
}
