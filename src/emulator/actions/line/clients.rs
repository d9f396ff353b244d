//! Clients of open channels: their users on the portal and their chats.

use super::incoming::{ClientMessage, Sender};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::ChatType;
use crate::emulator::world::color;
use crate::emulator::world::line::connector::{LIVECHAT, UserCode};
use crate::emulator::world::user::{Guest, User};

/// A client who writes in the portal's own live chat, where no connector is needed.
#[derive(Clone, Debug)]
pub struct Client {
    /// The line the client writes to.
    pub line: u64,
    /// The client's id outside; it identifies the client.
    pub id: String,
    /// The name operators see.
    pub name: String,
}

impl Client {
    /// Returns a message of this client in the form a connector would send it.
    pub(crate) fn message(&self, text: &str) -> ClientMessage {
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

    /// Returns the same with the id of an existing message: in the live chat, ids outside and
    /// inside are equal.
    pub(crate) fn message_with_id(&self, message: u64, text: &str) -> ClientMessage {
        ClientMessage {
            id: message.to_string(),
            ..self.message(text)
        }
    }
}

impl Transaction<'_> {
    /// Returns the user for a sender, created when the sender first writes. A name sent later
    /// replaces the earlier one.
    pub(super) fn guest(&mut self, connector: &str, sender: &Sender) -> u64 {
        let known = self.known_guest(connector, &sender.id);
        let id = known.unwrap_or_else(|| self.world.new_user_id());
        let user = self.world.users.entry(id).or_insert_with(|| User {
            id,
            first_name: "Guest".to_owned(),
            last_name: String::new(),
            position: String::new(),
            gender: "M".to_owned(),
            color: color::of_id(id).to_owned(),
            bot: None,
            guest: Some(Guest {
                connector: connector.to_owned(),
                id: sender.id.clone(),
                email: String::new(),
                phone: String::new(),
            }),
            is_admin: false,
            is_dismissed: false,
        });
        sender.describe(user);
        id
    }

    /// Returns the user with this id outside.
    pub(crate) fn known_guest(&self, connector: &str, id: &str) -> Option<u64> {
        let is_meant = |guest: &Guest| guest.connector == connector && guest.id == id;
        let mut users = self.world.users.values();
        let found = users.find(|user| user.guest.as_ref().is_some_and(is_meant));
        found.map(|user| user.id)
    }

    /// Returns the chat with this user code, if its client has ever written.
    pub(crate) fn chat_with_code(&self, user_code: &UserCode) -> Option<u64> {
        let code = user_code.code();
        let mut chats = self.world.chats.values();
        let found = chats.find(|chat| chat.is_line() && chat.entity_id == code);
        found.map(|chat| chat.id)
    }

    /// Creates the chat for a user code. It has no owner until an operator answers.
    pub(super) fn new_line_chat(&mut self, user_code: &UserCode, client: u64, title: &str) -> u64 {
        let line = self.world.lines.configs.get(&user_code.line);
        let line = line.map(|line| line.name().to_owned()).unwrap_or_default();
        let name = self.world.users.get(&client).map(User::name);
        let name = Some(title.to_owned())
            .filter(|title| !title.is_empty())
            .or(name)
            .unwrap_or_default();
        let title = format!("{name} - {line}");
        let id = self.new_chat(ChatType::Line, title, 0, vec![client]).id;
        self.change_chat(id, |chat| {
            chat.entity_type = "LINES".to_owned();
            chat.entity_id = user_code.code();
        });
        self.updates.push(Update::Lines);
        id
    }
}

impl Sender {
    fn describe(&self, user: &mut User) {
        let name = |given: &str, known: &mut String| {
            if !given.is_empty() {
                given.clone_into(known);
            }
        };
        if !self.first_name.is_empty() || !self.last_name.is_empty() {
            (user.first_name, user.last_name) = (String::new(), String::new());
        }
        name(&self.first_name, &mut user.first_name);
        name(&self.last_name, &mut user.last_name);
        if self.gender.eq_ignore_ascii_case("female") {
            user.gender = "F".to_owned();
        }
        if let Some(guest) = &mut user.guest {
            name(&self.email, &mut guest.email);
            name(&self.phone, &mut guest.phone);
        }
    }
}
