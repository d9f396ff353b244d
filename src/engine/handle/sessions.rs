//! Open channels: whom the beginning and the end of a session concern.
//!
//! The portal tells them to the application, and names neither a bot nor its own chat, only the client's code. So the chat is
//! asked for, and each bot that serves open channels hears of it in that chat's own order; one that was never in that chat
//! makes nothing of it (`handler/floor.rs`).

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::accept::Addressed;
use crate::event::{BotRef, ChatId, Delivery, DialogId, Event, MemberId, SessionChange};
use crate::handler::{Error, Result};
use crate::portal::methods::imopenlines;
use crate::portal::number;
use crate::store::{Conversation, OrderingKey};

impl Engine {
    /// The change of a session is the application's at first: it finds out which chat it is about.
    pub(in crate::engine) fn on_line(
        &self,
        portal: &MemberId,
        part: u16,
        change: &SessionChange,
    ) -> Option<Addressed> {
        self.serves_lines().then(|| Addressed {
            lane: OrderingKey::Application(portal.clone()),
            part,
            event: Some(Event::Session(Box::new(change.clone()))),
        })
    }

    /// Passes the change of a session on to the bots of its chat.
    pub(in crate::engine) async fn tell_bots(
        self: &Arc<Self>,
        portal: &MemberId,
        delivery: Delivery,
        change: &SessionChange,
    ) -> Result {
        let Some(chat) = self.chat_of(portal, change).await? else {
            return Ok(());
        };
        let bots = self.registered.get(portal).map(|bots| bots.clone());
        let bots = bots.ok_or_else(unknown_bots)?;
        let event = Event::Session(Box::new(change.clone()));
        let is_it = |other: &Event| matches!(other, Event::Session(other) if **other == *change);
        let part = delivery.events()?.iter().position(is_it).unwrap_or(0) as u16;
        let addressed = bots
            .into_iter()
            .filter(|bot| self.serves_line(bot))
            .map(|bot| Addressed {
                lane: OrderingKey::Chat(Conversation {
                    portal: portal.clone(),
                    bot: bot.id,
                    dialog: DialogId::from(chat),
                }),
                part,
                event: Some(event.clone()),
            })
            .collect();
        self.append(portal.clone(), &delivery, addressed, None)
            .await?;
        Ok(())
    }

    /// The portal's chat of a session's client; nothing where the portal does not tell.
    async fn chat_of(&self, portal: &MemberId, change: &SessionChange) -> Result<Option<ChatId>> {
        let Some(client) = self.portal(portal) else {
            return Ok(None); // the application was removed
        };
        let Some(code) = change.session().user_code() else {
            return Ok(None);
        };
        let get = imopenlines::DialogGet::new().user_code(code);
        match client.run(get).await {
            Ok(dialog) => Ok(number(&dialog["id"]).map(ChatId)),
            Err(error) if error.code().is_some() && !error.may_pass_later() => {
                tracing::debug!(%portal, %error, "the chat of a session is not told, so no bot hears of it");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The bot of a line's lane, as it was registered.
    pub(in crate::engine) fn registered_bot(&self, here: &Conversation) -> Option<BotRef> {
        let bots = self.registered.get(&here.portal)?;
        bots.iter().find(|bot| bot.id == here.bot).cloned()
    }

    /// Notes under which number a bot of this program stands on a portal.
    pub(in crate::engine) fn note_registered(&self, portal: &MemberId, bot: BotRef) {
        let mut bots = self.registered.entry(portal.clone()).or_default();
        bots.retain(|other| other.code != bot.code);
        bots.push(bot);
    }

    /// The events of open channels that the application must hear of: for its bots on lines, and for its connectors.
    pub(in crate::engine) fn line_events(&self) -> impl Iterator<Item = &'static str> {
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
pub(in crate::engine) fn unknown_bots() -> Error {
    Error::failed(
        "which bots stand on this portal is not known yet: it has not been brought into step",
    )
}
