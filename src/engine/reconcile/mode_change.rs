//! The change of a bot from polled to posted events, which loses nothing that waits on the portal.
//!
//! The portal may drop a bot's waiting events when it begins to post them: the documentation does
//! not say. So they are received before the change, until none is left, and once more after it. A
//! note in the store makes a start do the last part if the process died in between. What is
//! received twice is dropped as a repeat.
//!
//! The other direction needs nothing: from the change on events wait on the portal, and polling
//! begins with the oldest. When a bot is removed its chats are removed with it, so nobody waits for
//! an answer to its events.

use super::{Mode, Reconciliation};
use crate::engine::background::polling::confirmed_note;
use crate::event::{BotId, BotRef};
use crate::portal::Error;

/// The method's name in errors.
const POLL: &str = "imbot.v2.Event.get";

impl Reconciliation<'_> {
    /// Before a bot's events are posted: receives those that wait, if it was polled for.
    pub(super) async fn before_posting(&self, bot: &BotRef, was_polled: bool) -> Result<(), Error> {
        if self.mode == Mode::DryRun || !was_polled {
            return Ok(());
        }
        self.receive_waiting(bot).await?;
        self.set_note(&changing_note(bot.id), "to posting").await
    }

    /// After the change: receives what came during it.
    pub(super) async fn after_change_to_posting(&self, bot: &BotRef) -> Result<(), Error> {
        if self.mode == Mode::DryRun || !self.has_note(&changing_note(bot.id)).await? {
            return Ok(());
        }
        match self.receive_waiting(bot).await {
            Err(error) if error.may_pass_later() => return Err(error),
            Err(error) => {
                tracing::warn!(portal = %self.portal.id(), bot = bot.code, %error, "the portal does not return the events that came while the bot changed from polling to posting");
            }
            Ok(()) => {}
        }
        for note in [
            changing_note(bot.id),
            polled_note(bot.id),
            confirmed_note(bot.id),
        ] {
            self.set_note(&note, "").await?;
        }
        Ok(())
    }

    /// Whether a bot is polled for by programs on this store, as far as it is noted. v1 does not
    /// report it.
    pub(super) async fn was_polled(&self, id: BotId) -> Result<bool, Error> {
        Ok(self.has_note(&polled_note(id)).await? || self.has_note(&confirmed_note(id)).await?)
    }

    /// Notes that a bot is polled for.
    pub(super) async fn note_polled(&self, id: BotId) -> Result<(), Error> {
        if self.mode == Mode::DryRun || self.has_note(&polled_note(id)).await? {
            return Ok(());
        }
        self.set_note(&polled_note(id), "yes").await
    }

    /// Receives and stores all events that wait on the portal for a bot, and confirms them.
    async fn receive_waiting(&self, bot: &BotRef) -> Result<(), Error> {
        let mut offset = None;
        loop {
            let page = self.portal.events(bot.id, offset).await?;
            if page.events.is_empty() && page.broken.is_empty() {
                return Ok(());
            }
            tracing::info!(portal = %self.portal.id(), bot = bot.code, events = page.events.len(), "events that waited on the portal are received before they are posted");
            let (next, stored) = self.engine.admit_page(self.portal, bot, offset, page).await;
            stored.map_err(|error| Error::store(POLL, error))?;
            if next == offset {
                return Ok(()); // nothing more can be confirmed
            }
            offset = next;
        }
    }

    async fn has_note(&self, name: &str) -> Result<bool, Error> {
        let store = &self.engine.options.store;
        match store.note(self.portal.id(), name).await {
            Ok(note) => Ok(note.is_some_and(|note| !note.is_empty())),
            Err(error) => Err(Error::store(POLL, error)),
        }
    }

    /// Stores a note; an empty one counts as none.
    async fn set_note(&self, name: &str, note: &str) -> Result<(), Error> {
        let store = &self.engine.options.store;
        let noted = store.set_note(self.portal.id(), name, note.to_owned());
        noted.await.map_err(|error| Error::store(POLL, error))
    }
}

/// Returns the name of the note that a bot is polled for.
fn polled_note(bot: BotId) -> String {
    format!("polled {bot}")
}

/// Returns the name of the note that a bot's change is not complete.
fn changing_note(bot: BotId) -> String {
    format!("changing {bot}")
}
