//! The trait for writing bots.

use std::future::{Future, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;

use serde_json::Value;

use super::{CommandSpec, Context, Error, Profile, Result, TakenOver};
use crate::event::{BotRef, Command, Deleted, Join, Message, Reaction, Session, SessionId};
use crate::store::Reminder;

/// What a conversation remembers: anything that serde can write and read, and that has a beginning.
///
/// The default is not stored, so a chat that has nothing to remember costs nothing.
pub trait State: Serialize + DeserializeOwned + Default + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Default + Send + 'static> State for T {}

/// A bot: override what it reacts to, as plain `async fn`s.
///
/// `S` is what it remembers of each conversation ([`Context::state`]): one per portal, bot and dialog. A bot that
/// remembers nothing never mentions it. What all conversations share are fields of the bot itself.
///
/// ```no_run
/// use imbot::prelude::*;
///
/// struct Echo;
///
/// impl Bot for Echo {
///     async fn message(&self, cx: &mut Context, message: Message) -> Result {
///         cx.say(message.text);
///         Ok(())
///     }
/// }
///
/// fn main() -> ExitCode { imbot::run(Echo) }
/// ```
///
/// Events of one chat are handled one after another in the order they came; chats run side by side. A handler that takes
/// longer than [`TURN_TIMEOUT`](crate::engine::TURN_TIMEOUT) is stopped, and its turn has failed.
///
/// A turn that failed, by an error or a panic, leaves nothing behind and runs again, with growing pauses; also after the
/// process died in it. Calls to other services that a handler makes by itself are therefore made at least once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bot with the state `{S}`",
    label = "this should implement `Bot<{S}>`",
    note = "write `impl Bot for {Self} {{ … }}`, or `impl Bot<YourState> for {Self} {{ … }}` for a bot that remembers"
)]
pub trait Bot<S: State = ()>: Send + Sync + 'static {
    /// Who the bot is on the portal. Default: code and name by the name of its type; changing the code makes another bot
    /// on the portal, so say it yourself before you rename the type.
    fn profile(&self) -> Profile {
        Profile::of::<Self>()
    }

    /// The commands it understands, registered with the portal together with the bot. Default: none.
    fn commands(&self) -> Vec<CommandSpec> {
        Vec::new()
    }

    /// Somebody wrote: in the bot's private chat anything, in a group a message that mentions it.
    ///
    /// A message that begins with one of the portal's commands comes to [`command`](Bot::command) only.
    fn message(
        &self,
        cx: &mut Context<S>,
        message: Message,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// A message was edited; this is its new text. The bot's own edits are left out.
    fn edited(&self, cx: &mut Context<S>, message: Message) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// A message was deleted. The bot's own deletions are left out.
    fn deleted(
        &self,
        cx: &mut Context<S>,
        message: Deleted,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// One of [`commands`](Bot::commands) was typed, or a button that gives it was pressed.
    fn command(
        &self,
        cx: &mut Context<S>,
        command: Command,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, command);
        ready(Ok(()))
    }

    /// The bot came into a chat, or somebody opened its private chat for the first time.
    fn join(&self, cx: &mut Context<S>, join: Join) -> impl Future<Output = Result> + Send {
        let _ = (cx, join);
        ready(Ok(()))
    }

    /// A session began in a chat of an open channel that the bot is in: the place to greet, once. It is told in the turn of
    /// the first event that shows the bot in the session (it came in, or the client wrote), before that event is handed over;
    /// the number may be missing.
    ///
    /// On lines [`join`](Bot::join) comes at most once a session, and later than this.
    fn session_started(
        &self,
        cx: &mut Context<S>,
        session: Option<SessionId>,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, session);
        ready(Ok(()))
    }

    /// The session in a chat of an open channel ended. It takes an application that hears `ONSESSIONFINISH`; on a portal
    /// that is reached by an inbound webhook the next session only begins.
    fn session_finished(
        &self,
        cx: &mut Context<S>,
        session: Session,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, session);
        ready(Ok(()))
    }

    /// People took over a chat of an open channel: an operator wrote, or the client asked for one. The bot is silent from
    /// now on. The place to cancel reminders.
    ///
    /// Many a line sends its bot away with that (`WELCOME_BOT_LEFT`): what it whispers then comes to nothing.
    fn taken_over(
        &self,
        cx: &mut Context<S>,
        by: TakenOver,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, by);
        ready(Ok(()))
    }

    /// Somebody opened the bot's chat by a link that carries this context (`BOT_CONTEXT`). Second generation only.
    ///
    /// Anybody can make such a link, so do nothing for it alone that cannot be undone: ask with a button first (page
    /// `bot-context.md`). By webhook each value in it is a text.
    fn opened(&self, cx: &mut Context<S>, context: Value) -> impl Future<Output = Result> + Send {
        let _ = (cx, context);
        ready(Ok(()))
    }

    /// Somebody reacted to a message of the bot, or took the reaction back. Second generation only.
    fn reaction(
        &self,
        cx: &mut Context<S>,
        reaction: Reaction,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, reaction);
        ready(Ok(()))
    }

    /// A reminder that a turn has set with [`Context::remind`] is due. On a line it comes also when people have the chat
    /// ([`Context::is_with_operator`]): ask before you [finish](Context::finish) their session.
    fn reminded(
        &self,
        cx: &mut Context<S>,
        reminder: Reminder,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, reminder);
        ready(Ok(()))
    }

    /// The bot was removed from a portal. There is no chat any more, so there is no context.
    fn removed(&self, bot: BotRef) -> impl Future<Output = Result> + Send {
        let _ = bot;
        ready(Ok(()))
    }

    /// The version of the state's shape: raise it with a change that makes older states unreadable. Default: 0.
    fn state_version(&self) -> u32 {
        0
    }

    /// Makes today's state out of one that was written under an older [version](Bot::state_version). Default: reads it as
    /// it is.
    ///
    /// A state that fails here, or does not read, or is of a newer version, is no reason to lock a user out: it is kept
    /// aside (`conversation show`), counted and logged, and the conversation begins anew.
    ///
    /// # Errors
    /// Nothing of today's can be made out of it.
    fn upgrade(&self, version: u32, old: Value) -> Result<S> {
        let _ = version;
        Ok(serde_json::from_value(old)?)
    }

    /// An event could not be handled, however often it was tried: nothing of it was kept, and it rests among the dead
    /// letters. What is said here is sent. Default: a sentence of apology, so that nobody waits for an answer. In an open
    /// channel the chat is handed over to people after it.
    fn failed(&self, cx: &mut Context<S>, error: &Error) -> impl Future<Output = Result> + Send {
        let _ = error;
        cx.say("Sorry, that did not work. The error has been noted.");
        ready(Ok(()))
    }
}
