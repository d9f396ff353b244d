//! Starts and ends sessions.

use std::collections::BTreeSet;

use super::super::{Author, Draft};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::line::config::Line;
use crate::emulator::world::line::session::Session;
use crate::emulator::world::message::{Outside, OutsideState, Refs};

impl Transaction<'_> {
    /// Starts a session: sends its events, then adds the welcome bot or asks the queue.
    pub(super) fn start_session(&mut self, chat: u64, client: u64, makes_lead: bool) -> u64 {
        let session = self.create_session(chat, client);
        let Some(line) = self.world.lines.configs.get(&session.line).cloned() else {
            return session.id;
        };
        if makes_lead && line.makes_leads() {
            self.make_lead(session.id);
        }
        self.announce_session(session.id);
        let bot = line.welcome_bot(session.parent == 0);
        match bot.filter(|bot| self.works_on_lines(*bot)) {
            Some(bot) => self.welcome_by(session.id, bot, &line),
            None => self.ask_queue(session.id),
        }
        session.id
    }

    /// Creates a session without an operator.
    pub(super) fn create_session(&mut self, chat: u64, client: u64) -> Session {
        let before = self.world.lines.last_session(chat).map(|one| one.id);
        let user_code = self.world.chats.get(&chat);
        let user_code = user_code.and_then(|chat| self.user_code_of(chat));
        let session = self.world.lines.keep(Session {
            line: user_code.map_or(0, |user_code| user_code.line),
            chat,
            client,
            parent: before.unwrap_or(0),
            started: self.world.clock.millis(),
            ..Session::default()
        });
        self.note_session(session.id);
        session
    }

    /// Writes the session into the entity fields of its chat.
    pub(super) fn note_session(&mut self, id: u64) {
        let Some(session) = self.world.lines.sessions.get(&id).cloned() else {
            return;
        };
        self.change_chat(session.chat, |chat| {
            chat.entity_data = [session.data_1(), session.data_2(), "N".to_owned()];
        });
        self.updates.push(Update::Lines);
    }

    fn works_on_lines(&self, bot: u64) -> bool {
        let user = self.world.users.get(&bot);
        user.and_then(|user| user.bot.as_ref())
            .is_some_and(|bot| bot.openline)
    }

    fn welcome_by(&mut self, session: u64, bot: u64, line: &Line) {
        let now = self.world.clock.millis();
        self.change_session(session, |session| {
            session.operator = bot;
            session.bot_until = line.bot_ms().map(|time| now + time);
        });
        self.add_to_session(session, bot);
    }

    /// Adds a user to the chat of a session. The portal does it, so the event names nobody as the
    /// cause.
    pub(super) fn add_to_session(&mut self, session: u64, user: u64) {
        if let Some(chat) = self.world.lines.sessions.get(&session).map(|one| one.chat) {
            self.add_to_chat(chat, user);
        }
    }

    /// Adds a user to a chat, with or without an open session.
    pub(crate) fn add_to_chat(&mut self, chat: u64, user: u64) {
        let known = self.world.chats.get(&chat).cloned();
        let Some(mut chat) = known.filter(|chat| !chat.has(user)) else {
            return;
        };
        chat.members.push(user);
        self.change_chat(chat.id, |chat| chat.members.push(user));
        self.announce_join(&chat, user, 0);
    }

    /// Removes a user from the chat of a session, without an event.
    pub(crate) fn remove_from_chat(&mut self, chat: u64, user: u64) {
        self.change_chat(chat, |chat| {
            chat.members.retain(|member| *member != user);
        });
        self.updates.push(Update::Left { chat, user });
    }

    /// Sends the line's greeting, if it has one.
    pub(super) fn greet(&mut self, session: u64, is_first: bool) {
        let session = self.world.lines.sessions.get(&session).cloned();
        let Some(session) = session else { return };
        let line = self.world.lines.configs.get(&session.line);
        let text = line.and_then(|line| line.greeting(is_first));
        if let Some(text) = text.map(str::to_owned) {
            self.say_to_client(session.chat, &text);
        }
    }

    /// Sends a system message that the client sees.
    pub(crate) fn say_to_client(&mut self, chat: u64, text: &str) -> u64 {
        let refs = Refs {
            outside: Outside {
                state: OutsideState::Important,
                ..Outside::default()
            },
            ..Refs::default()
        };
        let draft = Draft::text(Author::System, text);
        self.say(chat, Draft { refs, ..draft })
    }

    /// Ends a session. Bots leave the chat; people stay, with its history.
    pub(super) fn end_session(&mut self, id: u64) {
        let now = self.world.clock.millis();
        let known = self.world.lines.sessions.get(&id).cloned();
        let Some(session) = known.filter(|session| session.closed.is_none()) else {
            return;
        };
        self.change_session(id, |session| {
            session.closed = Some(now);
            session.bot_until = None;
            session.pinned = BTreeSet::new();
        });
        self.announce_session(id);
        let members = self.world.chats.get(&session.chat);
        let mut bots = members.map(|chat| chat.members.clone()).unwrap_or_default();
        bots.retain(|id| self.world.is_bot(*id));
        for bot in bots {
            self.remove_from_chat(session.chat, bot);
        }
        self.change_chat(session.chat, |chat| chat.owner = 0);
        self.updates.push(Update::Lines);
    }
}

impl Transaction<'_> {
    /// Stores a session as a lead if it is not one yet, and returns the lead's id.
    pub(crate) fn make_lead(&mut self, session: u64) -> u64 {
        let known = self.world.lines.sessions.get(&session).map(|one| one.lead);
        if let Some(lead) = known.filter(|lead| *lead > 0) {
            return lead;
        }
        let lead = self.world.lines.new_lead();
        self.change_session(session, |session| session.lead = lead);
        self.note_session(session);
        lead
    }

    /// Returns the chats linked to a CRM object, oldest first; `kind` is `LEAD`, `DEAL` and so on.
    pub(crate) fn chats_in_crm(&self, kind: &str, id: u64) -> Vec<Chat> {
        let tied = |chat: &&Chat| {
            let parts: Vec<&str> = chat.entity_data[1].split('|').collect();
            chat.is_line()
                && parts
                    .chunks(2)
                    .any(|pair| pair[0] == kind && pair.get(1) == Some(&id.to_string().as_str()))
        };
        self.world.chats.values().filter(tied).cloned().collect()
    }
}
