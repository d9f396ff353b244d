//! The parts of a conversation that a turn reads and changes beside the state.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::{EventContext, TurnServices};
use super::effects::Effects;
use crate::handler::{Result, RunningAnswers, Signer};
use crate::store::{Conversation, EventId, StateChange, StoredState, Time};

/// The parts of the conversation of a turn. It does not borrow the turn, so that it can be held
/// while the store is read.
pub(in crate::handler) struct Parts {
    services: Arc<TurnServices>,
    effects: Effects,
    conversation: Conversation,
    event: EventId,
    now: Time,
}

impl Parts {
    pub(in crate::handler) fn new(context: &EventContext, effects: &Effects) -> Self {
        Self {
            services: Arc::clone(&context.services),
            effects: effects.clone(),
            conversation: context.conversation.clone(),
            event: context.id,
            now: context.now,
        }
    }

    /// Returns the event of the turn.
    pub(in crate::handler) fn event(&self) -> EventId {
        self.event
    }

    pub(in crate::handler) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    pub(in crate::handler) fn answers(&self) -> &Arc<RunningAnswers> {
        &self.services.answers
    }

    pub(in crate::handler) fn signer(&self) -> &Signer {
        &self.services.signer
    }

    /// Returns the content of a part, as this turn has changed it. `None` if there is none, or an
    /// earlier version of the program wrote it in another form.
    pub(in crate::handler) async fn read<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>> {
        match self.effects.part(&self.key(name)) {
            Some(StateChange::Put(part)) => Ok(self.parse(name, &part.bytes)),
            Some(StateChange::Forget) => Ok(None),
            Some(StateChange::Keep) | None => self.stored(name).await,
        }
    }

    /// Returns the content of a part as it is stored.
    pub(in crate::handler) async fn stored<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>> {
        let part = self.services.store.state(&self.key(name)).await?;
        Ok(part.and_then(|part| self.parse(name, &part.bytes)))
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Option<T> {
        let read = serde_json::from_slice(bytes);
        read.inspect_err(|error| {
            tracing::error!(conversation = %self.conversation, part = name, %error, "a part of the conversation cannot be read and starts again");
        })
        .ok()
    }

    /// Changes a part with the turn.
    pub(in crate::handler) fn set(&self, name: &str, content: &impl Serialize) -> Result {
        let change = StateChange::Put(stored(content)?);
        self.effects.set_part(self.key(name), change);
        Ok(())
    }

    /// Removes a part with the turn.
    pub(in crate::handler) fn remove(&self, name: &str) {
        self.effects.set_part(self.key(name), StateChange::Forget);
    }

    /// Stores a part at once. It stays if the turn fails.
    pub(in crate::handler) async fn put(&self, name: &str, content: &impl Serialize) -> Result {
        let (key, state) = (self.key(name), stored(content)?);
        let put = self.services.store.put(self.event, &key, self.now, state);
        Ok(put.await?)
    }

    fn key(&self, name: &str) -> Conversation {
        self.conversation.part(name)
    }
}

/// Returns the content of a part, to be stored.
fn stored(content: &impl Serialize) -> Result<StoredState> {
    let bytes = serde_json::to_vec(content)?.into_boxed_slice();
    Ok(StoredState {
        version: 0,
        bytes: bytes.into(),
    })
}
