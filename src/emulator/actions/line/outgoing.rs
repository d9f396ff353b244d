//! Sends messages of a line's chat to its client. See protocol/server-behaviour.md 6.1.

use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::{Message, OutsideState};

/// The text with which a client asks for a person instead of the bot.
const NO_BOT: &str = "0";

impl Transaction<'_> {
    /// Handles the consequences of a new message in a line's chat.
    pub(crate) fn on_line_message(&mut self, chat: &Chat, message: &Message) {
        if message.refs.outside.state == OutsideState::Received {
            self.handle_zero(chat, message);
            return;
        }
        let author = message.author;
        let is_person = self
            .world
            .users
            .get(&author)
            .is_some_and(|user| user.is_person());
        if is_person && message.refs.outside.state == OutsideState::Inside {
            self.operator_writes(chat.id, author);
        }
        if self.is_for_client(chat, message) {
            self.send_out(chat, message);
        }
    }

    /// Passes the session to the queue if a client writes `0`. The bot still receives that message.
    fn handle_zero(&mut self, chat: &Chat, message: &Message) {
        let session = self.world.lines.open_session(chat.id);
        let led = session.filter(|session| self.world.is_bot(session.operator));
        if let Some(id) = led.map(|session| session.id)
            && message.text.trim() == NO_BOT
            && self.world.is_guest(message.author)
        {
            self.hand_to_queue(id);
        }
    }

    /// Handles a message of an operator who was not asked: a closed session is started again, a
    /// waiting one is taken.
    fn operator_writes(&mut self, chat: u64, operator: u64) {
        match self.world.lines.last_session(chat).cloned() {
            Some(session) if session.closed.is_some() => {
                let session = self.create_session(chat, session.client);
                self.announce_session(session.id);
                self.take(session.id, operator);
            }
            Some(session) if session.operator == operator || session.operator == 0 => {
                self.take(session.id, operator);
            }
            Some(_) | None => {}
        }
    }

    fn is_for_client(&self, chat: &Chat, message: &Message) -> bool {
        let session = self.world.lines.open_session(chat.id);
        let is_silent = session.is_some_and(|session| session.is_silent);
        match message.refs.outside.state {
            OutsideState::Important => true,
            OutsideState::Inside => !message.system && !is_silent,
            OutsideState::Silent | OutsideState::Skipped | OutsideState::Received => false,
            OutsideState::Sending | OutsideState::Delivered => false,
        }
    }

    /// Sends a message to the connector. The portal's own connector delivers it at once; others
    /// confirm delivery.
    fn send_out(&mut self, chat: &Chat, message: &Message) {
        let Some((connector, user_code)) = self.connector_of(chat) else {
            return;
        };
        if message.system && !connector.options.system_messages {
            return;
        }
        let is_own = connector.app.is_none();
        self.change_outside(message.id, |message| {
            let outside = &mut message.refs.outside;
            outside.state = if is_own {
                OutsideState::Delivered
            } else {
                OutsideState::Sending
            };
            if is_own {
                outside.ids = vec![message.id.to_string()];
            }
        });
        if self
            .world
            .lines
            .is_open(&user_code.connector, user_code.line)
        {
            self.announce_outgoing(&connector, &user_code, chat, message);
        }
    }

    /// Changes the state of a message outside and shows it on the pages.
    fn change_outside(&mut self, id: u64, change: impl FnOnce(&mut Message)) {
        let Some(message) = self.world.messages.get_mut(&id) else {
            return;
        };
        change(message);
        let message = message.clone();
        self.show_edit(&message);
    }

    /// Records the ids under which the client received a message. Only the first confirmation of a
    /// message that waits for one counts.
    ///
    /// "Delivery also marks the message as read": by the client.
    pub(crate) fn confirm(&mut self, connector: &str, message: u64, ids: &[String]) {
        let waiting = self.world.messages.get(&message).cloned();
        let Some(waiting) =
            waiting.filter(|message| message.refs.outside.state == OutsideState::Sending)
        else {
            return;
        };
        let chat = self.world.chats.get(&waiting.chat).cloned();
        let Some(chat) = chat else { return };
        let is_theirs = self
            .user_code_of(&chat)
            .is_some_and(|user_code| user_code.connector == connector);
        if !is_theirs {
            return;
        }
        self.change_outside(message, |message| {
            message.refs.outside.state = OutsideState::Delivered;
            message.refs.outside.ids = ids.to_vec();
        });
        let client = self.world.lines.last_session(chat.id).map(|one| one.client);
        if let Some(user) = client {
            if let Some(chat) = self.world.chats.get_mut(&chat.id) {
                chat.read.insert(user, message);
            }
            self.updates.push(Update::Read {
                chat: chat.id,
                user,
            });
        }
    }

    /// Sends an edit to the connector if the client has the message.
    pub(crate) fn on_line_edit(&mut self, chat: &Chat, message: &Message) {
        if let Some((connector, user_code)) = self.connector_of(chat)
            && message.refs.outside.state == OutsideState::Delivered
            && connector.options.edits
        {
            self.announce_outgoing_edit(&connector, &user_code, message);
        }
    }

    /// Sends a deletion to the connector, once for every id outside.
    pub(crate) fn on_line_deletion(&mut self, chat: &Chat, message: &Message) {
        if let Some((connector, user_code)) = self.connector_of(chat)
            && message.refs.outside.state == OutsideState::Delivered
            && connector.options.deletions
        {
            self.announce_outgoing_deletion(&connector, &user_code, message);
        }
    }
}
