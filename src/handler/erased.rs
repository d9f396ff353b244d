//! A bot of any type and state, as the engine runs it: one turn in, its outcome out.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::said::{Place, Turn};
use super::{ArgsError, Bot, CommandSpec, Context, Error, Profile, Result, State};
use crate::event::{BotRef, Chat, Delivery, User, UserId, What};
use crate::portal::Portal;
use crate::store::{
    Conversation, EventId, QueuedCall, Reminder, ReminderChange, StateChange, StoredState, Time,
};

/// Everything about a turn but the bot, its state and what happened.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) id: EventId,
    pub(crate) now: Time,
    pub(crate) attempt: u32,
    pub(crate) here: Conversation,
    pub(crate) bot: BotRef,
    pub(crate) chat: Chat,
    pub(crate) user: Option<User>,
    pub(crate) sender: Option<UserId>,
    pub(crate) language: Option<String>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) portal: Portal,
}

impl Scene {
    /// The scene of a first attempt at an event that says nothing of who is there.
    pub(crate) fn new(id: EventId, here: Conversation, bot: BotRef, portal: Portal) -> Scene {
        Scene {
            id,
            now: Time(0),
            attempt: 1,
            here,
            bot,
            chat: Chat::default(),
            user: None,
            sender: None,
            language: None,
            delivery: None,
            portal,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Occasion {
    Chat(What),
    Reminder(Reminder),
}

/// How a turn is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// How long the handler may take.
    pub(crate) limit: Duration,
    /// Whether this is the last time: a failure is told to the user.
    pub(crate) is_last: bool,
}

/// What came of a turn.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) state: StateChange,
    /// Why the state before could not be read, if it could not.
    pub(crate) aside: Option<String>,
    pub(crate) calls: Vec<Arc<QueuedCall>>,
    pub(crate) reminders: Vec<ReminderChange>,
    /// The failure, if it failed: then `calls` are what `failed` says about it.
    pub(crate) error: Option<Error>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A bot of any type and state.
pub(crate) trait AnyBot: Send + Sync {
    fn profile(&self) -> &Profile;
    fn commands(&self) -> &[CommandSpec];
    /// Whether conversations have a state at all.
    fn has_state(&self) -> bool;
    fn turn(
        &self,
        scene: Box<Scene>,
        occasion: Occasion,
        state: Option<StoredState>,
        attempt: Attempt,
    ) -> Boxed<'_, Outcome>;
    fn removed(&self, bot: BotRef) -> Boxed<'_, Result>;
}

/// A bot of a known type behind [`AnyBot`].
pub(crate) struct Erased<B, S> {
    bot: B,
    profile: Profile,
    commands: Vec<CommandSpec>,
    version: u32,
    /// How the default state is written: a state that is written like it is not stored.
    default: Vec<u8>,
    state: PhantomData<fn() -> S>,
}

impl<S: State, B: Bot<S>> Erased<B, S> {
    pub(crate) fn new(bot: B) -> Erased<B, S> {
        let default = serde_json::to_vec(&S::default()).unwrap_or_default();
        Erased {
            profile: bot.profile(),
            commands: bot.commands(),
            version: bot.state_version(),
            default,
            bot,
            state: PhantomData,
        }
    }

    async fn run(
        &self,
        scene: Box<Scene>,
        occasion: Occasion,
        stored: Option<StoredState>,
        attempt: Attempt,
    ) -> Outcome {
        let turn = Turn::new(Place {
            event: scene.id,
            at: scene.now,
            here: scene.here.clone(),
            answers: match &occasion {
                Occasion::Chat(What::Command(command)) => Some((command.id, command.message)),
                _ => None,
            },
            api: self.profile.on_api(),
            doubt: self.profile.on_doubt(),
        });
        let (state, aside) = match self.read(stored.as_ref()) {
            Ok(state) => (state, None),
            Err(error) => (S::default(), Some(error.to_string())),
        };
        // What is kept aside leaves its place, whatever the turn makes of the new one.
        let stored = stored.filter(|_| aside.is_none());
        let api = self.profile.on_api();
        let mut cx = Context::new(state, scene, turn.clone(), api);
        let handled = guarded(attempt.limit, self.handle(&mut cx, occasion)).await;
        let handled = handled.and_then(|()| turn.wrong().map_or(Ok(()), Err));
        match handled.and_then(|()| self.change(&cx.state, stored.as_ref())) {
            Ok(StateChange::Keep) if aside.is_some() => turn.outcome(StateChange::Forget, aside),
            Ok(state) => turn.outcome(state, aside),
            Err(error) => self.fail(&mut cx, &turn, error, attempt).await,
        }
    }

    async fn handle(&self, cx: &mut Context<S>, occasion: Occasion) -> Result {
        let what = match occasion {
            Occasion::Chat(what) => what,
            Occasion::Reminder(reminder) => return self.bot.reminded(cx, reminder).await,
        };
        match what {
            What::Message(message) => self.bot.message(cx, message).await,
            What::Edited(message) => self.bot.edited(cx, message).await,
            What::Deleted(deleted) => self.bot.deleted(cx, deleted).await,
            What::Join(join) => self.bot.join(cx, join).await,
            What::Command(command) => {
                let usage = self
                    .commands
                    .iter()
                    .find(|spec| spec.name() == command.name)
                    .map(CommandSpec::usage);
                self.bot
                    .command(cx, command)
                    .await
                    .map_err(|error| explain(error, usage))
            }
            What::Opened(context) => self.bot.opened(cx, context).await,
            What::Reaction(reaction) => self.bot.reaction(cx, reaction).await,
        }
    }

    /// Nothing of the turn is kept; what remains is what is told to the user, if it was the last attempt.
    async fn fail(
        &self,
        cx: &mut Context<S>,
        turn: &Turn,
        mut error: Error,
        attempt: Attempt,
    ) -> Outcome {
        turn.clear();
        if let Some(answer) = error.told() {
            cx.say(answer.clone());
            match turn.wrong() {
                None => return turn.outcome(StateChange::Keep, None),
                Some(wrong) => error = wrong,
            }
            turn.clear();
        }
        if attempt.is_last
            && let Err(second) = guarded(attempt.limit, self.bot.failed(cx, &error)).await
        {
            tracing::error!(bot = self.profile.code(), error = %second, "`failed` has failed");
            turn.clear();
        }
        Outcome {
            error: Some(error),
            ..turn.outcome(StateChange::Keep, None)
        }
    }

    /// The state as it is to be today; an error tells why it cannot be.
    fn read(&self, stored: Option<&StoredState>) -> Result<S> {
        let Some(StoredState { version, bytes }) = stored else {
            return Ok(S::default());
        };
        let read = || match version.cmp(&self.version) {
            std::cmp::Ordering::Equal => Ok(serde_json::from_slice(bytes)?),
            std::cmp::Ordering::Less => self.bot.upgrade(*version, serde_json::from_slice(bytes)?),
            std::cmp::Ordering::Greater => Err(Error::failed(format_args!(
                "it was written by a newer program, under version {version} of its shape; this one knows {}",
                self.version
            ))),
        };
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// How the state differs from what is stored.
    fn change(&self, state: &S, stored: Option<&StoredState>) -> Result<StateChange> {
        if !self.has_state() {
            return Ok(StateChange::Keep);
        }
        let written = serde_json::to_vec(state)?;
        let is_default = written == self.default;
        Ok(match stored {
            Some(stored) if stored.version == self.version && stored.bytes == written => {
                StateChange::Keep
            }
            None if is_default => StateChange::Keep,
            Some(_) if is_default => StateChange::Forget,
            _ => StateChange::Put(StoredState {
                version: self.version,
                bytes: Bytes::from(written.into_boxed_slice()),
            }),
        })
    }
}

impl Turn {
    /// What came of it: all that was said and asked for.
    fn outcome(&self, state: StateChange, aside: Option<String>) -> Outcome {
        Outcome {
            state,
            aside,
            calls: self.calls(),
            reminders: self.reminders(),
            error: None,
        }
    }
}

impl<S: State, B: Bot<S>> AnyBot for Erased<B, S> {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn has_state(&self) -> bool {
        std::mem::size_of::<S>() > 0
    }

    fn turn(
        &self,
        scene: Box<Scene>,
        occasion: Occasion,
        state: Option<StoredState>,
        attempt: Attempt,
    ) -> Boxed<'_, Outcome> {
        Box::pin(self.run(scene, occasion, state, attempt))
    }

    fn removed(&self, bot: BotRef) -> Boxed<'_, Result> {
        Box::pin(self.bot.removed(bot))
    }
}

/// Runs a handler so that a panic or a hang is an error like any other.
pub(crate) async fn guarded(
    limit: Duration,
    handler: impl Future<Output = Result> + Send,
) -> Result {
    match tokio::time::timeout(limit, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => Err(Error::failed(format_args!(
            "the handler took longer than {limit:?}"
        ))),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("…");
    Error::failed(format_args!("the handler panicked: {words}"))
}

/// Arguments that do not fit are answered with how the command is used.
fn explain(error: Error, usage: Option<String>) -> Error {
    match (error.downcast_ref::<ArgsError>(), usage) {
        (Some(wrong), Some(usage)) => super::tell(
            crate::message::Text::new()
                .plain(wrong)
                .line()
                .plain("Usage: ")
                .code(usage),
        ),
        (Some(wrong), None) => super::tell(crate::message::Text::new().plain(wrong)),
        (None, _) => error,
    }
}
