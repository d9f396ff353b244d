//! Open channels: which bots the start and the end of a session concern.
//!
//! The portal reports both to the application, and names neither a bot nor the chat, only the
//! client's code. So the chat is looked up, and each bot that serves open channels receives the
//! event in that chat's order. A bot that was never in that chat ignores it
//! (`handler/turn/handover.rs`).

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::accept::RoutedEvent;
use crate::event::{BotRef, ChatId, Delivery, DialogId, Event, MemberId, SessionChange};
use crate::handler::{Error, Result};
use crate::portal::methods::imopenlines;
use crate::portal::number;
use crate::store::{Conversation, OrderingKey};

impl Engine {
    /// Routes the change of a session to the application, which looks up the chat.
    pub(in crate::engine) fn route_session(
        &self,
        portal: &MemberId,
        part: u16,
        change: &SessionChange,
    ) -> Option<RoutedEvent> {
        self.serves_open_channels().then(|| RoutedEvent {
            key: OrderingKey::Application(portal.clone()),
            part,
            event: Some(Event::Session(Box::new(change.clone()))),
        })
    }

    /// Queues the change of a session for the bots of its chat.
    pub(super) async fn queue_for_bots(
        self: &Arc<Self>,
        portal: &MemberId,
        delivery: Delivery,
        change: &SessionChange,
    ) -> Result {
        let Some(chat) = self.chat_of(portal, change).await? else {
            return Ok(());
        };
        let bots = self.registry.bots(portal).ok_or_else(unknown_bots)?;
        let event = Event::Session(Box::new(change.clone()));
        let is_same = |other: &Event| matches!(other, Event::Session(other) if **other == *change);
        let part = delivery.events()?.iter().position(is_same).unwrap_or(0) as u16;
        let routed = bots
            .into_iter()
            .filter(|bot| self.is_for_open_channels(bot))
            .map(|bot| RoutedEvent {
                key: OrderingKey::Chat(Conversation {
                    portal: portal.clone(),
                    bot: bot.id,
                    dialog: DialogId::from(chat),
                }),
                part,
                event: Some(event.clone()),
            })
            .collect();
        self.append(portal.clone(), &delivery, routed, None).await?;
        Ok(())
    }

    /// Looks up the portal's chat of a session's client; `None` if the portal does not report it.
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
                tracing::debug!(%portal, %error, "the portal does not report the chat of a session; no bot receives the event");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the events of open channels that must be bound: for bots on lines, and for
    /// connectors.
    pub(in crate::engine) fn open_channel_events(&self) -> impl Iterator<Item = &'static str> {
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
        let of_bots = OF_BOTS.iter().filter(|_| self.serves_open_channels());
        let of_connectors = OF_CONNECTORS.iter().filter(|_| !self.connectors.is_empty());
        of_bots.chain(of_connectors).copied()
    }

    fn serves_open_channels(&self) -> bool {
        self.bots
            .iter()
            .any(|bot| bot.profile().is_for_open_channels())
    }

    fn is_for_open_channels(&self, bot: &BotRef) -> bool {
        let found = self.bot(&bot.code);
        found.is_some_and(|bot| bot.profile().is_for_open_channels())
    }
}

/// The error while the ids of a portal's bots are not known.
pub(super) fn unknown_bots() -> Error {
    Error::failed("the bots on this portal are not known yet: it has not been reconciled")
}
