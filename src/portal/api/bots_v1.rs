//! Bots of the first generation (`imbot.*`) as the portal tells them.

use serde_json::Value;

use crate::event::BotId;
use crate::portal::methods::imbot;
use crate::portal::{Error, Portal, number};

impl Portal {
    /// The bot of a code; nothing where there is none.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn find_bot_of_the_first(&self, code: &str) -> Result<Option<BotId>, Error> {
        // A map by number; PHP writes an empty one as a list.
        let bots = self.run(imbot::BotList::new()).await?;
        let of_code = |bot: &&Value| bot["CODE"] == code;
        let bot = bots
            .as_object()
            .and_then(|bots| bots.values().find(of_code));
        Ok(bot.and_then(|bot| number(&bot["ID"])).map(BotId))
    }
}
