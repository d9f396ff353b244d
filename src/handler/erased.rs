//! A bot of any type and state, as the engine runs it: one turn in, its outcome out.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::said::Turn;
use super::{ArgsError, Bot, CommandSpec, Context, Error, Profile, Result, State};
use crate::event::{BotRef, ChatEvent, Delivery, UserId, What};
use crate::portal::Portal;
use crate::store::{Conversation, EventId, QueuedCall, StateChange};

/// Everything about a turn but the bot and its state.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) id: EventId,
    pub(crate) delivery: Delivery,
    pub(crate) event: Box<ChatEvent>,
    pub(crate) bot: BotRef,
    pub(crate) sender: Option<UserId>,
    pub(crate) portal: Portal,
}

/// What came of a turn.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) state: StateChange,
    pub(crate) calls: Vec<Arc<QueuedCall>>,
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
    fn turn(&self, scene: Scene, state: Option<Bytes>, limit: Duration) -> Boxed<'_, Outcome>;
    fn removed(&self, bot: BotRef) -> Boxed<'_, Result>;
}

/// A bot of a known type behind [`AnyBot`].
pub(crate) struct Erased<B, S> {
    bot: B,
    profile: Profile,
    commands: Vec<CommandSpec>,
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
            default,
            bot,
            state: PhantomData,
        }
    }

    async fn run(&self, scene: Scene, stored: Option<Bytes>, limit: Duration) -> Outcome {
        let here = Conversation {
            portal: scene.portal.id().clone(),
            bot: scene.bot.id,
            dialog: scene.event.dialog.clone(),
        };
        let answers = match &scene.event.what {
            What::Command(command) => Some((command.id, command.message)),
            _ => None,
        };
        let turn = Turn::new(scene.id, here, answers);
        let state = match read(stored.as_ref()) {
            Ok(state) => state,
            Err(error) => {
                return Outcome {
                    state: StateChange::Keep,
                    calls: Vec::new(),
                    error: Some(error),
                };
            }
        };
        let mut scene = scene;
        let what = std::mem::replace(&mut scene.event.what, What::Join(Default::default()));
        let mut cx = Context::new(state, scene, turn.clone());
        let error = match guarded(limit, self.handle(&mut cx, what))
            .await
            .and_then(|()| turn.wrong().map_or(Ok(()), Err))
        {
            Ok(()) => match self.change(&cx.state, stored.as_ref()) {
                Ok(state) => {
                    return Outcome {
                        state,
                        calls: turn.calls(),
                        error: None,
                    };
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        self.fail(&mut cx, &turn, error, limit).await
    }

    async fn handle(&self, cx: &mut Context<S>, what: What) -> Result {
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
            What::Opened(_) | What::Reaction(_) => Ok(()), // version 2: not acted on yet
        }
    }

    /// Nothing of the turn is kept; what remains is what is told to the user.
    async fn fail(
        &self,
        cx: &mut Context<S>,
        turn: &Turn,
        error: Error,
        limit: Duration,
    ) -> Outcome {
        turn.clear();
        if let Some(answer) = error.told() {
            cx.say(answer.clone());
            return Outcome {
                state: StateChange::Keep,
                calls: turn.calls(),
                error: turn.wrong(),
            };
        }
        if let Err(second) = guarded(limit, self.bot.failed(cx, &error)).await {
            tracing::error!(bot = self.profile.code(), error = %second, "`failed` has failed");
            turn.clear();
        }
        Outcome {
            state: StateChange::Keep,
            calls: turn.calls(),
            error: Some(error),
        }
    }

    /// How the state differs from what is stored.
    fn change(&self, state: &S, stored: Option<&Bytes>) -> Result<StateChange> {
        if !self.has_state() {
            return Ok(StateChange::Keep);
        }
        let written = serde_json::to_vec(state)?;
        Ok(match stored {
            Some(stored) if *stored == written => StateChange::Keep,
            None if written == self.default => StateChange::Keep,
            Some(_) if written == self.default => StateChange::Forget,
            _ => StateChange::Put(Bytes::from(written.into_boxed_slice())),
        })
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

    fn turn(&self, scene: Scene, state: Option<Bytes>, limit: Duration) -> Boxed<'_, Outcome> {
        Box::pin(self.run(scene, state, limit))
    }

    fn removed(&self, bot: BotRef) -> Boxed<'_, Result> {
        Box::pin(self.bot.removed(bot))
    }
}

fn read<S: State>(stored: Option<&Bytes>) -> Result<S> {
    let Some(stored) = stored else {
        return Ok(S::default());
    };
    let why = |error| {
        Error::failed(format_args!(
            "the stored state does not read as this bot's: {error}"
        ))
    };
    serde_json::from_slice(stored).map_err(why)
}

/// Runs a handler so that a panic or a hang is an error like any other.
pub(crate) async fn guarded(
    limit: Duration,
    handler: impl Future<Output = Result> + Send,
) -> Result {
    match tokio::time::timeout(limit, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Error::failed(format_args!(
            "the handler panicked: {}",
            words(&*panic)
        ))),
        Err(_) => Err(Error::failed(format_args!(
            "the handler took longer than {limit:?}"
        ))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("…")
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
