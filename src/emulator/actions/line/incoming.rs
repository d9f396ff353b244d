//! A client writes: the chat and the session are found or made, whoever greets comes in, and then the word is said.
//!
//! "Session created, bot joins, message stored, message told": section 6.2 of server-behaviour.md.

use bytes::Bytes;

use super::super::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::file::File;
use crate::emulator::world::line::connector::Place;
use crate::emulator::world::message::{Message, Outside, Passage, Refs, stored};

/// Something that was said outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientMessage {
    pub(crate) connector: String,
    pub(crate) line: u64,
    pub(crate) sender: Sender,
    /// The chat's number and name outside.
    pub(crate) chat: String,
    pub(crate) chat_name: String,
    /// The message's number outside.
    pub(crate) id: String,
    pub(crate) text: String,
    /// Address and name of each file.
    pub(crate) files: Vec<(String, String)>,
    /// An employee in whose name it is kept, `0` for the sender's own.
    pub(crate) employee: u64,
    /// Whether it is to leave no lead.
    pub(crate) skips_crm: bool,
}

/// Who said it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    pub(crate) id: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) gender: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) session: u64,
    pub(crate) chat: u64,
    pub(crate) message: u64,
}

impl Transaction<'_> {
    /// Takes in what was said outside. Nothing is dropped as a repeat: twice sent is twice said.
    pub(crate) fn hear(&mut self, heard: &ClientMessage) -> Arrived {
        let client = self.guest(&heard.connector, &heard.sender);
        let place = self.place(heard);
        let known = self.chat_of_place(&place);
        let chat = known.unwrap_or_else(|| self.new_line_chat(&place, client, &heard.chat_name));
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
            let makes_lead = !heard.skips_crm && !self.is_group(&heard.connector);
            self.start_session(chat, client, makes_lead)
        });
        let author = match self.world.users.get(&heard.employee) {
            Some(employee) if employee.is_person() => employee.id,
            _ => client,
        };
        let message = self.keep_heard(chat, author, heard);
        if open.is_none() {
            self.greet(session, known.is_none());
        }
        Arrived {
            session,
            chat,
            message,
        }
    }

    fn keep_heard(&mut self, chat: u64, author: u64, heard: &ClientMessage) -> u64 {
        let files = heard.files.iter();
        let files = files
            .map(|(address, name)| self.file_from_outside(chat, author, address, name))
            .collect();
        let refs = Refs {
            files,
            outside: Outside {
                ids: vec![heard.id.clone()],
                passage: Passage::Came,
            },
            ..Refs::default()
        };
        let text = Draft::text(Author::User(author), heard.text.as_str());
        let id = self.say(chat, Draft { refs, ..text });
        if let Some(said) = self.world.messages.get_mut(&id)
            && heard.id.is_empty()
        {
            said.refs.outside.ids = vec![id.to_string()];
        }
        id
    }

    /// Takes in what was said in the portal's own live chat, where a message has no number but its own.
    pub(crate) fn hear_in_live_chat(&mut self, heard: &ClientMessage) -> Result<Arrived, Refusal> {
        if heard.text.trim().is_empty() {
            return Err(Refusal::new("MESSAGE_EMPTY", "There is nothing to send"));
        }
        if !self.world.lines.is_open(&heard.connector, heard.line) {
            let text = format!("Line {} is not active, or there is none", heard.line);
            return Err(Refusal::new("NOT_ACTIVE_LINE", text));
        }
        Ok(self.hear(heard))
    }

    /// Notes a file that is elsewhere; this portal fetches nothing.
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

    /// Where a message belongs: a connector of groups has one place for all who write in a chat.
    pub(crate) fn place(&self, heard: &ClientMessage) -> Place {
        let is_group = self.is_group(&heard.connector);
        Place {
            connector: heard.connector.clone(),
            line: heard.line,
            chat: heard.chat.clone(),
            user: if is_group {
                "0".to_owned()
            } else {
                heard.sender.id.clone()
            },
        }
    }

    fn is_group(&self, connector: &str) -> bool {
        let known = self.world.lines.connectors.get(connector);
        known.is_some_and(|connector| connector.wishes.group)
    }

    /// What a client's message outside has become here.
    pub(crate) fn heard_before(&self, heard: &ClientMessage) -> Result<Message, Refusal> {
        let chat = self.chat_of_place(&self.place(heard));
        let chat = chat.and_then(|chat| self.world.chats.get(&chat));
        let mut messages = chat
            .iter()
            .flat_map(|chat| chat.messages.iter().rev())
            .filter_map(|id| self.world.messages.get(id));
        let is_meant = |message: &&Message| {
            let outside = &message.refs.outside;
            !message.deleted && outside.passage == Passage::Came && outside.ids.contains(&heard.id)
        };
        let found = messages.find(is_meant).cloned();
        found.ok_or_else(|| Refusal::new("MESSAGE_NOT_FOUND", "There is no message with this id"))
    }

    /// The client has given a message another text.
    pub(crate) fn hear_edit(&mut self, heard: &ClientMessage) -> Result<u64, Refusal> {
        let old = self.heard_before(heard)?;
        self.put(&Message {
            text: stored(&heard.text),
            edited: true,
            ..old.clone()
        });
        Ok(old.id)
    }

    /// The client has deleted a message.
    pub(crate) fn hear_deletion(&mut self, heard: &ClientMessage) -> Result<u64, Refusal> {
        let old = self.heard_before(heard)?;
        self.erase(&old, false);
        Ok(old.id)
    }
}
