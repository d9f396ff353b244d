//! Clients who write in the portal's own live chat, where no connector is needed.

use serde_json::Value;

use crate::emulator::actions::{Arrival, Client};
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::view::lines;

/// Clients in the portal's own live chat.
impl Emulator {
    /// Sends a message as a client.
    ///
    /// # Errors
    ///
    /// `MESSAGE_EMPTY` for a blank text, `NOT_ACTIVE_LINE` for a line that is off or does not
    /// exist.
    pub fn client_says(&self, client: &Client, text: &str) -> Result<Arrival, Refusal> {
        let incoming = client.message(text);
        self.portal.act(0, |tx| tx.receive_in_live_chat(&incoming))
    }

    /// Changes the text of a message the client sent.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND` if the client has no such message.
    pub fn client_edits(&self, client: &Client, message: u64, text: &str) -> Result<(), Refusal> {
        let incoming = client.message_with_id(message, text);
        self.portal
            .act(0, |tx| tx.receive_edit(&incoming).map(drop))
    }

    /// Deletes a message the client sent.
    ///
    /// # Errors
    ///
    /// `MESSAGE_NOT_FOUND` if the client has no such message.
    pub fn client_deletes(&self, client: &Client, message: u64) -> Result<(), Refusal> {
        let incoming = client.message_with_id(message, "");
        self.portal
            .act(0, |tx| tx.receive_deletion(&incoming).map(drop))
    }

    /// Returns what a client sees, oldest first: its own messages and those sent to it.
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
