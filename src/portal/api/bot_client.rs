//! Sends, edits and deletes messages as one bot, by the API (v1 or v2) the bot is registered with.
//!
//! Messages are given in v1 parameters (`MESSAGE`, `KEYBOARD`, `ATTACH`, `MENU`, …), since those
//! are what is stored; they are translated here for v2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{Api, BotId, CommandId, DialogId, MessageId};
use crate::message::{ATTACH, FILE, FORWARD, KEYBOARD, MENU, MESSAGE, REPLY, WHISPER};
use crate::portal::methods::{imbot, imbot_v2};
use crate::portal::{Error, Portal, number};

/// How long a status is shown, in seconds.
const STATUS_SECONDS: u64 = 20;

/// A client that acts as one bot on a portal. Cheap to clone.
///
/// ```no_run
/// use imbot::event::{Api, BotId, DialogId};
/// use imbot::portal::{BotClient, Portal};
/// use serde_json::json;
///
/// # async fn example(portal: Portal) -> Result<(), imbot::portal::Error> {
/// let bot = BotClient::new(portal, BotId(7), Api::V2);
/// let dialog = DialogId::from("chat142");
/// let message = [("MESSAGE".to_owned(), json!("Hello"))].into_iter().collect();
/// let sent = bot.say(&dialog, message, None).await?;
/// bot.delete(sent).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct BotClient {
    portal: Portal,
    bot: BotId,
    api: Api,
}

/// An activity that a bot shows (`statusMessageCode` of `imbot.v2.Chat.InputAction.notify`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names suffice")]
#[non_exhaustive]
pub enum Status {
    #[default]
    Typing,
    Thinking,
    Searching,
    Generating,
    Analyzing,
    Processing,
    Translating,
    Connecting,
    Checking,
    Calculating,
    ReadingDocs,
    Composing,
}

impl Status {
    /// The portal's code; `None` for typing.
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Status::Typing => return None,
            Status::Thinking => "IMBOT_AGENT_ACTION_THINKING",
            Status::Searching => "IMBOT_AGENT_ACTION_SEARCHING",
            Status::Generating => "IMBOT_AGENT_ACTION_GENERATING",
            Status::Analyzing => "IMBOT_AGENT_ACTION_ANALYZING",
            Status::Processing => "IMBOT_AGENT_ACTION_PROCESSING",
            Status::Translating => "IMBOT_AGENT_ACTION_TRANSLATING",
            Status::Connecting => "IMBOT_AGENT_ACTION_CONNECTING",
            Status::Checking => "IMBOT_AGENT_ACTION_CHECKING",
            Status::Calculating => "IMBOT_AGENT_ACTION_CALCULATING",
            Status::ReadingDocs => "IMBOT_AGENT_ACTION_READING_DOCS",
            Status::Composing => "IMBOT_AGENT_ACTION_COMPOSING",
        })
    }
}

impl BotClient {
    /// A client for this bot, which uses this API.
    pub fn new(portal: Portal, bot: BotId, api: Api) -> BotClient {
        BotClient { portal, bot, api }
    }

    /// The portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The bot's id.
    pub fn bot(&self) -> BotId {
        self.bot
    }

