//! What was said in a line's chat goes out to its client, if it is meant for one. Section 6.1 of server-behaviour.md.

use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::{Message, OutsideState};

/// What a client writes to be rid of the bot.
const NO_BOT: &str = "0";

impl Transaction<'_> {
    /// Does what a new message in a line's chat brings with it.
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

    /// A text that is `0` and nothing else ends the bot's part; the bot has heard it, too.
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

    /// An operator who speaks without having been asked: a closed session begins anew, a waiting one is taken.
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

    /// Tells the connector. The portal's own has the message at once; any other has to confirm that it does.
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

    /// Changes what a message is outside, and shows it.
    fn change_outside(&mut self, id: u64, change: impl FnOnce(&mut Message)) {
        let Some(message) = self.world.messages.get_mut(&id) else {
            return;
        };
        change(message);
        let message = message.clone();
        self.show_edit(&message);
    }

    /// The connector says under which numbers the client has a message: once, and for messages that wait for it only.
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

    /// An edit goes out if the client has the message, under the numbers it has there.
    pub(crate) fn on_line_edit(&mut self, chat: &Chat, message: &Message) {
        if let Some((connector, user_code)) = self.connector_of(chat)
            && message.refs.outside.state == OutsideState::Delivered
            && connector.options.edits
        {
            self.announce_outgoing_edit(&connector, &user_code, message);
        }
    }

    /// A deletion goes out, once for every number outside.
    pub(crate) fn on_line_deletion(&mut self, chat: &Chat, message: &Message) {
        if let Some((connector, user_code)) = self.connector_of(chat)
            && message.refs.outside.state == OutsideState::Delivered
            && connector.options.deletions
        {
            self.announce_outgoing_deletion(&connector, &user_code, message);
        }
    }
}
