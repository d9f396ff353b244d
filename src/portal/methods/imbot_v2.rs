//! v2 bots (`imbot.v2.*`). Pages `b24restdocs: api-reference/chat-bots/chat-bots-v2`, scope
//! `imbot`.
//!
//! Every method about a bot may also fail with `BOT_NOT_FOUND` and `BOT_OWNERSHIP_ERROR` (a bot of
//! another application). With an inbound webhook the client adds `botToken`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Success, lenient};
use crate::event::{BotId, ChatId, CommandId, DialogId, MessageId, UserId};

/// A bot as its owner sees it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BotInfo {
    /// Its id.
    pub id: BotId,
    /// Its code.
    pub code: String,
    /// `webhook` or `fetch`; only in answers to the owner.
    #[serde(default)]
    pub event_mode: Option<String>,
    /// Whether it serves open channels.
    #[serde(default)]
    pub is_support_openline: bool,
    /// `bot`, `supervisor`, `personal` or `openline`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
    /// Whether it is hidden from the list of contacts.
    #[serde(default, deserialize_with = "lenient")]
    pub is_hidden: bool,
    /// Whether people can react to its messages.
    #[serde(default, deserialize_with = "lenient")]
    pub is_reactions_enabled: Option<bool>,
    /// The background of its chat.
    #[serde(default, deserialize_with = "lenient")]
    pub background_id: Option<String>,
    /// Its language, such as `en`.
    #[serde(default, deserialize_with = "lenient")]
    pub language: Option<String>,
    /// The portal's module that it belongs to; only in answers to the owner, like all that follows.
    #[serde(default, deserialize_with = "lenient")]
    pub module_id: Option<String>,
    /// The number of messages it sent.
    #[serde(default, deserialize_with = "lenient")]
    pub count_message: Option<u64>,
    /// The number of its commands.
    #[serde(default, deserialize_with = "lenient")]
    pub count_command: Option<u64>,
    /// The number of chats it is in.
    #[serde(default, deserialize_with = "lenient")]
    pub count_chat: Option<u64>,
    /// The number of users it talks with.
    #[serde(default, deserialize_with = "lenient")]
    pub count_user: Option<u64>,
}

/// A command of a bot.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CommandInfo {
    /// Its id.
    pub id: CommandId,
    /// Its name; the portal writes it with a slash.
    pub command: String,
    /// Whether it works in every chat.
    #[serde(default)]
    pub common: bool,
    /// Whether it is hidden from suggestions.
    #[serde(default)]
    pub hidden: bool,
    /// Whether extranet users may use it.
    #[serde(default)]
    pub extranet_support: bool,
    /// Its description: by language, or in the language of the calling user.
    #[serde(default)]
    pub title: Value,
    /// The description of its parameters, likewise.
    #[serde(default)]
    pub params: Value,
}

impl CommandInfo {
    /// Its name, without a slash.
    pub fn name(&self) -> &str {
        self.command.trim_start_matches('/')
    }
}

/// One bot.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct SingleBot {
    /// The bot.
    pub bot: BotInfo,
}

/// A page of bots.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Bots {
    /// The bots.
    pub bots: Vec<BotInfo>,
    /// Whether there are more ([`Portal::pages`](crate::portal::Portal::pages)).
    #[serde(default)]
    pub has_next_page: bool,
}

/// One chat.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Chat {
    /// The chat: `id`, `dialogId`, `name`, `type`, `owner`, `entityType`, ….
    pub chat: Value,
}

/// A message that was sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentMessage {
    /// Its id.
    pub id: MessageId,
    /// The ids of forwarded messages by the ids given for them; an empty map is a list.
    #[serde(default)]
    pub uuid_map: Value,
}

/// How far a chat is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReadState {
    /// The chat.
    pub chat_id: ChatId,
    /// The last read message.
    #[serde(default)]
    pub last_id: Option<MessageId>,
    /// The number of unread messages.
    #[serde(default)]
    pub counter: u64,
    /// The messages that this call marked as read.
    #[serde(default, deserialize_with = "lenient")]
    pub viewed_messages: Vec<MessageId>,
}

