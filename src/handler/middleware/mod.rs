//! Middleware: code of an application around every turn of its bots.

mod rate_limit;

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use super::{Context, Profile, Result, Trigger};
use crate::event::ChatEventKind;

pub use rate_limit::{RATE_LIMIT_USERS_MAX, RateLimit};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Code around every turn of a program's bots: who may use them, what is measured or logged.
///
/// It runs inside the turn: what it [says](Context::say) is committed with what the bot says, its
/// time counts for the [time limit](Profile::turn_timeout), and its panic fails the turn. It runs
/// for each attempt at an event, before the bot gets it, and for every kind of event
/// ([`Turn::kind`]).
///
/// - [`Next::run`] runs the rest: the middleware that was added later, and finally the bot. Its
///   result is that of the bot's handler.
/// - Middleware that returns `Ok` without it ends the event: it is handled, without the bot.
/// - An error is that of the turn: an answer ([`tell`](super::tell)), or a failure, which is
///   retried.
///
/// [`Bot::delayed`](super::Bot::delayed), [`Bot::failed`](super::Bot::failed) and
/// [`Bot::removed`](super::Bot::removed) run without it, and so do events that the bot does not get
/// because an operator has the chat.
///
/// ```
/// use imbot::handler::{Middleware, Next, Turn};
/// use imbot::prelude::*;
///
/// struct StaffOnly(Vec<UserId>);
///
/// impl Middleware for StaffOnly {
///     async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
///         if turn.sender().is_some_and(|user| !self.0.contains(&user)) {
///             return Err(tell("For staff only."));
///         }
///         next.run(turn).await
///     }
/// }
///
/// # struct Shop; impl Bot for Shop {}
/// let app = App::new().middleware(StaffOnly(vec![UserId(27)])).bot(Shop);
/// # let _ = app;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a middleware",
    note = "write `impl Middleware for {Self} {{ async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {{ … }} }}`"
)]
pub trait Middleware: Send + Sync + 'static {
    /// Runs around a turn.
    ///
    /// # Errors
    /// Those of your implementation; see [`Middleware`].
    fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> impl Future<Output = Result> + Send;
}

impl<M: Middleware> Middleware for Arc<M> {
    async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
        M::handle(self, turn, next).await
    }
}

/// A middleware of any type.
pub(crate) trait AnyMiddleware: Send + Sync {
    fn handle<'a>(&'a self, turn: &'a mut Turn<'_>, next: Next<'a>) -> Boxed<'a, Result>;
}

impl<M: Middleware> AnyMiddleware for M {
    fn handle<'a>(&'a self, turn: &'a mut Turn<'_>, next: Next<'a>) -> Boxed<'a, Result> {
        Box::pin(Middleware::handle(self, turn, next))
    }
}

/// A turn, as [`Middleware`] sees it. It has what [`Context`] has, except for the state.
#[derive(Debug)]
pub struct Turn<'t> {
    context: Context<()>,
    kind: TurnKind,
    /// Whether a button that works once was pressed.
    is_single_use: bool,
    profile: &'t Profile,
}

impl<'t> Turn<'t> {
    pub(super) fn new(context: Context<()>, trigger: &Trigger, profile: &'t Profile) -> Self {
        let is_single_use = matches!(
            trigger,
            Trigger::Chat(ChatEventKind::Command(command)) if command.is_single_use
        );
        Self {
            context,
            kind: TurnKind::of(trigger),
            is_single_use,
            profile,
        }
    }

    /// Returns what happened.
    pub fn kind(&self) -> TurnKind {
        self.kind
    }

    /// Returns the profile of the bot of this turn.
    pub fn profile(&self) -> &Profile {
        self.profile
    }
}

impl Deref for Turn<'_> {
    type Target = Context<()>;

    fn deref(&self) -> &Self::Target {
        &self.context
    }
}

/// What happened, so that a bot has a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TurnKind {
    /// Somebody wrote a message. A command behind a mention of the bot is one, too.
    Message,
    /// A message was edited.
    Edited,
    /// A message was deleted.
    Deleted,
    /// A command was typed, or a button of the bot was pressed.
    Command,
    /// The bot was added to a chat, or its private chat was opened for the first time.
    Join,
    /// Somebody opened the private chat by a link with data.
    Opened,
    /// A reaction was added or removed.
    Reaction,
    /// A reminder is due, or the program asked for one.
    Reminder,
    /// A session of an open channel began or ended.
    Session,
    /// The program sends a message from outside of a turn.
    Say,
}

impl TurnKind {
    fn of(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Chat(what) => match what {
                ChatEventKind::Message(_) => Self::Message,
                ChatEventKind::Edited(_) => Self::Edited,
                ChatEventKind::Deleted(_) => Self::Deleted,
                ChatEventKind::Join(_) => Self::Join,
                ChatEventKind::Command(_) => Self::Command,
                ChatEventKind::Opened(_) => Self::Opened,
                ChatEventKind::Reaction(_) => Self::Reaction,
            },
            Trigger::Reminder(_) => Self::Reminder,
            Trigger::Session(_) => Self::Session,
            Trigger::Say(_) => Self::Say,
        }
    }

    /// Whether a person did it, and not the program or the portal.
    pub fn is_from_person(self) -> bool {
        !matches!(self, Self::Reminder | Self::Session | Self::Say)
    }
}

/// The rest of a turn: the middleware that was added later, and the bot.
#[must_use = "without `run`, the bot does not get the event"]
pub struct Next<'a> {
    later: &'a [Arc<dyn AnyMiddleware>],
    handler: Boxed<'a, Result>,
}

impl<'a> Next<'a> {
    pub(super) fn new(
        middleware: &'a [Arc<dyn AnyMiddleware>],
        handler: Boxed<'a, Result>,
    ) -> Self {
        Self {
            later: middleware,
            handler,
        }
    }

    /// Runs the rest of the turn, and returns the result of the bot's handler, or of the middleware
    /// that ended the turn before it.
    ///
    /// # Errors
    /// Those of the handler or of that middleware. To keep what the turn has decided, return them.
    pub async fn run(self, turn: &mut Turn<'_>) -> Result {
        let Self { later, handler } = self;
        match later.split_first() {
            Some((first, later)) => first.handle(turn, Next { later, handler }).await,
            None => handler.await,
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next")
            .field("middleware", &self.later.len())
            .finish_non_exhaustive()
    }
}
