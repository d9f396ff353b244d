//! A client writes: finds or creates chat and session, stores the message, and lets the line greet.
//!
//! Session created, bot joins, message stored, event sent: protocol/server-behaviour.md 6.2.

use bytes::Bytes;

use super::super::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::file::File;
use crate::emulator::world::line::connector::UserCode;
use crate::emulator::world::message::{Message, Outside, OutsideState, Refs, stored};

/// A message written outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientMessage {
    pub(crate) connector: String,
    pub(crate) line: u64,
    pub(crate) sender: Sender,
    /// The chat's id outside.
    pub(crate) chat: String,
    pub(crate) chat_name: String,
    /// The message's id outside.
    pub(crate) id: String,
    pub(crate) text: String,
    /// Address and name of each file.
    pub(crate) files: Vec<(String, String)>,
    /// The employee who is shown as the author; `0` for the sender.
    pub(crate) employee: u64,
    /// Whether no lead is created for it.
    pub(crate) skips_crm: bool,
}

/// The person who wrote a message outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sender {
    pub(crate) id: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) gender: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

/// The place where a client's message was stored.
#[non_exhaustive]
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The session.
    pub session: u64,
    /// The chat; its dialog id is `chat` and this number.
    pub chat: u64,
    /// The message.
    pub message: u64,
}

impl Transaction<'_> {
    /// Stores a message written outside. Repeats are not recognised: a message sent twice is stored
    /// twice.
    pub(crate) fn receive(&mut self, incoming: &ClientMessage) -> Arrival {
        let client = self.guest(&incoming.connector, &incoming.sender);
        let user_code = self.user_code_for(incoming);
        let known = self.chat_with_code(&user_code);
        let chat =
            known.unwrap_or_else(|| self.new_line_chat(&user_code, client, &incoming.chat_name));
        if self
            .world
            .chats
            .get(&chat)
            .is_some_and(|chat| !chat.has(client))
        {
            self.change_chat(chat, |chat| chat.members.push(client));
        }
        let open = self.world.lines.open_session(chat).map(|open| open.id);
        let session = open.unwrap_or_else(|| {
            let makes_lead = !incoming.skips_crm && !self.is_group(&incoming.connector);
            self.start_session(chat, client, makes_lead)
        });
        let author = match self.world.users.get(&incoming.employee) {
            Some(employee) if employee.is_person() => employee.id,
            _ => client,
        };
        let message = self.store_received(chat, author, incoming);
        if open.is_none() {
            self.greet(session, known.is_none());
        }
        Arrival {
            session,
            chat,
            message,
        }
    }

    fn store_received(&mut self, chat: u64, author: u64, incoming: &ClientMessage) -> u64 {
        let files = incoming.files.iter();
        let files = files
            .map(|(address, name)| self.file_from_outside(chat, author, address, name))
            .collect();
        let refs = Refs {
            files,
            outside: Outside {
                ids: vec![incoming.id.clone()],
                state: OutsideState::Received,
            },
            ..Refs::default()
        };
        let text = Draft::text(Author::User(author), incoming.text.as_str());
        let id = self.say(chat, Draft { refs, ..text });
        if let Some(said) = self.world.messages.get_mut(&id)
            && incoming.id.is_empty()
        {
            said.refs.outside.ids = vec![id.to_string()];
        }
        id
    }

    /// Stores a message written in the portal's own live chat, where a message has no other id than
    /// its own.
    pub(crate) fn receive_in_live_chat(
        &mut self,
        incoming: &ClientMessage,
    ) -> Result<Arrival, Refusal> {
        if incoming.text.trim().is_empty() {
            return Err(Refusal::new("MESSAGE_EMPTY", "There is nothing to send"));
        }
        if !self.world.lines.is_open(&incoming.connector, incoming.line) {
            let text = format!("Line {} is not active, or there is none", incoming.line);
            return Err(Refusal::new("NOT_ACTIVE_LINE", text));
        }
        Ok(self.receive(incoming))
    }

    /// Records a file that is stored elsewhere; the emulator does not download it.
    fn file_from_outside(&mut self, chat: u64, author: u64, address: &str, name: &str) -> u64 {
        let file = File {
            id: 0,
            chat,
            author,
            name: name.to_owned(),
            content: Bytes::new(),
            source: address.to_owned(),
            date: self.world.clock.millis(),
        };
        self.world.files.keep(file).id
    }

    /// Returns the user code for a message. A connector for groups has one code for all who write
    /// in a chat.
    pub(crate) fn user_code_for(&self, incoming: &ClientMessage) -> UserCode {
        let is_group = self.is_group(&incoming.connector);
        UserCode {
            connector: incoming.connector.clone(),
            line: incoming.line,
            chat: incoming.chat.clone(),
            user: if is_group {
                "0".to_owned()
            } else {
                incoming.sender.id.clone()
            },
        }
    }

    fn is_group(&self, connector: &str) -> bool {
        let known = self.world.lines.connectors.get(connector);
        known.is_some_and(|connector| connector.options.group)
    }

    /// Returns the stored message for a message outside.
    pub(crate) fn received_message(&self, incoming: &ClientMessage) -> Result<Message, Refusal> {
        let chat = self.chat_with_code(&self.user_code_for(incoming));
        let chat = chat.and_then(|chat| self.world.chats.get(&chat));
        let mut messages = chat
            .iter()
            .flat_map(|chat| chat.messages.iter().rev())
            .filter_map(|id| self.world.messages.get(id));
        let is_meant = |message: &&Message| {
            let outside = &message.refs.outside;
            !message.deleted
                && outside.state == OutsideState::Received
                && outside.ids.contains(&incoming.id)
        };
        let found = messages.find(is_meant).cloned();
        found.ok_or_else(|| Refusal::new("MESSAGE_NOT_FOUND", "There is no message with this id"))
    }

    /// Changes the text of a message after the client edited it.
    pub(crate) fn receive_edit(&mut self, incoming: &ClientMessage) -> Result<u64, Refusal> {
        let old = self.received_message(incoming)?;
        self.replace_message(&Message {
            text: stored(&incoming.text),
            edited: true,
            ..old.clone()
        });
        Ok(old.id)
    }

    /// Deletes a message after the client deleted it.
    pub(crate) fn receive_deletion(&mut self, incoming: &ClientMessage) -> Result<u64, Refusal> {
        let old = self.received_message(incoming)?;
        self.delete_unchecked(&old, false);
        Ok(old.id)
    }
}
