//! The queue of a line: which operator is asked next, and how a session is passed on.

use super::super::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::line::config::Line;
use crate::emulator::world::line::session::Session;

/// The receiver of a transferred session.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A person, who becomes responsible at once.
    User(u64),
    /// The queue of a line.
    Queue(u64),
}

impl Transaction<'_> {
    /// Passes sessions to the queue whose welcome bot's time is over.
    pub(crate) fn ring(&mut self) {
        let now = self.world.clock.millis();
        for session in self.world.lines.due(now) {
            self.hand_to_queue(session);
        }
    }

    /// Ends the bot's part: it leaves, unless the line keeps it, and the next free operator is
    /// asked.
    ///
    /// Used for the client's `0`, `imopenlines.bot.session.operator` and the end of
    /// `WELCOME_BOT_TIME`.
    pub(crate) fn hand_to_queue(&mut self, id: u64) {
        let Some(session) = self.world.lines.sessions.get(&id).cloned() else {
            return;
        };
        let line = self.world.lines.configs.get(&session.line);
        let stays = line.is_some_and(Line::bot_stays);
        if self.world.is_bot(session.operator) && !stays {
            self.remove_from_chat(session.chat, session.operator);
        }
        self.say_internally(session.chat, "The conversation goes to the queue");
        self.ask_queue(id);
    }

    /// Passes a session to the queue when its operator leaves the chat; the queue does not ask that
    /// operator again.
    pub(crate) fn leave_session(&mut self, chat: u64, user: u64) {
        let session = self.world.lines.open_session(chat);
        let led = session.filter(|session| session.operator == user);
        if let Some(id) = led.map(|session| session.id) {
            self.change_session(id, |session| {
                session.passed.insert(user);
            });
            self.ask_queue(id);
        }
    }

    /// Asks the next operator of the queue; if there is none left, the session waits.
    pub(super) fn ask_queue(&mut self, id: u64) {
        let Some(session) = self.world.lines.sessions.get(&id).cloned() else {
            return;
        };
        let next = self.next_operator(&session);
        let all = self.asked_together(session.line);
        self.change_session(id, |session| {
            session.bot_until = None;
            session.is_answered = false;
            session.operator = next.unwrap_or(0);
        });
        self.change_chat(session.chat, |chat| chat.owner = 0);
        for operator in all.into_iter().chain(next) {
            self.add_to_session(id, operator);
        }
        self.updates.push(Update::Lines);
    }

    /// Returns all operators if the line asks all of them at once.
    fn asked_together(&self, line: u64) -> Vec<u64> {
        let line = self.world.lines.configs.get(&line);
        let line = line.filter(|line| line.get("QUEUE_TYPE") == "all");
        line.map(|line| line.queue.clone()).unwrap_or_default()
    }

    /// Returns the next operator: the first free one in the queue (`strictly`), or the one after
    /// the operator asked last.
    fn next_operator(&mut self, session: &Session) -> Option<u64> {
        let line = self.world.lines.configs.get_mut(&session.line)?;
        let kind = line.get("QUEUE_TYPE");
        if kind == "all" {
            return None;
        }
        let from = if kind == "strictly" { 0 } else { line.turn };
        let places = (0..line.queue.len()).map(|step| (from + step) % line.queue.len());
        let mut free = places.filter(|place| !session.passed.contains(&line.queue[*place]));
        let place = free.next()?;
        line.turn = place + 1;
        line.queue.get(place).copied()
    }

    /// Transfers a session to a person or a queue. The previous operator leaves, unless `stays` is
    /// set.
    pub(super) fn hand_over(
        &mut self,
        session: &Session,
        target: Target,
        stays: bool,
    ) -> Result<(), Refusal> {
        if session.operator > 0 && !stays {
            self.remove_from_chat(session.chat, session.operator);
        }
        match target {
            Target::User(user) => {
                self.say_internally(session.chat, "The conversation was handed over");
                self.take(session.id, user);
            }
            Target::Queue(line) => {
                self.change_session(session.id, |session| {
                    session.line = line;
                    session.passed.clear();
                });
                self.say_internally(session.chat, "The conversation goes to the queue");
                self.ask_queue(session.id);
            }
        }
        Ok(())
    }

    /// Makes a user responsible for a session.
    pub(super) fn take(&mut self, id: u64, user: u64) {
        let chat = self.world.lines.sessions.get(&id).map(|one| one.chat);
        self.change_session(id, |session| {
            session.operator = user;
            session.is_answered = true;
            session.bot_until = None;
        });
        self.add_to_session(id, user);
        if let Some(chat) = chat {
            self.change_chat(chat, |chat| chat.owner = user);
        }
        self.updates.push(Update::Lines);
    }

    /// Checks that a session can be transferred there: to an existing queue or to a person of the
    /// portal.
    pub(super) fn check_target(&self, target: Target) -> Result<(), Refusal> {
        let fits = match target {
            Target::User(user) => {
                let user = self.world.users.get(&user);
                user.is_some_and(|user| user.is_person())
            }
            Target::Queue(line) => self.world.lines.configs.contains_key(&line),
        };
        if fits {
            Ok(())
        } else {
            Err(Refusal::new("OPERATOR_WRONG", "Operator is not correct"))
        }
    }

    /// Sends a system message that the client does not see.
    pub(super) fn say_internally(&mut self, chat: u64, text: &str) {
        self.say(chat, Draft::text(Author::System, text));
    }
}
