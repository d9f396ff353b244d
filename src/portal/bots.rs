//! The methods of the first bot platform that speak for a bot (`imbot.*`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Error, Portal};
use crate::event::{BotId, CommandId, DialogId, MessageId};

/// What `imbot.register` is told about a bot.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct BotFields {
    /// Its code, unique on the portal.
    pub code: String,
    /// `B` bot, `O` open channels, `H` human-like, `S` supervisor.
    #[serde(rename = "TYPE")]
    pub kind: char,
    /// `Y` if it serves open channels.
    pub openline: char,
    /// Where its events are posted.
    pub event_handler: String,
    /// Its name, picture, colour, ….
    pub properties: Map<String, Value>,
}

/// What `imbot.command.register` is told about a command.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct CommandFields {
    /// Whose it is.
    pub bot_id: BotId,
    /// Its name, without a slash.
    pub command: String,
    /// Whether it works in every chat (`Y`), or where the bot is.
    pub common: char,
    /// Whether it is left out of suggestions.
    pub hidden: char,
    /// Whether people from outside may give it.
    pub extranet_support: char,
    /// Its titles: `LANGUAGE_ID`, `TITLE`, `PARAMS`.
    pub lang: Vec<Value>,
    /// Where its events are posted.
    pub event_command_add: String,
}

impl Portal {
    /// Registers a bot, or finds the one of its code, and gives it these properties.
    ///
    /// # Errors
    /// `CODE_ERROR`, `NAME_ERROR`, `MAX_COUNT_ERROR`, …; `APP_ID_ERROR` if another application owns the code.
    pub async fn register_bot(&self, fields: &BotFields) -> Result<BotId, Error> {
        let id: BotId = self.call("imbot.register", &json!(fields)).await?;
        // `imbot.register` ignores the two handlers for plain bots, and everything for a code that exists: both are put
        // right by an update (bots-v1, section 6).
        let update = json!({
            "BOT_ID": id,
            "FIELDS": {
                "EVENT_HANDLER": fields.event_handler,
                "EVENT_MESSAGE_UPDATE": fields.event_handler,
                "EVENT_MESSAGE_DELETE": fields.event_handler,
                "PROPERTIES": fields.properties,
            },
        });
        self.call::<Value>("imbot.update", &update).await?;
        Ok(id)
    }

    /// Removes a bot and its private chats.
    ///
    /// # Errors
    /// `BOT_ID_ERROR`, `APP_ID_ERROR`.
    pub async fn unregister_bot(&self, bot: BotId) -> Result<(), Error> {
        self.call::<Value>("imbot.unregister", &json!({ "BOT_ID": bot }))
            .await
            .map(drop)
    }

    /// Registers a command, or finds the one of its name.
    ///
    /// # Errors
    /// `COMMAND_ERROR` for a name that is not Latin letters and digits, `LANG_ERROR` without a title.
    pub async fn register_command(&self, fields: &CommandFields) -> Result<CommandId, Error> {
        self.call("imbot.command.register", &json!(fields)).await
    }

    /// Sends a message as the bot.
    ///
    /// # Errors
    /// The portal's refusal, such as `DIALOG_ID_EMPTY` or `CANCELED` where the bot may not write.
    pub async fn say(
        &self,
        bot: BotId,
        dialog: &DialogId,
        message: Map<String, Value>,
    ) -> Result<MessageId, Error> {
        let mut params = message;
        params.insert("BOT_ID".into(), json!(bot));
        params.insert("DIALOG_ID".into(), json!(dialog));
        self.call("imbot.message.add", &Value::Object(params)).await
    }

    /// Sends a message as the bot, so that the portal shows it once, however often it is sent with this id
    /// (`imbot.v2.Chat.Message.send`, `templateId`; kept for about 31 days). Ids are of version 4.
    ///
    /// # Errors
    /// The portal's refusal, such as `ACCESS_DENIED` where the bot is not in the chat, or `ERROR_METHOD_NOT_FOUND` on a
    /// portal without the second generation of the bot platform.
    pub async fn say_once(
        &self,
        bot: BotId,
        dialog: &DialogId,
        message: &Map<String, Value>,
        id: Uuid,
    ) -> Result<MessageId, Error> {
        #[derive(Deserialize)]
        struct Sent {
            id: MessageId,
        }
        let mut fields = Map::new();
        for (own, theirs) in [
            ("MESSAGE", "message"),
            ("ATTACH", "attach"),
            ("KEYBOARD", "keyboard"),
        ] {
            if let Some(value) = message.get(own) {
                fields.insert(theirs.to_owned(), value.clone());
            }
        }
        for (own, theirs) in [("SYSTEM", "system"), ("URL_PREVIEW", "urlPreview")] {
            if let Some(value) = message.get(own) {
                fields.insert(theirs.to_owned(), (value == "Y").into());
            }
        }
        fields.insert("templateId".to_owned(), id.to_string().into());
        let params = json!({ "botId": bot, "dialogId": dialog, "fields": fields });
        let sent: Sent = self.call("imbot.v2.Chat.Message.send", &params).await?;
        Ok(sent.id)
    }

    /// Answers a command. Nothing comes back where the ten minutes for it are over: then nothing was posted.
    ///
    /// # Errors
    /// The portal's refusal, such as `COMMAND_ID_ERROR`.
    pub async fn answer(
        &self,
        command: CommandId,
        to: MessageId,
        message: Map<String, Value>,
    ) -> Result<Option<MessageId>, Error> {
        let mut params = message;
        params.insert("COMMAND_ID".into(), json!(command));
        params.insert("MESSAGE_ID".into(), json!(to));
        let answer: Value = self
            .call("imbot.command.answer", &Value::Object(params))
            .await?;
        Ok(answer.as_u64().map(MessageId))
    }

    /// Changes a message of the bot; what is not given stays.
    ///
    /// # Errors
    /// `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE` after three days.
    pub async fn edit(
        &self,
        bot: BotId,
        message: MessageId,
        changes: Map<String, Value>,
    ) -> Result<(), Error> {
        let mut params = changes;
        params.insert("BOT_ID".into(), json!(bot));
        params.insert("MESSAGE_ID".into(), json!(message));
        self.call::<Value>("imbot.message.update", &Value::Object(params))
            .await
            .map(drop)
    }

    /// Deletes a message of the bot.
    ///
    /// # Errors
    /// `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`.
    pub async fn delete(&self, bot: BotId, message: MessageId) -> Result<(), Error> {
        let params = json!({ "BOT_ID": bot, "MESSAGE_ID": message });
        self.call::<Value>("imbot.message.delete", &params)
            .await
            .map(drop)
    }

    /// Shows that the bot is typing.
    ///
    /// # Errors
    /// `DIALOG_ID_EMPTY`, `BOT_ID_ERROR`.
    pub async fn typing(&self, bot: BotId, dialog: &DialogId) -> Result<(), Error> {
        let params = json!({ "BOT_ID": bot, "DIALOG_ID": dialog });
        self.call::<Value>("imbot.chat.sendTyping", &params)
            .await
            .map(drop)
    }
}
