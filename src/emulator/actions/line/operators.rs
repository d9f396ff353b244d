//! Actions of operators on a session, by the acting user: `imopenlines.operator.*` and
//! `.session.*`.

use super::Target;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::line::session::Session;
use crate::emulator::world::message::{Outside, OutsideState, Refs};
use crate::emulator::world::user::User;

use super::super::{Author, Draft};

impl Transaction<'_> {
    /// Returns the open session of a line's chat if the acting user may work on it.
    pub(crate) fn my_session(&self, chat: u64) -> Result<Session, Refusal> {
        let chat = self.line_chat(chat)?;
        let session = self.session_in(chat.id)?;
        self.check_operator(session.line, chat.id)?;
        Ok(session)
    }

    /// Checks that the acting user is in the line's queue, is a member of the chat, or is the
    /// administrator.
    pub(crate) fn check_operator(&self, line: u64, chat: u64) -> Result<(), Refusal> {
        let me = self.user;
        let queue = self.world.lines.configs.get(&line).map(|line| &line.queue);
        let is_asked = queue.is_some_and(|queue| queue.contains(&me));
        let is_there = self.world.chats.get(&chat).is_some_and(|one| one.has(me));
        let rules = self.world.users.get(&me).is_some_and(User::is_admin);
        if is_asked || is_there || rules {
            Ok(())
        } else {
            Err(Refusal::new("ACCESS_DENIED", "You do not have access"))
        }
    }

    /// Takes a session: `imopenlines.operator.answer`. A bot that led it leaves, unless the line
    /// keeps it.
    pub(crate) fn answer_session(&mut self, chat: u64) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        if session.operator != self.user || !session.is_answered {
            self.take_over(&session);
        }
        Ok(())
    }

    /// Takes a session from its current operator: `imopenlines.session.intercept`.
    pub(crate) fn intercept(&mut self, chat: u64) -> Result<(), Refusal> {
        self.answer_session(chat)
    }

    fn take_over(&mut self, session: &Session) {
        let (me, before) = (self.user, session.operator);
        let line = self.world.lines.configs.get(&session.line);
        let stays = line.is_some_and(|line| line.bot_stays()) && self.world.is_bot(before);
        if before > 0 && before != me && !stays {
            self.remove_from_chat(session.chat, before);
        }
        self.take(session.id, me);
        self.say_internally(session.chat, "An operator has taken the conversation");
    }

    /// Passes a session to the next operator in the queue.
    pub(crate) fn skip(&mut self, chat: u64) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        if session.operator != self.user {
            return Err(Refusal::new(
                "ACCESS_DENIED_KICK",
                "The session is not yours to pass on",
            ));
        }
        self.remove_from_chat(chat, self.user);
        self.leave_session(chat, self.user);
        Ok(())
    }

    /// Transfers a session to another person or queue.
    pub(crate) fn transfer(&mut self, chat: u64, target: Target) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        self.check_target(target)?;
        self.hand_over(&session, target, false)
    }

    /// Transfers a session to a bot. The list of operators on the page allows it; no method does.
    pub(crate) fn transfer_to_bot(&mut self, chat: u64, bot: u64) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        let user = self.world.users.get(&bot);
        let works = user
            .and_then(|user| user.bot.as_ref())
            .is_some_and(|bot| bot.openline);
        if !works {
            let text = "Only a bot that supports open channels can lead a session";
            return Err(Refusal::new("OPERATOR_WRONG", text));
        }
        self.remove_from_chat(chat, session.operator);
        self.change_session(session.id, |session| {
            session.operator = bot;
            session.is_answered = false;
        });
        self.change_chat(chat, |chat| chat.owner = 0);
        self.add_to_session(session.id, bot);
        self.updates.push(Update::Lines);
        Ok(())
    }

    /// Ends a session.
    pub(crate) fn finish_session(&mut self, chat: u64) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        self.end_session(session.id);
        Ok(())
    }

    /// Starts a session in a chat that has no open one, with the acting user as its operator:
    /// `imopenlines.session.start`.
    pub(crate) fn restart_session(&mut self, chat: u64) -> Result<(), Refusal> {
        let chat = self.line_chat(chat)?;
        let before = self.world.lines.last_session(chat.id).cloned();
        let before =
            before.ok_or_else(|| Refusal::new("CHAT_ID", "There is no session in this chat"))?;
        self.check_operator(before.line, chat.id)?;
        if before.closed.is_some() {
            let session = self.create_session(chat.id, before.client);
            self.announce_session(session.id);
            self.take(session.id, self.user);
        }
        Ok(())
    }

    /// Joins the chat without taking the session: `imopenlines.session.join`.
    pub(crate) fn join_session(&mut self, chat: u64) -> Result<(), Refusal> {
        let chat = self.line_chat(chat)?;
        let session = self.world.lines.last_session(chat.id).cloned();
        let session =
            session.ok_or_else(|| Refusal::new("CHAT_ID", "There is no session in this chat"))?;
        self.check_operator(session.line, chat.id)?;
        self.add_to_session(session.id, self.user);
        Ok(())
    }

    /// Sets whether messages of operators are kept from the client from now on.
    pub(crate) fn silence(&mut self, chat: u64, is_silent: bool) -> Result<(), Refusal> {
        let session = self.my_session(chat)?;
        self.change_session(session.id, |session| session.is_silent = is_silent);
        Ok(())
    }

    /// Pins or unpins a session for the acting user.
    pub(crate) fn pin(&mut self, session: u64, is_pinned: bool) {
        let me = self.user;
        self.change_session(session, |session| {
            if is_pinned {
                session.pinned.insert(me);
            } else {
                session.pinned.remove(&me);
            }
        });
    }

    /// Sends a message to a line's chat that the client does not see.
    pub(crate) fn whisper(&mut self, chat: u64, text: &str) -> Result<u64, Refusal> {
        let chat = self.my_chat(chat)?;
        let refs = Refs {
            outside: Outside {
                state: OutsideState::Silent,
                ..Outside::default()
            },
            ..Refs::default()
        };
        let draft = Draft::text(Author::User(self.user), text);
        Ok(self.say(chat.id, Draft { refs, ..draft }))
    }
}
