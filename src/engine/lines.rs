//! Open channels: whom the beginning and the end of a session concern.
//!
//! The portal tells them to the application and names no bot. So each bot that serves open channels hears of it in the
//! chat's own order, and one that was never in that chat makes nothing of it (`handler/floor.rs`).

use super::Engine;
use super::intake::Addressed;
use crate::event::{BotRef, Event, MemberId, SessionChange};
use crate::handler::{Error, Result};
use crate::store::{Conversation, Lane};

impl Engine {
    /// Whose turn the change of a session is.
    ///
    /// Before the bots of this portal are known, as at a start, it waits in the application's lane and is addressed again.
    pub(super) fn on_line(
        &self,
        portal: &MemberId,
        part: u16,
        change: &SessionChange,
    ) -> Vec<Addressed> {
        let Some(chat) = change.session().chat else {
            return Vec::new();
        };
        let addressed = |lane| Addressed {
            lane,
            part,
            event: Some(Event::Session(change.clone())),
        };
        if !self.serves_lines() {
            return Vec::new();
        }
        let Some(bots) = self.registered.get(portal) else {
            return vec![addressed(Lane::Application(portal.clone()))];
        };
        let bots = bots.iter().filter(|bot| self.serves_line(bot));
        let lanes = bots.map(|bot| {
            Lane::Chat(Conversation {
                portal: portal.clone(),
                bot: bot.id,
                dialog: chat.into(),
            })
        });
        lanes.map(addressed).collect()
    }

    /// The bot of a line's lane, as it was registered.
    pub(super) fn registered_bot(&self, here: &Conversation) -> Option<BotRef> {
        let bots = self.registered.get(&here.portal)?;
        bots.iter().find(|bot| bot.id == here.bot).cloned()
    }

    /// Notes under which number a bot of this program stands on a portal.
    pub(super) fn note_registered(&self, portal: &MemberId, bot: BotRef) {
        let mut bots = self.registered.entry(portal.clone()).or_default();
        bots.retain(|other| other.code != bot.code);
        bots.push(bot);
    }

    /// Whether the bots of a portal are known by now.
    ///
    /// # Errors
    /// They are not: that is worth another attempt.
    pub(super) fn knows_bots(&self, portal: &MemberId) -> Result {
        match self.registered.contains_key(portal) {
            true => Ok(()),
            false => Err(unknown_bots()),
        }
    }

    /// The events of open channels that the application must hear of: for its bots on lines, and for its connectors.
    pub(super) fn line_events(&self) -> impl Iterator<Item = &'static str> {
        const OF_BOTS: &[&str] = &["ONSESSIONSTART", "ONSESSIONFINISH"];
        const OF_CONNECTORS: &[&str] = &[
            "ONIMCONNECTORMESSAGEADD",
            "ONIMCONNECTORMESSAGEUPDATE",
            "ONIMCONNECTORMESSAGEDELETE",
            "ONIMCONNECTORDIALOGSTART",
            "ONIMCONNECTORDIALOGFINISH",
            "ONIMCONNECTORSTATUSDELETE",
            "ONIMCONNECTORLINEDELETE",
        ];
        let of_bots = OF_BOTS.iter().filter(|_| self.serves_lines());
        let of_connectors = OF_CONNECTORS.iter().filter(|_| !self.connectors.is_empty());
        of_bots.chain(of_connectors).copied()
    }

    fn serves_lines(&self) -> bool {
        self.bots
            .iter()
            .any(|bot| bot.profile().is_for_open_channels())
    }

    fn serves_line(&self, bot: &BotRef) -> bool {
        let known = self.bot(&bot.code);
        known.is_some_and(|bot| bot.profile().is_for_open_channels())
    }
}

/// Why the change of a session waits.
pub(super) fn unknown_bots() -> Error {
    Error::failed(
        "which bots stand on this portal is not known yet: it has not been brought into step",
    )
}
