//! A bot of any type and state, as the engine runs it: one turn in, its outcome out.

pub(super) mod effects;
pub(super) mod handover;
pub(super) mod stored_row;

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::{ArgsError, Bot, CommandSpec, Context, Error, Profile, Result, Role, State};
use crate::event::{BotRef, Chat, ChatEventKind, Delivery, SessionChange, User, UserId};
use crate::portal::Portal;
use crate::store::{
    Conversation, EventId, QueuedCall, Reminder, ReminderChange, StateChange, StoredState, Time,
};
use effects::{Effects, Origin};
use handover::{Decision, Handover, LineEvent};
use stored_row::StoredRow;

/// Everything about a turn but the bot, its state and what happened.
#[derive(Debug)]
pub(crate) struct EventContext {
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
    /// Who did it, in the chat of an open channel.
    pub(crate) role: Option<Role>,
}

impl EventContext {
    /// The scene of a first attempt at an event that says nothing of who is there.
    pub(crate) fn new(
        id: EventId,
        here: Conversation,
        bot: BotRef,
        portal: Portal,
    ) -> EventContext {
        EventContext {
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
            role: None,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Trigger {
    Chat(ChatEventKind),
    Reminder(Reminder),
    Session(SessionChange),
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
pub(crate) struct TurnResult {
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
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt,
    ) -> Boxed<'_, TurnResult>;
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
        mut context: Box<EventContext>,
        trigger: Box<Trigger>,
        row: Option<StoredState>,
        attempt: Attempt,
    ) -> TurnResult {
        let StoredRow {
            mut handover,
            state,
        } = StoredRow::read(row.as_ref());
        let meaning = self.on_chat_event(&mut handover, &mut context, &trigger);
        let place = Origin {
            answers: match &*trigger {
                Trigger::Chat(ChatEventKind::Command(command)) => {
                    Some((command.id, command.message))
                }
                _ => None,
            },
            ..Origin::of(&context, &self.profile)
        };
        let is_silent = handover.is_with_operator() && !self.profile.is_beside_operators();
        let turn = Effects::new(place, handover, is_silent);
        let (read, aside) = match self.read(state.as_ref()) {
            Ok(state) => (state, None),
            Err(error) => (S::default(), Some(error.to_string())),
        };
        let before = Before {
            // What is kept aside leaves its place, whatever the turn makes of the new one.
            state: state.filter(|_| aside.is_none()),
            row: row.filter(|_| aside.is_none()),
            aside,
        };
        let api = self.profile.on_api();
        let mut cx = Context::new(read, context, turn.clone(), api);
        let handled = guarded(attempt.limit, self.handle(&mut cx, trigger, meaning)).await;
        let handled = handled.and_then(|()| turn.wrong().map_or(Ok(()), Err));
        match handled.and_then(|()| self.change(&cx.state, &turn, &before)) {
            Ok(change) => turn.outcome(change, before.aside),
            Err(error) => self.fail(&mut cx, &turn, error, attempt, &before).await,
        }
    }

    /// What happened means in the chat of an open channel; anywhere else it is as it is.
    fn on_chat_event(
        &self,
        handover: &mut Handover,
        context: &mut EventContext,
        trigger: &Trigger,
    ) -> Decision {
        let what = match trigger {
            Trigger::Chat(what) => what,
            Trigger::Session(change) => return handover.on_session_event(change),
            Trigger::Reminder(_) => return Decision::ANY,
        };
        let Some(line) = context.chat.line() else {
            return Decision::ANY;
        };
        context.role = handover.role(context.user.as_ref(), context.sender, what);
        if !self.profile.is_for_open_channels() {
            return Decision::ANY;
        }
        let heard = LineEvent {
            what,
            sender: context.sender,
            is_whisper: context.delivery.as_ref().is_some_and(Delivery::is_whisper),
        };
        let meaning = handover.on_chat_event(&line, context.role, &heard);
        Decision {
            is_for_bot: meaning.is_for_bot || self.profile.is_beside_operators(),
            ..meaning
        }
    }

    async fn handle(
        &self,
        cx: &mut Context<S>,
        trigger: Box<Trigger>,
        meaning: Decision,
    ) -> Result {
        if meaning.begins {
            let session = cx.session();
            self.bot.session_started(cx, session).await?;
        }
        if let Some(by) = meaning.taken_over {
            self.bot.taken_over(cx, by).await?;
        }
        let what = match *trigger {
            _ if !meaning.is_for_bot => return Ok(()),
            Trigger::Chat(what) => what,
            Trigger::Reminder(reminder) => return self.bot.reminded(cx, reminder).await,
            Trigger::Session(SessionChange::Started(_)) => return Ok(()), // told above
            Trigger::Session(SessionChange::Finished(session)) => {
                return self.bot.session_finished(cx, session).await;
            }
        };
        match what {
            ChatEventKind::Message(message) => self.bot.message(cx, message).await,
            ChatEventKind::Edited(message) => self.bot.edited(cx, message).await,
            ChatEventKind::Deleted(deleted) => self.bot.deleted(cx, deleted).await,
            ChatEventKind::Join(join) => self.bot.join(cx, join).await,
            ChatEventKind::Command(command) => {
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
            ChatEventKind::Opened(context) => self.bot.opened(cx, context).await,
            ChatEventKind::Reaction(reaction) => self.bot.reaction(cx, reaction).await,
        }
    }

    /// Nothing of the turn is kept; what remains is what is told to the user, if it was the last attempt. A client of an
    /// open channel is then handed over to people.
    async fn fail(
        &self,
        cx: &mut Context<S>,
        turn: &Effects,
        mut error: Error,
        attempt: Attempt,
        before: &Before,
    ) -> TurnResult {
        turn.clear();
        if let Some(answer) = error.told() {
            cx.say(answer.clone());
            match turn.wrong() {
                None => return turn.outcome(self.only_floor(turn, before), None),
                Some(wrong) => error = wrong,
            }
            turn.clear();
        }
        if !attempt.is_last {
            return TurnResult {
                error: Some(error),
                ..turn.outcome(StateChange::Keep, None)
            };
        }
        if let Err(second) = guarded(attempt.limit, self.bot.failed(cx, &error)).await {
            tracing::error!(bot = self.profile.code(), error = %second, "`failed` has failed");
            turn.clear();
        }
        if self.profile.is_for_open_channels()
            && cx.line_chat().is_some()
            && !turn.is_with_operator()
        {
            tracing::warn!(conversation = %cx.context().here, "the bot has failed on a line: the chat goes to people");
            cx.to_operator();
        }
        TurnResult {
            error: Some(error),
            ..turn.outcome(self.only_floor(turn, before), None)
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

    /// How what is kept differs from what is stored.
    fn change(&self, state: &S, turn: &Effects, before: &Before) -> Result<StateChange> {
        Ok(self.row_change(turn, self.written(state, before)?, before)?)
    }

    /// The change of a turn of which nothing stays but who has the floor.
    fn only_floor(&self, turn: &Effects, before: &Before) -> StateChange {
        if before.aside.is_some() {
            return StateChange::Keep; // whoever can read it may come yet
        }
        let change = self.row_change(turn, before.state.clone(), before);
        change.unwrap_or(StateChange::Keep) // it was written before, so it can be again
    }

    /// The state as it is to be stored; the default is not.
    fn written(&self, state: &S, before: &Before) -> Result<Option<StoredState>> {
        if std::mem::size_of::<S>() == 0 {
            return Ok(before.state.clone()); // as it was before the bot forgot how to remember
        }
        // Mostly it is as long as it was.
        let length = before.state.as_ref().map_or(0, |state| state.bytes.len());
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
        turn: &Effects,
        state: Option<StoredState>,
        before: &Before,
    ) -> serde_json::Result<StateChange> {
        let handover = turn.handover();
        let row = StoredRow { handover, state }.row(self.version)?;
        let had_row = before.row.is_some() || before.aside.is_some();
        Ok(match row {
            row if row == before.row && before.aside.is_none() => StateChange::Keep,
            Some(row) => StateChange::Put(row),
            None if had_row => StateChange::Forget,
            None => StateChange::Keep,
        })
    }
}

impl Origin {
    /// Where a scene's turn speaks, if it answers no command.
    pub(super) fn of(context: &EventContext, profile: &Profile) -> Origin {
        Origin {
            event: context.id,
            at: context.now,
            here: context.here.clone(),
            answers: None,
            api: profile.on_api(),
            redelivery: profile.redelivery_mode(),
        }
    }
}

/// What was kept before a turn.
struct Before {
    /// The bot's state.
    state: Option<StoredState>,
    /// The row that holds it.
    row: Option<StoredState>,
    /// Why the state could not be read, if it could not.
    aside: Option<String>,
}

impl Effects {
    /// What came of it: all that was said and asked for.
    fn outcome(&self, state: StateChange, aside: Option<String>) -> TurnResult {
        TurnResult {
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
        std::mem::size_of::<S>() > 0 || self.profile.is_for_open_channels()
    }

    fn turn(
        &self,
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt,
    ) -> Boxed<'_, TurnResult> {
        Box::pin(self.run(context, trigger, state, attempt))
    }

    fn removed(&self, bot: BotRef) -> Boxed<'_, Result> {
        Box::pin(self.bot.removed(bot))
    }
}

/// Runs a handler so that a panic or a hang is an error like any other.
///
/// Not an `async fn`, whose future would have room for the handler twice: as what it is given, and where it awaits it.
pub(crate) fn guarded<T>(
    limit: Duration,
    handler: impl Future<Output = Result<T>> + Send,
) -> impl Future<Output = Result<T>> + Send {
    let handler = AssertUnwindSafe(handler).catch_unwind();
    tokio::time::timeout(limit, handler).map(move |ended| match ended {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => Err(Error::failed(format_args!(
            "the handler took longer than {limit:?}"
        ))),
    })
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
