//! The beginning and the end of sessions.

use std::collections::BTreeSet;

use super::super::{Author, Draft};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::line::config::Line;
use crate::emulator::world::line::session::Session;
use crate::emulator::world::message::{Outside, OutsideState, Refs};

impl Transaction<'_> {
    /// Begins a session: all are told, then the welcome bot comes in, or the queue is asked.
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

    /// A session by itself, with nobody in it.
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

    /// Writes what a session is into the fields of its chat.
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

    /// Brings somebody into the chat of a session; the portal itself does, and so nobody is named as who did.
    pub(super) fn add_to_session(&mut self, session: u64, user: u64) {
        if let Some(chat) = self.world.lines.sessions.get(&session).map(|one| one.chat) {
            self.add_to_chat(chat, user);
        }
    }

    /// The same where no session need go on.
    pub(crate) fn add_to_chat(&mut self, chat: u64, user: u64) {
        let known = self.world.chats.get(&chat).cloned();
        let Some(mut chat) = known.filter(|chat| !chat.has(user)) else {
            return;
        };
        chat.members.push(user);
        self.change_chat(chat.id, |chat| chat.members.push(user));
        self.announce_join(&chat, user, 0);
    }

    /// Takes somebody out of the chat of a session; nobody is told.
    pub(crate) fn remove_from_chat(&mut self, chat: u64, user: u64) {
        self.change_chat(chat, |chat| {
            chat.members.retain(|member| *member != user);
        });
        self.updates.push(Update::Left { chat, user });
    }

    /// The line greets by itself, if it does.
    pub(super) fn greet(&mut self, session: u64, is_first: bool) {
        let session = self.world.lines.sessions.get(&session).cloned();
        let Some(session) = session else { return };
        let line = self.world.lines.configs.get(&session.line);
        let text = line.and_then(|line| line.greeting(is_first));
        if let Some(text) = text.map(str::to_owned) {
            self.say_to_client(session.chat, &text);
        }
    }

    /// The portal itself says something that the client is to read.
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

    /// Ends a session. Its bots go, its people stay with the history.
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
    /// Keeps a session as a lead, if it is none yet; the answer is the lead.
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

    /// The chats that are tied to something in CRM, oldest first; `kind` is `LEAD` and the like.
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
