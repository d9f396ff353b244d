//! Bots and commands of the second generation (`imbot.v2.*`), and their events by polling.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Error, Portal};
use crate::event::{BotId, CommandId, Page};

/// The most events that one poll asks for; the portal gives no more.
pub const EVENTS_MAX: usize = 1_000;

/// What the portal is told about a bot (`fields` of `imbot.v2.Bot.register` and `imbot.v2.Bot.update`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewBot {
    /// Its code, unique on the portal. It stays.
    pub code: String,
    /// `bot`, `supervisor`, `personal` or `openline`. It stays.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `webhook` or `fetch`.
    pub event_mode: &'static str,
    /// Where its events are posted, with webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Whether it serves open channels.
    pub is_support_openline: bool,
    /// Its name, picture, colour, ….
    pub properties: Map<String, Value>,
}

/// A bot as its owner sees it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BotInfo {
    /// Its number.
    pub id: BotId,
    /// Its code.
    pub code: String,
    /// `webhook` or `fetch`; only the owner is told.
    #[serde(default)]
    pub event_mode: Option<String>,
    /// Whether it serves open channels.
    #[serde(default)]
    pub is_support_openline: bool,
}

/// What the portal is told about a command (`fields` of `imbot.v2.Command.register` and `.update`).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCommand {
    /// Its name, without a slash.
    pub command: String,
    /// What it does, by language.
    pub title: Map<String, Value>,
    /// What follows its name, by language.
    pub params: Map<String, Value>,
    /// Whether it works in every chat, or where the bot is.
    pub common: bool,
    /// Whether it is left out of suggestions.
    pub hidden: bool,
    /// Whether people from outside may give it.
    pub extranet_support: bool,
}

/// A command as the portal knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CommandInfo {
    /// Its number.
    pub id: CommandId,
    /// Its name; the portal writes it with a slash.
    pub command: String,
    /// Whether it works in every chat.
    #[serde(default)]
    pub common: bool,
    /// Whether it is left out of suggestions.
    #[serde(default)]
    pub hidden: bool,
    /// Whether people from outside may give it.
    #[serde(default)]
    pub extranet_support: bool,
    /// What it does: by language, or in the language of who asks.
    #[serde(default)]
    pub title: Value,
    /// What follows its name, likewise.
    #[serde(default)]
    pub params: Value,
}

impl CommandInfo {
    /// Its name, without a slash.
    pub fn name(&self) -> &str {
        self.command.trim_start_matches('/')
    }

    /// Whether it is as described. Titles are compared where the portal tells them by language.
    pub fn is_like(&self, new: &NewCommand) -> bool {
        let same = |told: &Value, wanted: &Map<String, Value>| match told {
            Value::Object(told) => told == wanted,
            _ => true,
        };
        self.name() == new.command
            && (self.common, self.hidden, self.extranet_support)
                == (new.common, new.hidden, new.extranet_support)
            && same(&self.title, &new.title)
            && same(&self.params, &new.params)
    }
}

impl Portal {
    /// The bot of a code; nothing where there is none.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn find_bot(&self, code: &str) -> Result<Option<BotInfo>, Error> {
        #[derive(Deserialize)]
        struct Found {
            bot: BotInfo,
        }
        let params = json!({ "code": code });
        match self.call("imbot.v2.Bot.get", &params).await {
            Ok(Found { bot }) => Ok(Some(bot)),
            Err(error) if error.is("BOT_NOT_FOUND") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Registers a bot, or finds the one of its code as it is.
    ///
    /// # Errors
    /// `BOT_CODE_ALREADY_TAKEN` if another application owns the code, `BOT_LIMIT_EXCEEDED`, `BOT_INVALID_CALLBACK`, ….
    pub async fn register(&self, bot: &NewBot) -> Result<BotInfo, Error> {
        #[derive(Deserialize)]
        struct Registered {
            bot: BotInfo,
        }
        let params = json!({ "fields": bot });
        let Registered { bot } = self.call("imbot.v2.Bot.register", &params).await?;
        Ok(bot)
    }

    /// Gives a bot other properties, and another way to its events.
    ///
    /// # Errors
    /// `BOT_OWNERSHIP_ERROR` for one that is not ours, `BOT_INVALID_CALLBACK`, ….
    pub async fn update(&self, id: BotId, bot: &NewBot) -> Result<(), Error> {
        let mut fields = json!(bot);
        for fixed in ["code", "type"] {
            fields
                .as_object_mut()
                .and_then(|fields| fields.remove(fixed));
        }
        let params = json!({ "botId": id, "fields": fields });
        self.call::<Value>("imbot.v2.Bot.update", &params)
            .await
            .map(drop)
    }

    /// Removes a bot and its private chats.
    ///
    /// # Errors
    /// `BOT_NOT_FOUND`, `BOT_OWNERSHIP_ERROR`.
    pub async fn unregister(&self, id: BotId) -> Result<(), Error> {
        self.call::<Value>("imbot.v2.Bot.unregister", &json!({ "botId": id }))
            .await
            .map(drop)
    }

    /// The commands of a bot.
    ///
    /// # Errors
    /// `BOT_NOT_FOUND`, `BOT_OWNERSHIP_ERROR`.
    pub async fn commands(&self, bot: BotId) -> Result<Vec<CommandInfo>, Error> {
        #[derive(Deserialize)]
        struct Listed {
            commands: Vec<CommandInfo>,
        }
        let params = json!({ "botId": bot });
        let Listed { commands } = self.call("imbot.v2.Command.list", &params).await?;
        Ok(commands)
    }

    /// Adds a command to a bot.
    ///
    /// # Errors
    /// `COMMAND_NAME_INVALID`, `COMMAND_TITLE_REQUIRED`, ….
    pub async fn add_command(&self, bot: BotId, command: &NewCommand) -> Result<(), Error> {
        let params = json!({ "botId": bot, "fields": command });
        self.call::<Value>("imbot.v2.Command.register", &params)
            .await
            .map(drop)
    }

    /// Changes a command.
    ///
    /// # Errors
    /// `COMMAND_NOT_FOUND`, ….
    pub async fn change_command(
        &self,
        bot: BotId,
        id: CommandId,
        command: &NewCommand,
    ) -> Result<(), Error> {
        let params = json!({ "botId": bot, "commandId": id, "fields": command });
        self.call::<Value>("imbot.v2.Command.update", &params)
            .await
            .map(drop)
    }

    /// Removes a command.
    ///
    /// # Errors
    /// `COMMAND_NOT_FOUND`.
    pub async fn remove_command(&self, bot: BotId, id: CommandId) -> Result<(), Error> {
        let params = json!({ "botId": bot, "commandId": id });
        self.call::<Value>("imbot.v2.Command.unregister", &params)
            .await
            .map(drop)
    }

    /// The events of a bot that wait on the portal, and confirms those before the offset. Without an offset it confirms
    /// nothing and gives what is there (server-behaviour, section 4.1).
    ///
    /// # Errors
    /// `BOT_NOT_FOUND`, `BOT_OWNERSHIP_ERROR`.
    pub async fn events(&self, bot: BotId, offset: Option<u64>) -> Result<Page, Error> {
        const METHOD: &str = "imbot.v2.Event.get";
        let mut params = json!({ "botId": bot, "limit": EVENTS_MAX });
        if let Some(offset) = offset {
            params["offset"] = offset.into();
        }
        let page: Value = self.in_bulk().call(METHOD, &params).await?;
        Page::from_value(&page).map_err(|wrong| Error::answer(METHOD, wrong))
    }
}
