//! What bots do with a session: `imopenlines.bot.session.*`, protocol/server-behaviour.md 6.2.

use super::Target;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;

impl Transaction<'_> {
    /// Passes the session to the queue. It may be called for any bot.
    pub(crate) fn bot_to_queue(&mut self, chat: u64) -> Result<(), Refusal> {
        let session = self.world.lines.open_session(chat).cloned();
        let session = session.filter(|session| self.world.is_bot(session.operator));
        let refusal = || {
            Refusal::new(
                "WRONG_CHAT",
                "The chat is not served by a bot at the moment",
            )
        };
        let session = session.ok_or_else(refusal)?;
        self.hand_to_queue(session.id);
        Ok(())
    }

    /// Gives the session to a person or a queue. `bot` is the first bot of the application, whether
    /// or not it leads the session.
    ///
    /// Without `leaves` the bot stays and still receives messages, with one exception: if the
    /// line's welcome bot leaves with the queue, it is removed when a person takes over. A bot that
    /// leads the session but is not `bot` always stays.
    pub(crate) fn bot_transfer(
        &mut self,
        bot: u64,
        chat: u64,
        target: Target,
        leaves: bool,
    ) -> Result<(), Refusal> {
        let session = self.session_in(chat)?;
        self.check_target(target)?;
        let line = self.world.lines.configs.get(&session.line);
        let goes_anyway = line.is_some_and(|line| {
            !line.bot_stays()
                && line.welcome_bot(true) == Some(bot)
                && matches!(target, Target::User(_))
        });
        if leaves || goes_anyway {
            self.remove_from_chat(chat, bot);
        }
        self.hand_over(&session, target, true)
    }

    /// Passes the sessions of a removed bot to the queue.
    pub(crate) fn leave_sessions_of(&mut self, bot: u64) {
        let sessions = self.world.lines.sessions.values();
        let led = sessions.filter(|session| session.operator == bot && session.closed.is_none());
        for session in led.map(|session| session.id).collect::<Vec<_>>() {
            self.hand_to_queue(session);
        }
    }

    /// Ends the session and records the bot as the one who answered it.
    pub(crate) fn bot_finish(&mut self, bot: u64, chat: u64) -> Result<(), Refusal> {
        let session = self.session_in(chat)?;
        self.change_session(session.id, |session| {
            session.operator = bot;
            session.is_answered = true;
        });
        self.end_session(session.id);
        Ok(())
    }
}
