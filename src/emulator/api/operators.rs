//! What operators do.
//!
//! They say, edit and delete with [`Emulator::send`], [`Emulator::edit`] and [`Emulator::delete`], as in every chat.

use crate::emulator::actions::Target;
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;

/// The operators' desk. `as_user` is who acts, `chat` the number of a line's chat. All of them refuse with `CHAT_ID`,
/// `CHAT_TYPE` and `ACCESS_DENIED`.
impl Emulator {
    /// Takes a session, from the queue or from whoever has it.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn answer(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.answer_session(chat))
    }

    /// Comes into the chat without taking the session.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn join(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.join_session(chat))
    }

    /// Says what only those who work here read.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` when the person is not in the chat.
    pub fn whisper(&self, as_user: u64, chat: u64, text: &str) -> Result<u64, Refusal> {
        self.portal.act(as_user, |tx| tx.whisper(chat, text))
    }

    /// Passes a session on to the next in the queue.
    ///
    /// # Errors
    ///
    /// See above, and `ACCESS_DENIED_KICK`.
    pub fn skip(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.skip(chat))
    }

    /// Gives a session to another person.
    ///
    /// # Errors
    ///
    /// See above, and `OPERATOR_WRONG`.
    pub fn transfer_to_user(&self, as_user: u64, chat: u64, user: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.transfer(chat, Target::User(user)))
    }

    /// Gives a session to the queue of a line.
    ///
    /// # Errors
    ///
    /// See above, and `OPERATOR_WRONG`.
    pub fn transfer_to_queue(&self, as_user: u64, chat: u64, line: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.transfer(chat, Target::Queue(line)))
    }

    /// Gives a session to a bot that supports open channels.
    ///
    /// # Errors
    ///
    /// See above, and `OPERATOR_WRONG`.
    pub fn transfer_to_bot(&self, as_user: u64, chat: u64, bot: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.transfer_to_bot(chat, bot))
    }

    /// Lets what operators say stay here, or go out again.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn silence(&self, as_user: u64, chat: u64, is_silent: bool) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.silence(chat, is_silent))
    }

    /// Begins a session in a chat whose last one is closed.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn start_session(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.restart_session(chat))
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// See above.
    pub fn finish(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.finish_session(chat))
    }

    /// Lets the time of the bot that leads a session be over now, as it is after `WELCOME_BOT_TIME` seconds.
    ///
    /// # Errors
    ///
    /// `WRONG_CHAT` when no bot leads it.
    pub fn end_bot_time(&self, chat: u64) -> Result<(), Refusal> {
        self.portal.act(0, |tx| tx.bot_to_queue(chat))
    }
}
