//! Runs a turn: reads the state, calls the bot's handler, and collects the result.

pub(super) mod context;
pub(super) mod effects;
pub(super) mod handover;
pub(super) mod parts;
mod pressed;
pub(super) mod stored_row;

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::form::{end_form, form_of};
use super::middleware::{Next, Turn};
use super::{
    ArgsError, Bot, CommandSpec, Context, Error, Language, Phrase, Profile, Result, State,
};
use crate::event::{BotRef, ChatEventKind, Command, Delivery, PRESS, SessionChange, UserId};
use crate::message::Text;
use crate::store::{StateChange, StoredState};
use context::{Attempt, EventContext, Trigger, TurnResult};
use effects::{Effects, Origin};
use handover::{Decision, Handover, LineEvent};
use stored_row::StoredRow;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A bot of any type and state.
pub(crate) trait AnyBot: Send + Sync {
    fn profile(&self) -> &Profile;
    fn commands(&self) -> &[CommandSpec];
    /// Whether conversations have a stored row.
    fn has_state(&self) -> bool;
    fn turn<'a>(
        &'a self,
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt<'a>,
    ) -> Boxed<'a, TurnResult>;
    fn removed(&self, bot: BotRef) -> Boxed<'_, Result>;
}

/// A bot of a known type behind [`AnyBot`].
pub(crate) struct Erased<B, S> {
    bot: B,
    profile: Profile,
    commands: Arc<[CommandSpec]>,
    version: u32,
    /// The default state as JSON. A state equal to it is not stored.
    default: Vec<u8>,
    state: PhantomData<fn() -> S>,
}

impl<S: State, B: Bot<S>> Erased<B, S> {
    pub(crate) fn new(bot: B) -> Self {
        let default = serde_json::to_vec(&S::default()).unwrap_or_default();
        Self {
            profile: bot.profile(),
            commands: with_own(bot.commands()),
            version: bot.state_version(),
            default,
            bot,
            state: PhantomData,
        }
    }

    async fn run(
        &self,
        mut context: Box<EventContext>,
        trigger: Box<Trigger>,
        row: Option<StoredState>,
        attempt: Attempt<'_>,
    ) -> TurnResult {
        let StoredRow {
            mut handover,
            state,
        } = StoredRow::read(row.as_ref());
        let decision = self.decide(&mut handover, &mut context, &trigger);
        let origin = Origin {
            answers: match &*trigger {
                Trigger::Chat(ChatEventKind::Command(command)) => {
                    Some((command.id, command.message))
                }
                _ => None,
            },
            commands: Arc::clone(&self.commands),
            used_up: match &*trigger {
                Trigger::Chat(ChatEventKind::Command(command))
                    if command.is_single_use && !context.is_paused =>
                {
                    Some(command.message)
                }
                _ => None,
            },
            ..Origin::of(&context, &self.profile)
        };
        let is_awaited = trigger.is_from_person();
        let is_silent = handover.is_with_operator() && !self.profile.is_alongside_operators();
        let effects = Effects::new(origin, handover, is_silent);
        effects.use_up_keyboard();
        let (read, unreadable) = match self.read(state.as_ref()) {
            Ok(state) => (state, None),
            Err(error) => (S::default(), Some(error.to_string())),
        };
        let stored = Stored {
            // A state that is put aside leaves its row, whatever the new state is.
            state: state.filter(|_| unreadable.is_none()),
            row: row.filter(|_| unreadable.is_none()),
            unreadable,
        };
        let api = self.profile.on_api();
        let mut cx = Context::new(read, context, effects.clone(), api);
        let mut is_without_bot = false;
        let handled = if cx.context().is_paused {
            Ok(())
        } else if attempt.middleware.is_empty() || decision.is_nothing() {
            guarded(attempt.limit, self.handle(&mut cx, trigger, decision)).await
        } else {
            let handling = self.handle_within(&mut cx, trigger, decision, attempt);
            let (handled, was_run) = Box::pin(handling).await;
            is_without_bot = !was_run;
            handled
        };
        let handled = handled.and_then(|()| effects.take_error().map_or(Ok(()), Err));
        let result = match handled.and_then(|()| self.change(&cx.state, &effects, &stored)) {
            Ok(change) => effects.result(change, stored.unreadable),
            Err(error) => {
                let attempt = Attempt {
                    announces_delay: attempt.announces_delay && is_awaited,
                    ..attempt
                };
                self.fail(&mut cx, &effects, error, attempt, &stored).await
            }
        };
        TurnResult {
            is_without_bot,
            ..result
        }
    }