    /// Sends a message and returns its id.
    ///
    /// With `id`, a version 4 UUID, the message is shown once however often it is sent
    /// (`templateId`; the portal remembers it for about 31 days). This does not work for messages
    /// with a menu, with a file or with forwarded messages.
    ///
    /// Replies, forwarded messages and files are methods of v2 only, which v1 bots may call as
    /// well.
    ///
    /// # Errors
    /// `ACCESS_DENIED` or `CANCELED` if the bot may not write there, and those of every
    /// [`call`](Portal::call).
    pub async fn say(
        &self,
        dialog: &DialogId,
        message: Map<String, Value>,
        id: Option<Uuid>,
    ) -> Result<MessageId, Error> {
        if let Some(file) = message.get(FILE) {
            return self.say_file(dialog, file, message.get(MESSAGE)).await;
        }
        let needs_v2 = message.contains_key(REPLY) || message.contains_key(FORWARD);
        let is_v2 = self.api == Api::V2 || id.is_some() || needs_v2;
        if message.contains_key(MENU) || !is_v2 {
            let mut params = message;
            params.insert("BOT_ID".into(), json!(self.bot));
            params.insert("DIALOG_ID".into(), json!(dialog));
            let params = Value::Object(params);
            return self.portal.call("imbot.message.add", &params).await;
        }
        let mut fields = self.fields(message, id);
        if let Some(id) = id {
            fields.insert("templateId".to_owned(), id.to_string().into());
        }
        let params = json!({ "botId": self.bot, "dialogId": dialog, "fields": fields });
        const METHOD: &str = "imbot.v2.Chat.Message.send";
        let sent: Value = self.portal.call(METHOD, &params).await?;
        sent_id(&sent).ok_or_else(|| Error::answer(METHOD, "it has no message id"))
    }

