//! Bots and commands of the second generation as the portal tells them, and their events by polling.

use serde::Deserialize;
use serde_json::Value;

use crate::event::{BotId, CommandId, Page};
use crate::portal::methods::{Method, imbot_v2};
use crate::portal::{Error, Portal};

/// The most events that one poll asks for; the portal gives no more.
pub const EVENTS_MAX: u64 = 1_000;

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
}

impl Portal {
    /// The bot of a code; nothing where there is none.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn find_bot(&self, code: &str) -> Result<Option<BotInfo>, Error> {
        match self.run(imbot_v2::BotFind::new(code)).await {
            Ok(found) => Ok(Some(found.bot)),
            Err(error) if error.is("BOT_NOT_FOUND") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The events of a bot that wait on the portal, and confirms those before the offset. Without an offset it confirms
    /// nothing and gives what is there (server-behaviour, section 4.1).
    ///
    /// # Errors
    /// `BOT_NOT_FOUND`, `BOT_OWNERSHIP_ERROR`.
    pub async fn events(&self, bot: BotId, offset: Option<u64>) -> Result<Page, Error> {
        let mut poll = imbot_v2::EventGet::new(bot).limit(EVENTS_MAX);
        if let Some(offset) = offset {
            poll = poll.offset(offset);
        }
        let page = self.run(poll).await?;
        Page::from_value(&page).map_err(|wrong| Error::answer(imbot_v2::EventGet::NAME, wrong))
    }
}