/// One command.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct SingleCommand {
    /// The command.
    pub command: CommandInfo,
}

/// The commands of a bot.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Commands {
    /// The commands.
    pub commands: Vec<CommandInfo>,
}

/// A file that was sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Upload {
    /// The file.
    pub file: UploadedFile,
    /// The message that holds it.
    pub message_id: MessageId,
    /// The chat of that message.
    #[serde(default, deserialize_with = "lenient")]
    pub chat_id: Option<ChatId>,
    /// Its dialog, as the bot addresses it.
    #[serde(default, deserialize_with = "lenient")]
    pub dialog_id: Option<DialogId>,
}

/// A file that was uploaded. The pages show different parts of it (protocol/bots-v2.md 6.5).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadedFile {
    /// Its id on the portal's drive.
    pub id: u64,
    /// Its name; the portal may have changed it.
    #[serde(default)]
    pub name: String,
    /// `file`, `image`, `video` or `audio`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
    /// The end of its name, in lower case.
    #[serde(default, deserialize_with = "lenient")]
    pub extension: Option<String>,
    /// Its size in bytes.
    #[serde(default, deserialize_with = "lenient")]
    pub size: Option<u64>,
    /// Its chat.
    #[serde(default, deserialize_with = "lenient")]
    pub chat_id: Option<ChatId>,
    /// When it was sent, in the portal's format.
    #[serde(default, deserialize_with = "lenient")]
    pub date: Option<String>,
    /// Width and height of a picture; false for other files.
    #[serde(default, deserialize_with = "lenient")]
    pub image: Value,
    /// Who sent it.
    #[serde(default, deserialize_with = "lenient")]
    pub author_id: Option<UserId>,
    /// The name of who sent it.
    #[serde(default, deserialize_with = "lenient")]
    pub author_name: Option<String>,
    /// Whether it is a voice message.
    #[serde(default, deserialize_with = "lenient")]
    pub is_voice_note: bool,
    /// Whether it is a video note.
    #[serde(default, deserialize_with = "lenient")]
    pub is_video_note: bool,
    /// Whether it can be transcribed.
    #[serde(default, deserialize_with = "lenient")]
    pub is_transcribable: bool,
}

/// The address of a file, which can be read once.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Download {
    /// The address.
    pub download_url: String,
}

/// The API's revision.
#[derive(Clone, Copy, Debug, Deserialize)]
#[non_exhaustive]
pub struct Revision {
    /// Of the REST methods.
    pub rest: u64,
    /// Of the browser's client.
    #[serde(default, deserialize_with = "lenient")]
    pub web: u64,
    /// Of the mobile client.
    #[serde(default, deserialize_with = "lenient")]
    pub mobile: u64,
    /// Of the desktop client.
    #[serde(default, deserialize_with = "lenient")]
    pub desktop: u64,
}

