//! Clients who write in the portal's own live chat, where no connector is needed.

use serde_json::Value;

use crate::emulator::actions::{Arrived, Client};
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::view::lines;

/// Where the word of a client has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The session.
    pub session: u64,
    /// The chat, whose dialog id is `chat` and this number.
    pub chat: u64,
    /// The message.
    pub message: u64,
}

/// Clients in the portal's own live chat.
impl Emulator {
    /// A client writes.
    ///
    /// # Errors
    ///
    /// `NOT_ACTIVE_LINE`.
    pub fn client_says(&self, client: &Client, text: &str) -> Result<Arrival, Refusal> {
        let arrived = self
            .portal
            .act(0, |tx| tx.hear_in_live_chat(&client.heard(text)));
        arrived.map(Arrival::from)
    }

    /// A client gives a word of its own another text.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND`.
    pub fn client_edits(&self, client: &Client, message: u64, text: &str) -> Result<(), Refusal> {
        let heard = client.heard_as(message, text);
        self.portal.act(0, |tx| tx.hear_edit(&heard).map(drop))
    }

    /// A client deletes a word of its own.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND`.
    pub fn client_deletes(&self, client: &Client, message: u64) -> Result<(), Refusal> {
        let heard = client.heard_as(message, "");
        self.portal.act(0, |tx| tx.hear_deletion(&heard).map(drop))
    }

    /// What a client reads, oldest first: its own words and what was said to it.
    pub fn client_sees(&self, client: &Client) -> Vec<Value> {
        let place = client.heard("");
        let chat = self.portal.act(0, |tx| tx.chat_of_place(&tx.place(&place)));
        chat.map_or_else(Vec::new, |chat| {
            self.portal.see(|world| lines::seen_outside(world, chat))
        })
    }
}

impl From<Arrived> for Arrival {
    fn from(arrived: Arrived) -> Self {
        Arrival {
            session: arrived.session,
            chat: arrived.chat,
            message: arrived.message,
        }
    }
}
