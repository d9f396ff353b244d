//! Clients who write in the portal's own live chat, where no connector is needed.

use serde_json::Value;

use crate::emulator::actions::{Arrived, ClientMessage, Sender};
use crate::emulator::page::channels as view;
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;
use crate::emulator::world::line::connector::LIVECHAT;

/// Somebody outside who writes in the portal's own live chat, where no connector is needed.
#[derive(Debug, Clone)]
pub struct Client {
    /// The line.
    pub line: u64,
    /// Tells one client from another.
    pub id: String,
    /// What operators see.
    pub name: String,
}

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
            self.portal.see(|world| view::seen_outside(world, chat))
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

impl Client {
    /// What this client says, as a connector would bring it.
    pub(crate) fn heard(&self, text: &str) -> ClientMessage {
        ClientMessage {
            connector: LIVECHAT.to_owned(),
            line: self.line,
            sender: Sender {
                id: self.id.clone(),
                first_name: self.name.clone(),
                ..Sender::default()
            },
            chat: self.id.clone(),
            text: text.to_owned(),
            ..ClientMessage::default()
        }
    }

    /// The same about a message that is there: in the live chat its number is the same outside.
    pub(crate) fn heard_as(&self, message: u64, text: &str) -> ClientMessage {
        ClientMessage {
            id: message.to_string(),
            ..self.heard(text)
        }
    }
}