    /// Runs the handler within the program's middleware. Returns the result, and whether the
    /// handler was run.
    async fn handle_within(
        &self,
        cx: &mut Context<S>,
        trigger: Box<Trigger>,
        decision: Decision,
        attempt: Attempt<'_>,
    ) -> (Result, bool) {
        let mut turn = Turn::new(cx.without_state(), &trigger, &self.profile);
        let was_run = AtomicBool::new(false);
        let handler = async {
            was_run.store(true, Ordering::Relaxed);
            self.handle(cx, trigger, decision).await
        };
        let next = Next::new(attempt.middleware, Box::pin(handler));
        let handled = guarded(attempt.limit, next.run(&mut turn)).await;
        (handled, was_run.into_inner())
    }

    /// Decides what an event means for the bot. Outside open channels the bot gets every event.
    fn decide(
        &self,
        handover: &mut Handover,
        context: &mut EventContext,
        trigger: &Trigger,
    ) -> Decision {
        let what = match trigger {
            Trigger::Chat(what) => what,
            Trigger::Session(change) => return handover.on_session_event(change),
            Trigger::Reminder(_) | Trigger::Say(_) => return Decision::PASS,
        };
        let Some(line) = context.chat.line() else {
            return Decision::PASS;
        };
        context.role = handover.role(context.user.as_ref(), context.sender, what);
        if !self.profile.is_for_open_channels() {
            return Decision::PASS;
        }
        let event = LineEvent {
            what,
            sender: context.sender,
            is_whisper: context.delivery.as_ref().is_some_and(Delivery::is_whisper),
        };
        let decision = handover.on_chat_event(&line, context.role, &event);
        Decision {
            is_for_bot: decision.is_for_bot || self.profile.is_alongside_operators(),
            ..decision
        }
    }

    async fn handle(
        &self,
        cx: &mut Context<S>,
        trigger: Box<Trigger>,
        decision: Decision,
    ) -> Result {
        if decision.begins {
            let session = cx.session();
            self.bot.session_started(cx, session).await?;
        }
        if let Some(by) = decision.taken_over {
            self.bot.taken_over(cx, by).await?;
        }
        let what = match *trigger {
            _ if !decision.is_for_bot => return Ok(()),
            Trigger::Chat(what) => what,
            Trigger::Reminder(reminder) => {
                return match form_of(&reminder) {
                    Some(form) => Box::pin(end_form(cx, form, reminder.id)).await,
                    None => self.bot.reminded(cx, reminder).await,
                };
            }
            Trigger::Say(params) => {
                cx.effects().say_params(params);
                return Ok(());
            }
            Trigger::Session(SessionChange::Started(_)) => return Ok(()), // see `begins` above
            Trigger::Session(SessionChange::Finished(session)) => {
                return self.bot.session_finished(cx, session).await;
            }
        };
        match self.with_mentioned_command(cx, what) {
            ChatEventKind::Message(message) => self.bot.message(cx, message).await,
            ChatEventKind::Edited(message) => self.bot.edited(cx, message).await,
            ChatEventKind::Deleted(deleted) => self.bot.deleted(cx, deleted).await,
            ChatEventKind::Join(join) => self.bot.join(cx, join).await,
            ChatEventKind::Command(command) if command.name == PRESS => {
                Box::pin(self.on_press(cx, &command)).await
            }
            ChatEventKind::Command(command) => {
                let usage = self
                    .commands
                    .iter()
                    .find(|spec| spec.name() == command.name)
                    .map(CommandSpec::usage);
                let language = Language::of(cx.language());
                self.bot
                    .command(cx, command)
                    .await
                    .map_err(|error| explain(error, usage, language))
            }
            ChatEventKind::Opened(context) => self.bot.opened(cx, context).await,
            ChatEventKind::Reaction(reaction) => self.bot.reaction(cx, reaction).await,
        }
    }

