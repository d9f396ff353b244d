//! Clients who write in the portal's own live chat, where no connector is needed.

use serde_json::Value;

use crate::emulator::actions::{Arrival, Client};
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::view::lines;

/// Clients in the portal's own live chat.
impl Emulator {
    /// A client writes.
    ///
    /// # Errors
    ///
    /// `NOT_ACTIVE_LINE`.
    pub fn client_says(&self, client: &Client, text: &str) -> Result<Arrival, Refusal> {
        let incoming = client.message(text);
        self.portal.act(0, |tx| tx.receive_in_live_chat(&incoming))
    }

    /// A client gives a word of its own another text.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND`.
    pub fn client_edits(&self, client: &Client, message: u64, text: &str) -> Result<(), Refusal> {
        let incoming = client.message_with_id(message, text);
        self.portal
            .act(0, |tx| tx.receive_edit(&incoming).map(drop))
    }

    /// A client deletes a word of its own.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND`.
    pub fn client_deletes(&self, client: &Client, message: u64) -> Result<(), Refusal> {
        let incoming = client.message_with_id(message, "");
        self.portal
            .act(0, |tx| tx.receive_deletion(&incoming).map(drop))
    }

    /// What a client reads, oldest first: its own words and what was said to it.
    pub fn client_sees(&self, client: &Client) -> Vec<Value> {
        let user_code = client.message("");
        let chat = self
            .portal
            .act(0, |tx| tx.chat_with_code(&tx.user_code_for(&user_code)));
        chat.map_or_else(Vec::new, |chat| {
            self.portal.read(|world| lines::seen_outside(world, chat))
        })
    }
}