    /// Sends a message with a file.
    async fn say_file(
        &self,
        dialog: &DialogId,
        file: &Value,
        text: Option<&Value>,
    ) -> Result<MessageId, Error> {
        let name = file["NAME"].as_str().unwrap_or_default();
        let content = STANDARD.decode(file["CONTENT"].as_str().unwrap_or_default());
        let content =
            content.map_err(|wrong| Error::forbidden("imbot.v2.File.upload", wrong.to_string()))?;
        let text = text
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty());
        Ok(self.upload(dialog, name, &content, text).await?.message_id)
    }

    /// Answers a command, also in a chat that the bot is not in. Returns `None` if the portal does
    /// not return the message's id.
    ///
    /// # Errors
    /// `COMMAND_ID_ERROR` (v1), `COMMAND_ANSWER_FAILED` (v2), those of [`say`](BotClient::say).
    pub async fn answer(
        &self,
        command: CommandId,
        to: MessageId,
        dialog: &DialogId,
        message: Map<String, Value>,
        id: Option<Uuid>,
    ) -> Result<Option<MessageId>, Error> {
        if self.api == Api::V2 {
            // In its own chats the bot sends a message: then its id is known and repeats are
            // recognised.
            return match self.say(dialog, message.clone(), id).await {
                Err(error) if is_outside(&error) => {
                    let fields = self.answer_fields(message);
                    let params = json!({
                        "botId": self.bot, "commandId": command, "messageId": to, "dialogId": dialog, "fields": fields,
                    });
                    let method = "imbot.v2.Command.answer";
                    self.portal.call::<Value>(method, &params).await?;
                    Ok(None)
                }
                sent => sent.map(Some),
            };
        }
        if [REPLY, FORWARD, FILE]
            .iter()
            .any(|part| message.contains_key(*part))
        {
            // The method has no such parts.
            return self.say(dialog, message, id).await.map(Some);
        }
        let mut params = message.clone();
        params.insert("COMMAND_ID".into(), json!(command));
        params.insert("MESSAGE_ID".into(), json!(to));
        let params = Value::Object(params);
        let answer: Value = self.portal.call("imbot.command.answer", &params).await?;
        match answer.as_u64() {
            Some(number) => Ok(Some(MessageId(number))),
            // The ten minutes for an answer are over, and nothing was posted
            // (protocol/server-behaviour.md 7.3).
            None => self.say(dialog, message, None).await.map(Some),
        }
    }

    /// Edits a message of the bot. Parts that are not given stay.
    ///
    /// # Errors
    /// `MESSAGE_ID_ERROR`, `ACCESS_DENIED`; `CANT_EDIT_MESSAGE` after three days.
    pub async fn edit(&self, message: MessageId, changes: Map<String, Value>) -> Result<(), Error> {
        // The pages list `SKIP_CONNECTOR` for the method of v1 only (protocol/bots-v2.md 7.3).
        let needs_v1 = changes.contains_key(MENU) || changes.contains_key(WHISPER);
        let (method, params) = if self.api == Api::V1 || needs_v1 {
            let mut params = changes;
            params.insert("BOT_ID".into(), json!(self.bot));
            params.insert("MESSAGE_ID".into(), json!(message));
            ("imbot.message.update", Value::Object(params))
        } else {
            let mut fields = self.fields(changes, None);
            // A letter only in this method (protocol/bots-v2.md 7.3).
            if let Some(preview) = fields.get_mut("urlPreview") {
                *preview = if *preview == true { "Y" } else { "N" }.into();
            }
            let params = json!({ "botId": self.bot, "messageId": message, "fields": fields });
            ("imbot.v2.Chat.Message.update", params)
        };
        self.portal.call::<Value>(method, &params).await.map(drop)
    }

    /// Deletes a message of the bot.
    ///
    /// # Errors
    /// `MESSAGE_ID_ERROR`, `ACCESS_DENIED`, `CANT_EDIT_MESSAGE`.
    pub async fn delete(&self, message: MessageId) -> Result<(), Error> {
        match self.api {
            Api::V1 => {
                self.portal
                    .run(imbot::MessageDelete::new(self.bot, message))
                    .await?
            }
            Api::V2 => {
                self.portal
                    .run(imbot_v2::MessageDelete::new(self.bot, message))
                    .await?
            }
        };
        Ok(())
    }

    /// Shows for a while what the bot is doing. v1 can only show that it is typing.
    ///
    /// # Errors
    /// `DIALOG_ID_EMPTY`, `BOT_ID_ERROR`, `ACCESS_DENIED`.
    pub async fn show(&self, dialog: &DialogId, status: Status) -> Result<(), Error> {
        match self.api {
            Api::V1 => {
                let typing = imbot::ChatSendTyping::new(self.bot, dialog.clone());
                self.portal.run(typing).await?;
            }
            Api::V2 => {
                let mut notify = imbot_v2::InputActionNotify::new(self.bot, dialog.clone())
                    .seconds(STATUS_SECONDS);
                if let Some(code) = status.code() {
                    notify = notify.status(code);
                }
                self.portal.run(notify).await?;
            }
        }
        Ok(())
    }

    /// Adds a reaction of the bot to a message, one of the portal's codes such as `like`, or
    /// removes it. v2 only (page `imbot.v2/messages/reactions`).
    ///
    /// # Errors
    /// `REACTION_NOT_FOUND`, `REACTION_ALREADY_SET`, `ACCESS_DENIED`.
    pub async fn react(&self, to: MessageId, reaction: &str, add: bool) -> Result<(), Error> {
        if add {
            let react = imbot_v2::ReactionAdd::new(self.bot, to, reaction);
            self.portal.run(react).await?;
        } else {
            let unreact = imbot_v2::ReactionDelete::new(self.bot, to, reaction);
            self.portal.run(unreact).await?;
        }
        Ok(())
    }

    /// Marks a chat as read, up to a message or all of it. v2 only.
    ///
    /// # Errors
    /// `MESSAGE_NOT_FOUND`, `ACCESS_DENIED`.
    pub async fn read(&self, dialog: &DialogId, up_to: Option<MessageId>) -> Result<(), Error> {
        let mut read = imbot_v2::MessageRead::new(self.bot, dialog.clone());
        if let Some(message) = up_to {
            read = read.up_to(message);
        }
        self.portal.run(read).await.map(drop)
    }

    /// Shows or hides the chat's input field. While it is hidden, people can only press buttons. v2
    /// only.
    ///
    /// # Errors
    /// `ACCESS_DENIED`.
    pub async fn text_field(&self, dialog: &DialogId, enabled: bool) -> Result<(), Error> {
        let field = imbot_v2::TextFieldEnabled::new(self.bot, dialog.clone()).enabled(enabled);
        self.portal.run(field).await.map(drop)
    }

    /// Returns the fields of an answer to a command, without the parts that its method does not
    /// take, and logs those.
    fn answer_fields(&self, message: Map<String, Value>) -> Map<String, Value> {
        let parts = [MENU, REPLY, FORWARD, FILE];
        for part in parts.iter().filter(|part| message.contains_key(**part)) {
            tracing::warn!(portal = %self.portal.id(), bot.id = %self.bot, part, "the bot is not in the chat of the command, and an answer has no such part; it is dropped");
        }
        let mut fields = self.fields(message, None);
        for part in ["forwardIds", "replyId"] {
            fields.shift_remove(part);
        }
        fields
    }

    /// Translates a message's v1 parameters to v2. `id` makes the ids of forwarded messages the
    /// same on every repeat. Names that are not of v1 are fields of v2 already.
    fn fields(&self, message: Map<String, Value>, id: Option<Uuid>) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, mut value) in message {
            let name = match name.as_str() {
                MESSAGE => "message",
                ATTACH => {
                    if value == "N" {
                        value = "".into(); // `N` removes it in v1 only
                    }
                    "attach"
                }
                KEYBOARD => {
                    if let Some(keyboard) = value.as_object_mut() {
                        keyboard.insert("BOT_ID".to_owned(), json!(self.bot));
                    }
                    "keyboard"
                }
                "SYSTEM" => {
                    value = (value == "Y").into();
                    "system"
                }
                "URL_PREVIEW" => {
                    value = (value == "Y").into();
                    "urlPreview"
                }
                WHISPER => {
                    value = (value == "Y").into();
                    "skipConnector"
                }
                REPLY => "replyId",
                FORWARD => {
                    value = forwarded(&value, id);
                    "forwardIds"
                }
                MENU | FILE => continue,
                field => field,
            };
            fields.insert(name.to_owned(), value);
        }
        fields
    }
}

