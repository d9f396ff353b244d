//! Bots and commands of the first generation (`imbot.*`).

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Error, Portal};
use crate::event::{BotId, CommandId};

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

    /// The bot of a code; nothing where there is none.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn find_bot_of_the_first(&self, code: &str) -> Result<Option<BotId>, Error> {
        // A map by number; PHP writes an empty one as a list.
        let bots: Value = self.call("imbot.bot.list", &json!({})).await?;
        let of_code = |bot: &&Value| bot["CODE"] == code;
        let bot = bots
            .as_object()
            .and_then(|bots| bots.values().find(of_code));
        let number = |id: &Value| id.as_u64().or_else(|| id.as_str()?.parse().ok());
        Ok(bot.and_then(|bot| number(&bot["ID"])).map(BotId))
    }

    /// Registers a command, or finds the one of its name.
    ///
    /// # Errors
    /// `COMMAND_ERROR` for a name that is not Latin letters and digits, `LANG_ERROR` without a title.
    pub async fn register_command(&self, fields: &CommandFields) -> Result<CommandId, Error> {
        self.call("imbot.command.register", &json!(fields)).await
    }
}
