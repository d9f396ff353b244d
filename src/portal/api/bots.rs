//! Finds the bots of the application, and polls their events.

use serde_json::Value;

use crate::event::{BotId, Page};
use crate::portal::methods::{Method, imbot, imbot_v2};
use crate::portal::{BotInfo, Error, Portal, number};

/// Maximum number of events in one poll; the portal returns no more.
pub const EVENTS_MAX: u64 = 1_000;

impl Portal {
    /// Returns the v2 bot of this code, or `None` if there is no such bot.
    ///
    /// # Errors
    /// Those of every [`call`](Portal::call).
    pub async fn find_bot(&self, code: &str) -> Result<Option<BotInfo>, Error> {
        match self.run(imbot_v2::BotFind::new(code)).await {
            Ok(found) => Ok(Some(found.bot)),
            Err(error) if error.is("BOT_NOT_FOUND") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the v1 bot of this code, or `None` if there is no such bot.
    ///
    /// # Errors
    /// Those of every [`call`](Portal::call).
    pub async fn find_bot_v1(&self, code: &str) -> Result<Option<BotId>, Error> {
        // A map by number; PHP writes an empty one as a list.
        let bots = self.run(imbot::BotList::new()).await?;
        let has_code = |bot: &&Value| bot["CODE"] == code;
        let bot = bots
            .as_object()
            .and_then(|bots| bots.values().find(has_code));
        Ok(bot.and_then(|bot| number(&bot["ID"])).map(BotId))
    }

    /// Returns the events of a v2 bot that wait on the portal, and confirms those before the
    /// offset. Without an offset nothing is confirmed (protocol/server-behaviour.md 4.1).
    ///
    /// # Errors
    /// `BOT_NOT_FOUND`, `BOT_OWNERSHIP_ERROR`, and those of every [`call`](Portal::call).
    pub async fn events(&self, bot: BotId, offset: Option<u64>) -> Result<Page, Error> {
        let mut poll = imbot_v2::EventGet::new(bot).limit(EVENTS_MAX);
        if let Some(offset) = offset {
            poll = poll.offset(offset);
        }
        let page = self.run(poll).await?;
        Page::from_value(&page).map_err(|wrong| Error::answer(imbot_v2::EventGet::NAME, wrong))
    }
}
