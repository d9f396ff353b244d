//! A bot speaking, by the methods of its generation.
//!
//! What it says is told in the first generation's words (`MESSAGE`, `KEYBOARD`, `ATTACH`, `MENU`, …), since those are what
//! is stored; for the second generation they are translated here.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{Api, BotId, CommandId, DialogId, MessageId};
use crate::portal::methods::{imbot, imbot_v2};
use crate::portal::{Error, Portal};

/// For how long a status is shown that nobody renews.
const STATUS_SECONDS: u64 = 20;

/// A bot on a portal, to speak for it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BotClient {
    portal: Portal,
    bot: BotId,
    api: Api,
}

/// What a bot shows that it is doing (`statusMessageCode` of `imbot.v2.Chat.InputAction.notify`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
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
    /// The portal's code; typing has none.
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
    /// A bot that speaks by the methods of this generation.
    pub fn new(portal: Portal, bot: BotId, api: Api) -> BotClient {
        BotClient { portal, bot, api }
    }

    /// The portal that it speaks on.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The bot.
    pub fn bot(&self) -> BotId {
        self.bot
    }

    /// Sends a message. One with an id is shown once, however often it is sent (`templateId`; kept for about 31 days, of
    /// version 4), but for messages with a menu.
    ///
    /// # Errors
    /// The portal's refusal, such as `ACCESS_DENIED` or `CANCELED` where the bot may not write.
    pub async fn say(
        &self,
        dialog: &DialogId,
        message: Map<String, Value>,
        id: Option<Uuid>,
    ) -> Result<MessageId, Error> {
        let is_second = self.api == Api::V2 || id.is_some();
        if message.contains_key("MENU") || !is_second {
            let mut params = message;
            params.insert("BOT_ID".into(), json!(self.bot));
            params.insert("DIALOG_ID".into(), json!(dialog));
            let params = Value::Object(params);
            return self.portal.call("imbot.message.add", &params).await;
        }
        let mut fields = self.fields(message);
        if let Some(id) = id {
            fields.insert("templateId".to_owned(), id.to_string().into());
        }
        let params = json!({ "botId": self.bot, "dialogId": dialog, "fields": fields });
        let sent: imbot_v2::Sent = self
            .portal
            .call("imbot.v2.Chat.Message.send", &params)
            .await?;
        Ok(sent.id)
    }

    /// Answers a command, also in a chat that the bot is not in. No number comes back where the portal tells none.
    ///
    /// # Errors
    /// The portal's refusal, such as `COMMAND_ID_ERROR` or `COMMAND_ANSWER_FAILED`.
    pub async fn answer(
        &self,
        command: CommandId,
        to: MessageId,
        dialog: &DialogId,
        message: Map<String, Value>,
        id: Option<Uuid>,
    ) -> Result<Option<MessageId>, Error> {
        if self.api == Api::V2 {
            // Where the bot is in the chat, it can say it: then the number is known, and a repeat, too.
            return match self.say(dialog, message.clone(), id).await {
                Err(error) if error.is("ACCESS_DENIED") => {
                    let fields = self.fields(message);
                    let params = json!({
                        "botId": self.bot, "commandId": command, "messageId": to, "dialogId": dialog, "fields": fields,
                    });
                    let method = "imbot.v2.Command.answer";
                    self.portal.call::<Value>(method, &params).await?;
                    Ok(None)
                }
                said => said.map(Some),
            };
        }
        let mut params = message.clone();
        params.insert("COMMAND_ID".into(), json!(command));
        params.insert("MESSAGE_ID".into(), json!(to));
        let params = Value::Object(params);
        let answer: Value = self.portal.call("imbot.command.answer", &params).await?;
        match answer.as_u64() {
            Some(number) => Ok(Some(MessageId(number))),
            // The ten minutes for an answer are over, and nothing was posted (server-behaviour, section 7.3).
            None => self.say(dialog, message, None).await.map(Some),
        }
    }

    /// Changes a message of the bot; what is not given stays.
    ///
    /// # Errors
    /// `MESSAGE_ID_ERROR`, `ACCESS_DENIED`; `CANT_EDIT_MESSAGE` after three days.
    pub async fn edit(&self, message: MessageId, changes: Map<String, Value>) -> Result<(), Error> {
        let (method, params) = if self.api == Api::V1 || changes.contains_key("MENU") {
            let mut params = changes;
            params.insert("BOT_ID".into(), json!(self.bot));
            params.insert("MESSAGE_ID".into(), json!(message));
            ("imbot.message.update", Value::Object(params))
        } else {
            let mut fields = self.fields(changes);
            // Here alone it is a letter (bots-v2, section 7.3).
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

    /// Shows for a while what the bot is doing; the first generation can only show that it is typing.
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

    /// Reacts to a message as the bot, with one of the portal's codes such as `like`, or takes that back. Second generation
    /// only (page `imbot.v2/messages/reactions`).
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

    /// Marks a chat as read, up to a message or all of it. Second generation only.
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

    /// Lets people write in a chat, or takes the input field away: then only buttons are left. Second generation only.
    ///
    /// # Errors
    /// `ACCESS_DENIED`.
    pub async fn text_field(&self, dialog: &DialogId, enabled: bool) -> Result<(), Error> {
        let field = imbot_v2::TextFieldEnabled::new(self.bot, dialog.clone()).enabled(enabled);
        self.portal.run(field).await.map(drop)
    }

    /// A message's parameters in the words of the second generation.
    fn fields(&self, message: Map<String, Value>) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, mut value) in message {
            let name = match name.as_str() {
                "MESSAGE" => "message",
                "ATTACH" => "attach",
                "KEYBOARD" => {
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
                "SKIP_CONNECTOR" => {
                    value = (value == "Y").into();
                    "skipConnector"
                }
                _ => continue,
            };
            fields.insert(name.to_owned(), value);
        }
        fields
    }
}
