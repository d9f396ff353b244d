//! Actions of operators.
//!
//! They send, edit and delete messages with [`Emulator::send`], [`Emulator::edit`] and
//! [`Emulator::delete`], as in every chat.

use crate::emulator::actions::Target;
use crate::emulator::refusal::Refusal;
use crate::emulator::serve::Emulator;

/// Operators of open channels. `as_user` acts, `chat` is the id of a line's chat.
impl Emulator {
    /// Takes a session, from the queue or from its current operator.
    ///
    /// # Errors
    ///
    /// `CHAT_ID` if there is no such chat or open session, `CHAT_TYPE` if the chat is not a line's,
    /// `ACCESS_DENIED` if the person may not work on it.
    pub fn answer(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.answer_session(chat))
    }

    /// Joins the chat without taking the session.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`].
    pub fn join(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.join_session(chat))
    }

    /// Sends a message that the client does not see, and returns its id.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` if the person is not in the chat.
    pub fn whisper(&self, as_user: u64, chat: u64, text: &str) -> Result<u64, Refusal> {
        self.portal.act(as_user, |tx| tx.whisper(chat, text))
    }

    /// Passes a session to the next operator in the queue.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`], and `ACCESS_DENIED_KICK` if another operator has the session.
    pub fn skip(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.skip(chat))
    }

    /// Transfers a session to another person.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`], and `OPERATOR_WRONG` if there is no such person.
    pub fn transfer_to_user(&self, as_user: u64, chat: u64, user: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.transfer(chat, Target::User(user)))
    }

    /// Transfers a session to the queue of a line.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`], and `OPERATOR_WRONG` if there is no such line.
    pub fn transfer_to_queue(&self, as_user: u64, chat: u64, line: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.transfer(chat, Target::Queue(line)))
    }

    /// Transfers a session to a bot that supports open channels.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`], and `OPERATOR_WRONG` if there is no such bot.
    pub fn transfer_to_bot(&self, as_user: u64, chat: u64, bot: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.transfer_to_bot(chat, bot))
    }

    /// Keeps messages of operators from the client, or sends them again.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`].
    pub fn silence(&self, as_user: u64, chat: u64, is_silent: bool) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.silence(chat, is_silent))
    }

    /// Starts a session in a chat whose last session is closed.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`].
    pub fn start_session(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.restart_session(chat))
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// Those of [`Emulator::answer`].
    pub fn finish(&self, as_user: u64, chat: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.finish_session(chat))
    }

    /// Ends the time of the bot that leads a session now, as happens after `WELCOME_BOT_TIME`
    /// seconds.
    ///
    /// # Errors
    ///
    /// `WRONG_CHAT` if no bot leads it.
    pub fn end_bot_time(&self, chat: u64) -> Result<(), Refusal> {
        self.portal.act(0, |tx| tx.bot_to_queue(chat))
    }
}