    /// Returns a message as the command that it is, if it begins with a registered one behind a
    /// mention of the bot: the portal delivers that as a message (protocol/server-behaviour.md
    /// 7.1).
    fn with_mentioned_command(&self, cx: &Context<S>, what: ChatEventKind) -> ChatEventKind {
        let ChatEventKind::Message(message) = &what else {
            return what;
        };
        let is_mentioned = message.mentions.contains(&UserId::from(cx.bot().id));
        let command = message.as_command().filter(|_| is_mentioned);
        let is_known =
            |command: &Command| self.commands.iter().any(|spec| spec.name() == command.name);
        match command.filter(is_known) {
            Some(command) => ChatEventKind::Command(command),
            None => what,
        }
    }

    /// Returns the result of a failed turn: only an answer to the user, if the error is one, cannot
    /// pass, or this was the last attempt. In an open channel the chat then goes to an operator. If
    /// the next attempt is far away, the user gets a notice.
    async fn fail(
        &self,
        cx: &mut Context<S>,
        effects: &Effects,
        mut error: Error,
        attempt: Attempt<'_>,
        stored: &Stored,
    ) -> TurnResult {
        effects.clear();
        if let Some(answer) = error.answer() {
            effects.use_up_keyboard();
            cx.say_long(answer.clone());
            effects.replace_streamed();
            match effects.take_error() {
                None => return effects.result(self.handover_change(effects, stored), None),
                Some(oversized) => error = oversized,
            }
            effects.clear();
        }
        if !attempt.is_last && !error.is_permanent() {
            if attempt.announces_delay {
                self.announce_delay(cx, effects, &error, attempt).await;
            }
            return TurnResult {
                error: Some(error),
                ..effects.result(StateChange::Keep, None)
            };
        }
        effects.use_up_keyboard();
        if let Err(second) = guarded(attempt.limit, self.bot.failed(cx, &error)).await {
            tracing::error!(bot = self.profile.code(), error = %second, "`Bot::failed` failed");
            effects.clear();
            effects.use_up_keyboard();
        }
        effects.replace_streamed();
        if self.profile.is_for_open_channels()
            && cx.line_chat().is_some()
            && !effects.is_with_operator()
        {
            tracing::warn!(conversation = %cx.context().conversation, "the bot failed in an open channel; the chat goes to an operator");
            cx.to_operator();
        }
        TurnResult {
            error: Some(error),
            ..effects.result(self.handover_change(effects, stored), None)
        }
    }

    /// Sends the notice that the answer takes longer.
    async fn announce_delay(
        &self,
        cx: &mut Context<S>,
        effects: &Effects,
        error: &Error,
        attempt: Attempt<'_>,
    ) {
        let announced = guarded(attempt.limit, self.bot.delayed(cx, error)).await;
        let announced = announced.and_then(|()| effects.take_error().map_or(Ok(()), Err));
        if let Err(second) = announced {
            tracing::error!(bot = self.profile.code(), error = %second, "`Bot::delayed` failed");
            effects.clear();
        }
        let _ = effects.take_reminders(); // nothing but messages is kept
    }