/// Returns the id of a message that was sent. Which `id` the portal returns if only messages were
/// forwarded is not documented; the map has theirs.
fn sent_id(sent: &Value) -> Option<MessageId> {
    let first_forwarded = || sent["uuidMap"].as_object()?.values().find_map(number);
    let own = number(&sent["id"]).filter(|id| *id > 0);
    own.or_else(first_forwarded).map(MessageId)
}

/// Returns `forwardIds`: the messages by ids of our own.
fn forwarded(messages: &Value, id: Option<Uuid>) -> Value {
    let own = |message: &Value| match id {
        Some(id) => Uuid::new_v5(&id, message.to_string().as_bytes()),
        None => Uuid::new_v4(),
    };
    let messages = messages.as_array().into_iter().flatten();
    let by_id = messages.map(|message| (own(message).to_string(), message.clone()));
    Value::Object(by_id.collect())
}

/// Whether the bot is not in the chat. A message with a menu is sent by v1, which has other codes
/// for it: `CANCELED` for a group, `ERROR_NO_ACCESS` for a private dialog (protocol/bots-v1.md
/// 4.8).
fn is_outside(error: &Error) -> bool {
    ["ACCESS_DENIED", "CANCELED", "ERROR_NO_ACCESS"]
        .iter()
        .any(|code| error.is(code))
}

#[cfg(test)]
mod tests {
    use crate::portal::api::bot_client::*;

    #[test]
    fn the_id_of_a_sent_message_is_its_own_or_that_of_the_first_forwarded_one() {
        let cases = [
            (json!({ "id": 7, "uuidMap": [] }), Some(7)),
            (json!({ "id": "7", "uuidMap": {} }), Some(7)),
            (json!({ "id": null, "uuidMap": { "u": 8 } }), Some(8)),
            (json!({ "id": 0, "uuidMap": { "u": "8" } }), Some(8)),
            (json!({ "id": null, "uuidMap": [] }), None),
        ];
        for (sent, expected) in cases {
            assert_eq!(sent_id(&sent), expected.map(MessageId), "{sent}");
        }
    }
}