methods! {
    /// Registers a bot, or returns the one that has this code, unchanged.
    ///
    /// `type` is `bot`, `supervisor`, `personal` or `openline`, `eventMode` `fetch` (default) or
    /// `webhook`. At most a hundred bots.
    ///
    /// Errors: `BOT_CODE_ALREADY_TAKEN`, `BOT_INVALID_TYPE`, `BOT_WEBHOOK_URL_REQUIRED`,
    /// `BOT_INVALID_CALLBACK`, `BOT_LIMIT_EXCEEDED`, `BOT_AVATAR_…`.
    BotRegister "imbot.v2.Bot.register" (code: String = "fields.code", properties: Value = "fields.properties")
        [kind: String = "fields.type", event_mode: String = "fields.eventMode", webhook_url: String = "fields.webhookUrl",
         hidden: bool = "fields.isHidden", reactions: bool = "fields.isReactionsEnabled",
         openline: bool = "fields.isSupportOpenline", background: Value = "fields.backgroundId"] -> SingleBot;

    /// Changes a bot; code and type stay.
    ///
    /// Errors: `BOT_INVALID_EVENT_MODE`, `BOT_INVALID_CALLBACK`, `BOT_AVATAR_…`.
    BotUpdate "imbot.v2.Bot.update" (bot: BotId = "botId")
        [properties: Value = "fields.properties", event_mode: String = "fields.eventMode",
         webhook_url: String = "fields.webhookUrl", hidden: bool = "fields.isHidden",
         reactions: bool = "fields.isReactionsEnabled", openline: bool = "fields.isSupportOpenline",
         background: Value = "fields.backgroundId"] -> SingleBot;

    /// Returns a bot.
    BotGet "imbot.v2.Bot.get" (bot: BotId = "botId") [] -> SingleBot;

    /// Finds a bot by its code.
    BotFind "imbot.v2.Bot.get" (code: String = "code") [] -> SingleBot;

    /// Returns the bots of the portal, fifty at a time.
    BotList "imbot.v2.Bot.list" () [kind: String = "filter.type", limit: u64 = "limit", offset: u64 = "offset"] -> Bots;

    /// Removes a bot and its private chats.
    ///
    /// Errors: `BOT_UNREGISTER_FAILED`.
    BotUnregister "imbot.v2.Bot.unregister" (bot: BotId = "botId") [] -> Success;

    /// Returns the API's revisions.
    RevisionGet "imbot.v2.Revision.get" () [] -> Revision;

    /// Creates a chat; the bot owns it unless another owner is given.
    ///
    /// Errors: `ACCESS_DENIED`, `CREATION_ERROR`.
    ChatAdd "imbot.v2.Chat.add" (bot: BotId = "botId")
        [title: String = "fields.title", description: String = "fields.description", color: String = "fields.color",
         avatar: String = "fields.avatar", users: Vec<UserId> = "fields.userIds", owner: UserId = "fields.ownerId",
         message: String = "fields.message", kind: String = "fields.type"] -> Chat;

    /// Returns a chat.
    ///
    /// Errors: `ACCESS_DENIED`, `CHAT_NOT_FOUND`.
    ChatGet "imbot.v2.Chat.get" (bot: BotId = "botId", dialog: DialogId = "dialogId") [] -> Chat;

    /// Changes a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatUpdate "imbot.v2.Chat.update" (bot: BotId = "botId", dialog: DialogId = "dialogId")
        [title: String = "fields.title", description: String = "fields.description", color: String = "fields.color",
         avatar: String = "fields.avatar"] -> Success;

    /// Leaves a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatLeave "imbot.v2.Chat.leave" (bot: BotId = "botId", dialog: DialogId = "dialogId") [] -> Success;

    /// Makes another user the owner of a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatSetOwner "imbot.v2.Chat.setOwner" (bot: BotId = "botId", dialog: DialogId = "dialogId", user: UserId = "userId") [] -> Success;

    /// Makes users managers of a chat.
    ///
    /// Errors: `EMPTY_USER_IDS`, `ACCESS_DENIED`.
    ChatManagerAdd "imbot.v2.Chat.Manager.add" (bot: BotId = "botId", dialog: DialogId = "dialogId", users: Vec<UserId> = "userIds") [] -> Success;

    /// Makes managers of a chat plain members.
    ///
    /// Errors: `EMPTY_USER_IDS`, `ACCESS_DENIED`.
    ChatManagerDelete "imbot.v2.Chat.Manager.delete" (bot: BotId = "botId", dialog: DialogId = "dialogId", users: Vec<UserId> = "userIds") [] -> Success;

    /// Adds users to a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatUserAdd "imbot.v2.Chat.User.add" (bot: BotId = "botId", dialog: DialogId = "dialogId", users: Vec<UserId> = "userIds") [] -> Success;

    /// Removes a user from a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatUserDelete "imbot.v2.Chat.User.delete" (bot: BotId = "botId", dialog: DialogId = "dialogId", user: UserId = "userId") [] -> Success;

    /// Returns the members of a chat, at most 200 (default 50).
    ///
    /// Errors: `ACCESS_DENIED`.
    ChatUserList "imbot.v2.Chat.User.list" (bot: BotId = "botId", dialog: DialogId = "dialogId")
        [order: Value = "order", limit: u64 = "limit"] -> Vec<Value>;

    /// Sends a message of at most 20 000 characters; one with a `templateId` (a version 4 UUID) is
    /// shown once, however often it is sent.
    ///
    /// Errors: `ACCESS_DENIED`, `EMPTY_MESSAGE`, `SENDING_FAILED`, `PARAM_ATTACH_ERROR`,
    /// `PARAM_KEYBOARD_ERROR`.
    MessageSend "imbot.v2.Chat.Message.send" (bot: BotId = "botId", dialog: DialogId = "dialogId")
        [message: String = "fields.message", attach: Value = "fields.attach", keyboard: Value = "fields.keyboard",
         system: bool = "fields.system", url_preview: bool = "fields.urlPreview", reply: MessageId = "fields.replyId",
         skip_connector: bool = "fields.skipConnector", silent_connector: bool = "fields.silentConnector",
         template: String = "fields.templateId", forward: HashMap<String, MessageId> = "fields.forwardIds"] -> SentMessage;

    /// Changes a message of the bot; `keyboard` `"N"` removes its keyboard.
    ///
    /// Errors: `ACCESS_DENIED`, `PARAM_ATTACH_ERROR`.
    MessageUpdate "imbot.v2.Chat.Message.update" (bot: BotId = "botId", id: MessageId = "messageId")
        [message: String = "fields.message", attach: Value = "fields.attach", keyboard: Value = "fields.keyboard",
         url_preview: super::YesNo = "fields.urlPreview"] -> Success;

    /// Deletes a message; with `complete` leaves no trace.
    ///
    /// Errors: `ACCESS_DENIED`.
    MessageDelete "imbot.v2.Chat.Message.delete" (bot: BotId = "botId", id: MessageId = "messageId") [complete: bool = "complete"] -> Success;

    /// Marks a chat as read, up to a message or as a whole.
    ///
    /// Errors: `ACCESS_DENIED`, `MESSAGE_NOT_FOUND`.
    MessageRead "imbot.v2.Chat.Message.read" (bot: BotId = "botId", dialog: DialogId = "dialogId") [up_to: MessageId = "messageId"] -> ReadState;

    /// Returns a message and its author; for supervisors and personal bots only.
    ///
    /// Errors: `BOT_TYPE_NOT_ALLOWED`.
    MessageGet "imbot.v2.Chat.Message.get" (bot: BotId = "botId", id: MessageId = "messageId") [] -> Value;

    /// Returns the messages around one, at most 50 on each side.
    ///
    /// Errors: `BOT_TYPE_NOT_ALLOWED`, `MESSAGE_NOT_FOUND`, `MESSAGE_ACCESS_DENIED`.
    MessageGetContext "imbot.v2.Chat.Message.getContext" (bot: BotId = "botId", id: MessageId = "messageId") [range: u64 = "range"] -> Value;

    /// Reacts to a message, such as with `like`.
    ///
    /// Errors: `ACCESS_DENIED`, `REACTION_NOT_FOUND`, `REACTION_ALREADY_SET`.
    ReactionAdd "imbot.v2.Chat.Message.Reaction.add" (bot: BotId = "botId", id: MessageId = "messageId", reaction: String = "reaction") [] -> Success;

    /// Removes a reaction.
    ///
    /// Errors: `ACCESS_DENIED`, `REACTION_NOT_FOUND`.
    ReactionDelete "imbot.v2.Chat.Message.Reaction.delete" (bot: BotId = "botId", id: MessageId = "messageId", reaction: String = "reaction") [] -> Success;

    /// Registers a command; titles and parameters by language.
    ///
    /// Errors: `COMMAND_NAME_INVALID`, `COMMAND_TITLE_REQUIRED`.
    CommandRegister "imbot.v2.Command.register" (bot: BotId = "botId", command: String = "fields.command")
        [title: Value = "fields.title", params: Value = "fields.params", common: bool = "fields.common",
         hidden: bool = "fields.hidden", extranet_support: bool = "fields.extranetSupport"] -> SingleCommand;

    /// Changes a command.
    ///
    /// Errors: `COMMAND_NOT_FOUND`, `COMMAND_NAME_INVALID`, `COMMAND_ALREADY_EXISTS`.
    CommandUpdate "imbot.v2.Command.update" (bot: BotId = "botId", id: CommandId = "commandId")
        [command: String = "fields.command", title: Value = "fields.title", params: Value = "fields.params",
         common: bool = "fields.common", hidden: bool = "fields.hidden",
         extranet_support: bool = "fields.extranetSupport"] -> SingleCommand;

    /// Returns the commands of a bot.
    CommandList "imbot.v2.Command.list" (bot: BotId = "botId") [] -> Commands;

    /// Removes a command.
    ///
    /// Errors: `COMMAND_NOT_FOUND`.
    CommandUnregister "imbot.v2.Command.unregister" (bot: BotId = "botId", id: CommandId = "commandId") [] -> Success;

    /// Answers a command, also in a chat that the bot is not in. The message's id is not returned.
    ///
    /// Errors: `COMMAND_ANSWER_FAILED`.
    CommandAnswer "imbot.v2.Command.answer"
        (bot: BotId = "botId", id: CommandId = "commandId", to: MessageId = "messageId", dialog: DialogId = "dialogId")
        [message: String = "fields.message", attach: Value = "fields.attach", keyboard: Value = "fields.keyboard",
         system: bool = "fields.system", url_preview: bool = "fields.urlPreview"] -> Success;

    /// Shows what the bot is doing, for 1 to 600 seconds.
    ///
    /// Errors: `ACCESS_DENIED`.
    InputActionNotify "imbot.v2.Chat.InputAction.notify" (bot: BotId = "botId", dialog: DialogId = "dialogId")
        [status: String = "statusMessageCode", seconds: u64 = "duration"] -> Success;

    /// Shows or hides the input field of a chat.
    ///
    /// Errors: `ACCESS_DENIED`.
    TextFieldEnabled "imbot.v2.Chat.TextField.enabled" (bot: BotId = "botId", dialog: DialogId = "dialogId") [enabled: bool = "enabled"] -> Success;

    /// Sends a file of at most 100 MB, in base64, in a message of its own.
    ///
    /// Errors: `FILE_EMPTY`, `FILE_INVALID_CONTENT`, `FILE_TOO_LARGE`, `FILE_UPLOAD_FAILED`,
    /// `FILE_SEND_FAILED`.
    FileUpload "imbot.v2.File.upload"
        (bot: BotId = "botId", dialog: DialogId = "dialogId", name: String = "fields.name", content: String = "fields.content")
        [message: String = "fields.message"] -> Upload;

    /// Returns an address from which a file can be read once.
    ///
    /// Errors: `FILE_NOT_FOUND`, `FILE_ACCESS_ERROR`.
    FileDownload "imbot.v2.File.download" (bot: BotId = "botId", file: u64 = "fileId") [] -> Download;

    /// Returns the events of a bot, at most 1000 (default 100), and confirms those before the
    /// offset.
    ///
    /// Errors: `SCOPE_ERROR`, `USER_NOT_SUBSCRIBED`.
    EventGet "imbot.v2.Event.get" (bot: BotId = "botId")
        [offset: u64 = "offset", limit: u64 = "limit", with_user_events: bool = "withUserEvents"] -> Value;
}
