//! The trait for writing bots.

use std::future::{Future, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CommandSpec, Context, Error, Language, Phrase, Press, Profile, Result, TakenOver};
use crate::event::{BotRef, Command, Deleted, Join, Message, Reaction, Session, SessionId};
use crate::store::Reminder;

/// The state of a conversation: any type with a default that serde can serialise and deserialise.
///
/// The default state is not stored, so a chat without a state takes no space.
pub trait State: Serialize + DeserializeOwned + Default + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Default + Send + 'static> State for T {}

/// A bot. Override the methods for the events it handles, as plain `async fn`s.
///
/// `S` is the state of each conversation ([`Context::state`]): one per portal, bot and dialog, or
/// in groups one per person ([`Profile::state_per_person`]). A bot without a state does not mention
/// it. A bot with one is an `impl Bot<S>` whose methods take `&mut Context<S>`; if the two differ,
/// the compiler reports E0053 at `cx`. Fields of the bot are shared by all conversations.
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
/// A program adds each of its bots by [`App::bot`](crate::App::bot), which takes any type. There is
/// no `Box<dyn Bot>`, since handlers are `async fn`s: a list of bots is a call for each.
///
/// Events of one chat are handled one after another, in the order they were accepted; chats are
/// handled in parallel. A handler that takes longer than
/// [`TURN_TIMEOUT`](crate::engine::TURN_TIMEOUT), or than its
/// [profile](Profile::turn_timeout) allows, is stopped, and its turn fails.
///
/// A turn that fails, by an error or a panic, changes nothing and runs again after a growing pause,
/// also after a crash of the process. Calls that a handler makes to other services can therefore
/// happen more than once. An error that [cannot pass](Error::is_permanent) is not retried.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bot with the state `{S}`",
    label = "this should implement `Bot<{S}>`",
    note = "write `impl Bot for {Self} {{ … }}`, or `impl Bot<YourState> for {Self} {{ … }}` for a bot that remembers"
)]
pub trait Bot<S: State = ()>: Send + Sync + 'static {
    /// Returns the bot's profile on the portal. Default: code and name are made from the type's
    /// name. A changed code makes another bot on the portal, so override this before you rename the
    /// type.
    fn profile(&self) -> Profile {
        Profile::of::<Self>()
    }

    /// Returns the commands that are registered with the bot. Default: none.
    fn commands(&self) -> Vec<CommandSpec> {
        Vec::new()
    }

    /// Somebody wrote a message: in the bot's private chat any message, in a group one that
    /// mentions the bot.
    ///
    /// A message that begins with a registered command comes to [`command`](Bot::command) only,
    /// also if a mention of the bot stands before it. For the portal the latter is a message
    /// (protocol/server-behaviour.md 7.1), so it only comes if the bot gets messages there.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn message(
        &self,
        cx: &mut Context<S>,
        message: Message,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// A message was edited to this text. The bot's own edits are left out.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn edited(&self, cx: &mut Context<S>, message: Message) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// A message was deleted. The bot's own deletions are left out.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn deleted(
        &self,
        cx: &mut Context<S>,
        message: Deleted,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, message);
        ready(Ok(()))
    }

    /// One of [`commands`](Bot::commands) was typed, alone or behind a mention of the bot, or its
    /// button was pressed.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn command(
        &self,
        cx: &mut Context<S>,
        command: Command,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, command);
        ready(Ok(()))
    }

    /// A button that [offered something](crate::message::Button::press) was pressed.
    ///
    /// A press that does not count does not come here: of a forged or expired button, of one for
    /// another person, the second of one that counts once. The person gets an answer, and
    /// [`Counts::refused_presses`](crate::engine::Counts::refused_presses) grows.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn press(&self, cx: &mut Context<S>, press: Press) -> impl Future<Output = Result> + Send {
        let _ = (cx, press);
        ready(Ok(()))
    }

    /// The bot was added to a chat, or somebody opened its private chat for the first time.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn join(&self, cx: &mut Context<S>, join: Join) -> impl Future<Output = Result> + Send {
        let _ = (cx, join);
        ready(Ok(()))
    }

    /// A session began in a chat of an open channel with the bot. Greet the client here.
    ///
    /// It is called once per session, just before the first event (the bot's join or a client's
    /// message). `session` is `None` if that event does not carry the number. In open channels
    /// [`join`](Bot::join) is called at most once per session, after this.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn session_started(
        &self,
        cx: &mut Context<S>,
        session: Option<SessionId>,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, session);
        ready(Ok(()))
    }

    /// The session in a chat of an open channel ended. Only applications get this event
    /// (`ONSESSIONFINISH`). With an inbound webhook only the start of the next session is known.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn session_finished(
        &self,
        cx: &mut Context<S>,
        session: Session,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, session);
        ready(Ok(()))
    }

    /// An operator took over a chat of an open channel: an operator wrote, or the client asked for
    /// one. The bot is silent from now on. Cancel its reminders here.
    ///
    /// Many lines then remove the bot from the chat (`WELCOME_BOT_LEFT`). Its whispers are dropped
    /// after that.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn taken_over(
        &self,
        cx: &mut Context<S>,
        by: TakenOver,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, by);
        ready(Ok(()))
    }

    /// Somebody opened the bot's chat by a link that carries this data (`BOT_CONTEXT`). A bot of v1
    /// gets it only if `ONIMBOTCONTEXTGET` is bound: its registration does not subscribe to that
    /// event.
    ///
    /// Anybody can make such a link. Before you do something that cannot be undone, ask with a
    /// button (page `b24restdocs: api-reference/chat-bots/chat-bots-v2/imbot.v2/bot-context.md`).
    /// By webhook, each value in it is a text.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn opened(&self, cx: &mut Context<S>, link_data: Value) -> impl Future<Output = Result> + Send {
        let _ = (cx, link_data);
        ready(Ok(()))
    }

    /// Somebody added a reaction to a message of the bot, or removed it. v2 only.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn reaction(
        &self,
        cx: &mut Context<S>,
        reaction: Reaction,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, reaction);
        ready(Ok(()))
    }

    /// A reminder set with [`Context::remind`] is due.
    ///
    /// In an open channel it also comes when an operator has the chat: check
    /// [`Context::is_with_operator`] before you [finish](Context::finish) the session.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn reminded(
        &self,
        cx: &mut Context<S>,
        reminder: Reminder,
    ) -> impl Future<Output = Result> + Send {
        let _ = (cx, reminder);
        ready(Ok(()))
    }

    /// The bot was removed from a portal. Its chats are gone, so there is no context.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn removed(&self, bot: BotRef) -> impl Future<Output = Result> + Send {
        let _ = bot;
        ready(Ok(()))
    }

    /// Returns the version of the state type. Raise it when older states can no longer be read.
    /// Default: 0.
    fn state_version(&self) -> u32 {
        0
    }

    /// Converts a state that was stored with an older [version](Bot::state_version). Default: reads
    /// it as the current type.
    ///
    /// A state that cannot be converted or read, or that has a newer version, does not stop the
    /// conversation: it is quarantined (`conversation show`), counted and logged, and the
    /// conversation starts with the default state.
    ///
    /// # Errors
    /// The old state cannot be converted.
    fn upgrade(&self, version: u32, old: Value) -> Result<S> {
        let _ = version;
        Ok(serde_json::from_value(old)?)
    }

    /// A message or a command failed, and the next attempt is more than
    /// [`DELAY_ANNOUNCED_AFTER`](crate::engine::DELAY_ANNOUNCED_AFTER) away. It is called once for
    /// an event, so that the user does not wait without a word; not at all if the process ends
    /// during that attempt.
    ///
    /// Messages sent here are kept; nothing else is. Default: a sentence in the portal's language
    /// that it takes longer.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn delayed(&self, cx: &mut Context<S>, error: &Error) -> impl Future<Output = Result> + Send {
        let _ = error;
        let language = Language::of(cx.language());
        cx.say(Phrase::Delayed.text(language));
        ready(Ok(()))
    }

    /// The last attempt at an event failed, or one with an error that
    /// [cannot pass](Error::is_permanent). Its turns changed nothing; with this one it becomes a
    /// dead letter. It is not called if the process ended during the last attempt.
    ///
    /// Messages sent here are kept. Default: an apology in the portal's
    /// [language](Context::language) (English, Russian, German, Spanish, Portuguese or Polish), so
    /// that nobody waits for an answer. In an open channel the chat is then handed over to an
    /// operator.
    ///
    /// # Errors
    /// Those of your implementation; see [`Bot`].
    fn failed(&self, cx: &mut Context<S>, error: &Error) -> impl Future<Output = Result> + Send {
        let _ = error;
        let language = Language::of(cx.language());
        cx.say(Phrase::Failed.text(language));
        ready(Ok(()))
    }
}