    /// Reads the stored state.
    ///
    /// # Errors
    /// The state cannot be parsed or upgraded, or was written by a newer program.
    fn read(&self, stored: Option<&StoredState>) -> Result<S> {
        let Some(StoredState { version, bytes }) = stored else {
            return Ok(S::default());
        };
        let read = || match version.cmp(&self.version) {
            std::cmp::Ordering::Equal => Ok(serde_json::from_slice(bytes)?),
            std::cmp::Ordering::Less => self.bot.upgrade(*version, serde_json::from_slice(bytes)?),
            std::cmp::Ordering::Greater => Err(Error::failed(format_args!(
                "a newer program wrote it, with state version {version}; this program knows version {}",
                self.version
            ))),
        };
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// Returns the change of the stored row after a turn that succeeded.
    fn change(&self, state: &S, effects: &Effects, stored: &Stored) -> Result<StateChange> {
        Ok(self.row_change(effects, self.written(state, stored)?, stored)?)
    }

    /// Returns the change of the stored row after a turn that failed: only the handover is kept.
    fn handover_change(&self, effects: &Effects, stored: &Stored) -> StateChange {
        if stored.unreadable.is_some() {
            return StateChange::Keep; // a later program may be able to read it
        }
        let change = self.row_change(effects, stored.state.clone(), stored);
        change.unwrap_or(StateChange::Keep) // it was written before, so it can be written again
    }

    /// Returns the state to be stored. The default state is not stored.
    fn written(&self, state: &S, stored: &Stored) -> Result<Option<StoredState>> {
        if std::mem::size_of::<S>() == 0 {
            // The bot has no state type any more: keep what is stored.
            return Ok(stored.state.clone());
        }
        // Mostly the new state is as long as the old one.
        let length = stored.state.as_ref().map_or(0, |state| state.bytes.len());
        let mut written = Vec::with_capacity(length);
        serde_json::to_writer(&mut written, state)?;
        let bytes = (written != self.default).then(|| Bytes::from(written.into_boxed_slice()));
        Ok(bytes.map(|bytes| StoredState {
            version: self.version,
            bytes,
        }))
    }

    fn row_change(
        &self,
        effects: &Effects,
        state: Option<StoredState>,
        stored: &Stored,
    ) -> serde_json::Result<StateChange> {
        let handover = effects.handover();
        let row = StoredRow { handover, state }.row(self.version)?;
        let had_row = stored.row.is_some() || stored.unreadable.is_some();
        Ok(match row {
            row if row == stored.row && stored.unreadable.is_none() => StateChange::Keep,
            Some(row) => StateChange::Put(row),
            None if had_row => StateChange::Forget,
            None => StateChange::Keep,
        })
    }
}

/// What the store held of the conversation before the turn.
struct Stored {
    /// The bot's state.
    state: Option<StoredState>,
    /// The row with that state.
    row: Option<StoredState>,
    /// Why the state could not be read.
    unreadable: Option<String>,
}

impl Effects {
    /// Returns these effects as the result of the turn.
    fn result(&self, state: StateChange, unreadable_state: Option<String>) -> TurnResult {
        TurnResult {
            state,
            parts: self.take_parts(),
            is_refused_press: self.is_refused_press(),
            unreadable_state,
            calls: self.take_calls(),
            reminders: self.take_reminders(),
            is_without_bot: false,
            pause: self.paused(),
            error: None,
        }
    }
}

/// Returns the commands of a bot with the one that buttons with an offer send.
fn with_own(mut commands: Vec<CommandSpec>) -> Arc<[CommandSpec]> {
    if !commands.iter().any(|spec| spec.name() == PRESS) {
        commands.push(CommandSpec::new(PRESS, "Button").hidden().for_extranet());
    }
    commands.into()
}

impl<S: State, B: Bot<S>> AnyBot for Erased<B, S> {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn has_state(&self) -> bool {
        std::mem::size_of::<S>() > 0 || self.profile.is_for_open_channels()
    }

    fn turn<'a>(
        &'a self,
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt<'a>,
    ) -> Boxed<'a, TurnResult> {
        Box::pin(self.run(context, trigger, state, attempt))
    }

    fn removed(&self, bot: BotRef) -> Boxed<'_, Result> {
        Box::pin(self.bot.removed(bot))
    }
}

/// Runs a handler and returns a panic or a timeout as an error.
///
/// Not an `async fn`: its future would hold the handler twice, as an argument and where it awaits
/// it.
pub(crate) fn guarded<T>(
    limit: Duration,
    handler: impl Future<Output = Result<T>> + Send,
) -> impl Future<Output = Result<T>> + Send {
    let handler = AssertUnwindSafe(handler).catch_unwind();
    tokio::time::timeout(limit, handler).map(move |ended| match ended {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_elapsed) => Err(Error::failed(format_args!(
            "the handler took longer than {limit:?}"
        ))),
    })
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("…");
    Error::failed(format_args!("the handler panicked: {message}"))
}

/// Turns an error about a command's arguments into an answer that shows the command's usage.
fn explain(error: Error, usage: Option<String>, language: Language) -> Error {
    let Some(wrong) = error.downcast_ref::<ArgsError>() else {
        return error;
    };
    let answer = Text::new().plain(wrong.text(language));
    super::tell(match usage {
        Some(usage) => {
            let answer = answer.line().plain(Phrase::Usage.text(language));
            answer.plain(" ").code(usage)
        }
        None => answer,
    })
}
