//! Chats, messages and users, as the calling user sees them (`im.*`). Pages `api-reference/chats`,
//! scope `im`.

use serde_json::Value;

use super::{Success, YesNo};
use crate::event::{BotId, ChatId, DialogId, MessageId, UserId};

methods! {
    /// Makes another user the owner of a chat. One of `CHAT_ID` and `DIALOG_ID` is required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `USER_ID_EMPTY`, `ACCESS_ERROR`,
    /// `WRONG_REQUEST`.
    ChatSetOwner "im.chat.setOwner" (user: UserId = "USER_ID")
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID"] -> Success;

    /// Sets the picture of a chat, in base64, at most 5000 × 5000 pixels. One of `CHAT_ID` and
    /// `DIALOG_ID` is required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `ACCESS_DENIED`, `ACCESS_ERROR`, `AVATAR_ERROR`,
    /// `WRONG_REQUEST`.
    ChatUpdateAvatar "im.chat.updateAvatar" (avatar: String = "AVATAR")
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID"] -> Success;

    /// Sets the colour of a chat, such as `MINT`. One of `CHAT_ID` and `DIALOG_ID` is required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `ACCESS_ERROR`, `WRONG_COLOR`, `WRONG_REQUEST`.
    ChatUpdateColor "im.chat.updateColor" (color: String = "COLOR")
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID"] -> Success;

    /// Renames a chat. One of `CHAT_ID` and `DIALOG_ID` is required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `TITLE_EMPTY`, `ACCESS_ERROR`.
    ChatUpdateTitle "im.chat.updateTitle" (title: String = "TITLE")
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID"] -> Success;

    /// Leaves a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`, `ACCESS_DENIED_KICK`.
    ChatLeave "im.chat.leave" (chat: ChatId = "CHAT_ID") [] -> Success;

    /// Adds users to a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`, `ACCESS_DENIED_EXTEND`.
    ChatUserAdd "im.chat.user.add" (chat: ChatId = "CHAT_ID", users: Vec<UserId> = "USERS")
        [hide_history: YesNo = "HIDE_HISTORY"] -> Success;

    /// Removes a user from a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `USER_ID_EMPTY`, `ACCESS_ERROR`, `ACCESS_DENIED_KICK`,
    /// `USER_NOT_FOUND`.
    ChatUserDelete "im.chat.user.delete" (chat: ChatId = "CHAT_ID", user: UserId = "USER_ID") [] -> Success;

    /// Returns the members of a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`.
    ChatUserList "im.chat.user.list" (chat: ChatId = "CHAT_ID") [] -> Vec<UserId>;

    /// Returns the members of a dialog, by page.
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    DialogUsersList "im.dialog.users.list" (dialog: DialogId = "DIALOG_ID")
        [skip_external: YesNo = "SKIP_EXTERNAL", skip_external_except_types: String = "SKIP_EXTERNAL_EXCEPT_TYPES",
         limit: u64 = "LIMIT", last_id: u64 = "LAST_ID", offset: u64 = "OFFSET"] -> Vec<Value>;

    /// Returns the colleagues of the calling user, by page: ids, or users with `USER_DATA`.
    ///
    /// Errors: `ACCESS_ERROR`.
    DepartmentColleaguesList "im.department.colleagues.list" ()
        [user_data: YesNo = "USER_DATA", offset: u64 = "OFFSET", limit: u64 = "LIMIT"] -> Value;

    /// Returns the employees of departments, by department.
    ///
    /// Errors: `ID_EMPTY`, `ACCESS_ERROR`.
    DepartmentEmployeesGet "im.department.employees.get" (ids: Vec<u64> = "ID")
        [user_data: YesNo = "USER_DATA"] -> Value;

    /// Returns departments.
    ///
    /// Errors: `INVALID_FORMAT`, `ACCESS_ERROR`.
    DepartmentGet "im.department.get" (ids: Vec<u64> = "ID") [user_data: YesNo = "USER_DATA"] -> Vec<Value>;

    /// Returns the managers of departments, by department.
    ///
    /// Errors: `ID_EMPTY`, `ACCESS_ERROR`.
    DepartmentManagersGet "im.department.managers.get" (ids: Vec<u64> = "ID") [user_data: YesNo = "USER_DATA"] -> Value;

    /// Posts a file of the drive in a chat. One of `CHAT_ID` and `DIALOG_ID` is required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `FILES_ERROR`, `SAVE_ERROR`, `ACCESS_ERROR`.
    DiskFileCommit "im.disk.file.commit" ()
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID", file: u64 = "FILE_ID", upload: u64 = "UPLOAD_ID",
         message: String = "MESSAGE", silent_mode: YesNo = "SILENT_MODE", as_file: YesNo = "AS_FILE"] -> Value;

    /// Deletes a file of a chat.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `FILE_ID_EMPTY`.
    DiskFileDelete "im.disk.file.delete" (chat: ChatId = "CHAT_ID", file: u64 = "FILE_ID") [] -> Success;

    /// Saves a file of a chat to the calling user's drive.
    ///
    /// Errors: `FILE_ID_EMPTY`, `FILE_SAVE_ERROR`.
    DiskFileSave "im.disk.file.save" (file: u64 = "FILE_ID") [] -> Value;

    /// Returns the folder of a chat on the drive: `{"ID": 5}`. One of `CHAT_ID` and `DIALOG_ID` is
    /// required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    DiskFolderGet "im.disk.folder.get" () [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID"] -> Value;

    /// Creates a chat that the calling user owns. `TYPE` is `CHAT` (default) or `OPEN`.
    ChatAdd "im.chat.add" ()
        [users: Vec<UserId> = "USERS", kind: String = "TYPE", title: String = "TITLE",
         description: String = "DESCRIPTION", color: String = "COLOR", message: String = "MESSAGE",
         avatar: String = "AVATAR", entity_type: String = "ENTITY_TYPE", entity_id: String = "ENTITY_ID",
         copilot_main_role: String = "COPILOT_MAIN_ROLE"] -> ChatId;

    /// Finds the chat of an entity: `{"ID": 5}`.
    ChatGet "im.chat.get" (entity_type: String = "ENTITY_TYPE", entity_id: String = "ENTITY_ID") [] -> Value;

    /// Returns the numbers of unread messages.
    CountersGet "im.counters.get" () [] -> Value;

    /// Returns a dialog: `id`, `name`, `type`, `owner`, `entity_type`, ….
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    DialogGet "im.dialog.get" (dialog: DialogId = "DIALOG_ID") [] -> Value;

    /// Returns the recent dialogs.
    RecentGet "im.recent.get" ()
        [skip_openlines: YesNo = "SKIP_OPENLINES", skip_chat: YesNo = "SKIP_CHAT", skip_dialog: YesNo = "SKIP_DIALOG",
         last_update: String = "LAST_UPDATE", only_openlines: YesNo = "ONLY_OPENLINES",
         last_sync_date: String = "LAST_SYNC_DATE"] -> Vec<Value>;

    /// Returns the recent dialogs: `items`, `hasMore`.
    RecentList "im.recent.list" () [skip_openlines: YesNo = "SKIP_OPENLINES"] -> Value;

    /// Returns the API's revisions.
    RevisionGet "im.revision.get" () [] -> Value;

    /// Returns messages of a dialog, at most 50 (default 20): those before `LAST_ID`, or after
    /// `FIRST_ID`.
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `FIRST_ID_STRING`, `LAST_ID_STRING`, `ACCESS_ERROR`.
    DialogMessagesGet "im.dialog.messages.get" (dialog: DialogId = "DIALOG_ID")
        [last_id: MessageId = "LAST_ID", first_id: MessageId = "FIRST_ID", limit: u64 = "LIMIT"] -> Value;

    /// Finds messages of a chat, at most 50.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `ACCESS_ERROR`.
    DialogMessagesSearch "im.dialog.messages.search" (chat: ChatId = "CHAT_ID")
        [search_message: String = "SEARCH_MESSAGE", date_from: String = "DATE_FROM", date_to: String = "DATE_TO",
         date: String = "DATE", order: Value = "ORDER", limit: u64 = "LIMIT", last_id: MessageId = "LAST_ID"] -> Value;

    /// Marks a dialog as read, up to a message or as a whole.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    DialogRead "im.dialog.read" (dialog: DialogId = "DIALOG_ID") [id: MessageId = "MESSAGE_ID"] -> Value;

    /// Marks a dialog as unread from a message on.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `DIALOG_ID_EMPTY`.
    DialogUnread "im.dialog.unread" (dialog: DialogId = "DIALOG_ID", id: MessageId = "MESSAGE_ID") [] -> Success;

    /// Shows that the calling user is typing.
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    DialogWriting "im.dialog.writing" (dialog: DialogId = "DIALOG_ID") [] -> Success;

    /// Sends a message as the calling user.
    ///
    /// Errors: `MESSAGE_EMPTY`, `USER_ID_EMPTY`, `USER_NOT_FOUND`, `ACCESS_ERROR`, `PARAMS_ERROR`,
    /// `ATTACH_ERROR`, `ATTACH_OVERSIZE`, `KEYBOARD_ERROR`, `MENU_ERROR`, `REPLY_ACCESS_ERROR`.
    MessageAdd "im.message.add" (dialog: DialogId = "DIALOG_ID", message: String = "MESSAGE")
        [attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", menu: Value = "MENU", system: YesNo = "SYSTEM",
         url_preview: YesNo = "URL_PREVIEW", reply: MessageId = "REPLY_ID"] -> MessageId;

    /// Presses a button of a bot.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `BOT_ID_ERROR`, `COMMAND_ERROR`, `PARAMS_ERROR`.
    MessageCommand "im.message.command" (id: MessageId = "MESSAGE_ID", bot: BotId = "BOT_ID", command: String = "COMMAND")
        [command_params: String = "COMMAND_PARAMS"] -> Success;

    /// Deletes a message.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`.
    MessageDelete "im.message.delete" (id: MessageId = "MESSAGE_ID") [] -> Success;

    /// Likes a message: `auto`, `plus` or `minus`.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `WITHOUT_CHANGES`.
    MessageLike "im.message.like" (id: MessageId = "MESSAGE_ID") [action: String = "ACTION"] -> Success;

    /// Creates an object from a message: `CHAT`, `TASK`, `POST` or `CALEND`.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `DIALOG_ID_EMPTY`, `ACCESS_ERROR`, `PARAMS_ERROR`.
    MessageShare "im.message.share" (id: MessageId = "MESSAGE_ID", dialog: DialogId = "DIALOG_ID", kind: String = "TYPE")
        [] -> Success;

    /// Changes a message; an empty text deletes it.
    ///
    /// Errors: `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`, `ATTACH_ERROR`, `ATTACH_OVERSIZE`,
    /// `KEYBOARD_ERROR`, `KEYBOARD_OVERSIZE`, `MENU_OVERSIZE`.
    MessageUpdate "im.message.update" (id: MessageId = "MESSAGE_ID")
        [message: String = "MESSAGE", attach: Value = "ATTACH", keyboard: Value = "KEYBOARD", menu: Value = "MENU",
         url_preview: YesNo = "URL_PREVIEW", is_edited: YesNo = "IS_EDITED"] -> Success;

    /// Finds chats, by page.
    ///
    /// Errors: `FIND_SHORT`.
    SearchChatList "im.search.chat.list" ()
        [find: String = "FIND", find_lines: YesNo = "FIND_LINES", offset: u64 = "OFFSET", limit: u64 = "LIMIT"] -> Vec<Value>;

    /// Finds departments, by page.
    ///
    /// Errors: `FIND_SHORT`.
    SearchDepartmentList "im.search.department.list" (find: String = "FIND")
        [user_data: YesNo = "USER_DATA", offset: u64 = "OFFSET", limit: u64 = "LIMIT"] -> Vec<Value>;

    /// Adds a dialog to the recent search results.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    SearchLastAdd "im.search.last.add" (dialog: DialogId = "DIALOG_ID") [] -> Success;

    /// Removes a dialog from the recent search results.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    SearchLastDelete "im.search.last.delete" (dialog: DialogId = "DIALOG_ID") [] -> Success;

    /// Returns the recent search results.
    SearchLastGet "im.search.last.get" ()
        [skip_openlines: YesNo = "SKIP_OPENLINES", skip_chat: YesNo = "SKIP_CHAT", skip_dialog: YesNo = "SKIP_DIALOG"] -> Vec<Value>;

    /// Finds users, by page. The answer is a map by id.
    ///
    /// Errors: `FIND_SHORT`.
    SearchUserList "im.search.user.list" (find: String = "FIND")
        [business: YesNo = "BUSINESS", offset: u64 = "OFFSET", limit: u64 = "LIMIT"] -> Value;

    /// Mutes a chat for the calling user, or unmutes it. One of `CHAT_ID` and `DIALOG_ID` is
    /// required.
    ///
    /// Errors: `CHAT_ID_EMPTY`, `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    ChatMute "im.chat.mute" ()
        [chat: ChatId = "CHAT_ID", dialog: DialogId = "DIALOG_ID", mute: YesNo = "MUTE"] -> Success;

    /// Marks everything as read.
    DialogReadAll "im.dialog.read.all" () [] -> Success;

    /// Removes a dialog from the recent dialogs.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    RecentHide "im.recent.hide" (dialog: DialogId = "DIALOG_ID") [] -> Success;

    /// Pins a dialog, or unpins it.
    ///
    /// Errors: `DIALOG_ID_EMPTY`, `ACCESS_ERROR`.
    RecentPin "im.recent.pin" (dialog: DialogId = "DIALOG_ID") [pin: YesNo = "PIN"] -> Success;

    /// Marks a dialog as unread, or removes the mark.
    ///
    /// Errors: `DIALOG_ID_EMPTY`.
    RecentUnread "im.recent.unread" (dialog: DialogId = "DIALOG_ID") [action: String = "ACTION"] -> Success;

    /// Returns a user; without an id, the calling user.
    ///
    /// Errors: `ID_EMPTY`, `USER_NOT_EXISTS`, `ACCESS_DENIED`.
    UserGet "im.user.get" () [id: UserId = "ID", avatar_hr: YesNo = "AVATAR_HR"] -> Value;

    /// Returns users.
    ///
    /// Errors: `INVALID_FORMAT`.
    UserListGet "im.user.list.get" (ids: Vec<UserId> = "ID")
        [avatar_hr: YesNo = "AVATAR_HR", result_type: String = "RESULT_TYPE"] -> Value;

    /// Returns the status of the calling user: `online`, `dnd`, `away`.
    UserStatusGet "im.user.status.get" () [] -> String;

    /// Reports that the calling user is back.
    UserStatusIdleEnd "im.user.status.idle.end" () [] -> Success;

    /// Reports that the calling user is away, for `ago` minutes so far.
    UserStatusIdleStart "im.user.status.idle.start" () [ago: u64 = "AGO"] -> Success;

    /// Sets the status of the calling user.
    ///
    /// Errors: `STATUS_ERROR`.
    UserStatusSet "im.user.status.set" (status: String = "STATUS") [] -> Success;
}
