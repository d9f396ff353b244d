//! Bots behind an inbound webhook, which belong to whoever has their token.

use super::Reconciliation;
use crate::engine::Engine;
use crate::event::{Api, BotId};
use crate::handler::AnyBot;
use crate::portal::methods::profile;
use crate::portal::{Error, Portal};

impl Reconciliation<'_> {
    /// Reconciles a bot, also if it was registered with another token of this webhook.
    pub(super) async fn own_bot(&mut self, bot: &dyn AnyBot) -> Result<Option<BotId>, Error> {
        let steps = self.steps.len();
        match self.bot(bot).await {
            Err(error) if is_of_other_owner(&error) && self.uses_token_of(bot).await => {
                self.steps.truncate(steps);
                self.bot(bot).await
            }
            result => result,
        }
    }

    /// Removes a bot, also if it was registered with another token of this webhook.
    pub(super) async fn remove_own(&mut self, bot: &dyn AnyBot) -> Result<(), Error> {
        let steps = self.steps.len();
        match self.remove(bot).await {
            Err(error) if is_of_other_owner(&error) && self.uses_token_of(bot).await => {
                self.steps.truncate(steps);
                self.remove(bot).await
            }
            result => result,
        }
    }

    /// Tries the tokens that a bot may have been registered with
    /// (`Installation::with_other_bot_tokens`), and keeps the one that it has. Returns false if it
    /// has none of them.
    async fn uses_token_of(&self, bot: &dyn AnyBot) -> bool {
        let before = self.portal.installation().await;
        let others = before.with_other_bot_tokens();
        if others.is_empty() {
            return false;
        }
        for other in others {
            self.engine.add_portal(other.clone()).await;
            if self.owns(bot).await {
                let portal = self.portal.id();
                tracing::info!(%portal, "the bots are found with the token of an earlier version");
                if let Err(error) = self.engine.options.store.install(other).await {
                    tracing::error!(%portal, %error, "the token of the bots cannot be stored; the next start looks for it again");
                }
                return true;
            }
        }
        self.engine.add_portal(before).await;
        false
    }

    /// Whether a bot belongs to the token in use. Only its owner gets its event mode
    /// (protocol/bots-v2.md 7.1).
    async fn owns(&self, bot: &dyn AnyBot) -> bool {
        let code = bot.profile().code();
        if bot.profile().on_api() == Api::V1 {
            return matches!(self.portal.find_bot_v1(code).await, Ok(Some(_)));
        }
        let found = self.portal.find_bot(code).await;
        found.is_ok_and(|found| found.is_some_and(|info| info.event_mode.is_some()))
    }
}

impl Engine {
    /// Finds out whether a portal behind an inbound webhook has moved, if nothing else calls it:
    /// events of outgoing webhooks are accepted for its present host too.
    pub(super) async fn find_moved(&self, portal: &Portal) {
        if self.bots.is_empty()
            && !self.options.hook_tokens.is_empty()
            && let Err(error) = portal.run(profile::Get::new()).await
        {
            tracing::warn!(portal = %portal.id(), %error, "the portal cannot be called");
        }
    }
}

/// Whether a bot belongs to another application or another token. v1 and v2 have different codes
/// for it.
fn is_of_other_owner(error: &Error) -> bool {
    const CODES: [&str; 3] = [
        "BOT_OWNERSHIP_ERROR",
        "BOT_CODE_ALREADY_TAKEN",
        "APP_ID_ERROR",
    ];
    CODES.iter().any(|code| error.is(code))
}
