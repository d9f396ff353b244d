//! The input of a turn and its result.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::event::{BotRef, Chat, ChatEventKind, Delivery, SessionChange, User, UserId};
use crate::handler::{AnyMiddleware, BroadcastNames, Error, Role, RunningAnswers, Signer};
use crate::message::FormAnswer;
use crate::portal::Portal;
use crate::store::{
    Conversation, EventId, QueuedCall, Reminder, ReminderChange, StateChange, Store, Time,
};

/// What turns use beside their event.
#[derive(Debug)]
pub(crate) struct TurnServices {
    /// Holds the parts of conversations, which only some turns need.
    pub(crate) store: Arc<dyn Store>,
    /// Signs the offers of buttons.
    pub(crate) signer: Signer,
    /// The answers that grow at this moment.
    pub(crate) answers: Arc<RunningAnswers>,
}

/// Where, when and by whom an event happened.
#[derive(Clone, Debug)]
pub(crate) struct EventContext {
    pub(crate) id: EventId,
    pub(crate) now: Time,
    pub(crate) attempt: u32,
    pub(crate) conversation: Conversation,
    pub(crate) bot: BotRef,
    pub(crate) chat: Chat,
    pub(crate) user: Option<User>,
    pub(crate) sender: Option<UserId>,
    pub(crate) language: Option<String>,
    /// The event as the portal delivered it. `None` for a reminder.
    pub(crate) delivery: Option<Delivery>,
    pub(crate) portal: Portal,
    pub(crate) services: Arc<TurnServices>,
    /// The answer to a question of a form, if its button was pressed.
    pub(crate) form_answer: Option<FormAnswer>,
    /// The person whose own state this turn has. `None` if it has that of the chat.
    pub(crate) person: Option<UserId>,
    /// The role of the sender in a chat of an open channel.
    pub(crate) role: Option<Role>,
    /// The names of broadcasts. `None` where no turn runs.
    pub(crate) broadcasts: Option<BroadcastNames>,
    /// Whether the bot is paused in this chat: it gets nothing, and only who has the chat of an
    /// open channel is followed.
    pub(crate) is_paused: bool,
}

impl EventContext {
    /// Returns a context with these parts. The caller fills in the chat, the sender, the time and
    /// the attempt.
    pub(crate) fn new(
        id: EventId,
        conversation: Conversation,
        bot: BotRef,
        portal: Portal,
        services: Arc<TurnServices>,
    ) -> Self {
        Self {
            id,
            now: Time(0),
            attempt: 1,
            conversation,
            bot,
            chat: Chat::default(),
            user: None,
            sender: None,
            language: None,
            delivery: None,
            portal,
            services,
            form_answer: None,
            person: None,
            role: None,
            broadcasts: None,
            is_paused: false,
        }
    }
}

/// The event that a turn handles.
#[derive(Clone, Debug)]
pub(crate) enum Trigger {
    Chat(ChatEventKind),
    Reminder(Reminder),
    Session(SessionChange),
    /// A message with these parameters that the program sends from outside of a turn.
    Say(Map<String, Value>),
}

impl Trigger {
    /// Whether a person did something and may wait for an answer.
    pub(crate) fn is_from_person(&self) -> bool {
        match self {
            Self::Chat(what) => matches!(
                what,
                ChatEventKind::Message(_) | ChatEventKind::Command(_) | ChatEventKind::Opened(_)
            ),
            Self::Reminder(_) | Self::Session(_) | Self::Say(_) => false,
        }
    }
}

/// How a turn is run.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// Maximum duration of the handler.
    pub(crate) limit: Duration,
    /// Whether this is the last attempt. After it, the user gets an answer about the failure.
    pub(crate) is_last: bool,
    /// Whether the user gets a notice that the answer takes longer, if this attempt fails: the next
    /// one is the first after a long pause.
    pub(crate) announces_delay: bool,
    /// The program's middleware, outermost first.
    pub(crate) middleware: &'a [Arc<dyn AnyMiddleware>],
}

/// The result of a turn, to be committed.
#[derive(Debug)]
pub(crate) struct TurnResult {
    pub(crate) state: StateChange,
    /// The parts of the conversation that change.
    pub(crate) parts: Vec<(Conversation, StateChange)>,
    /// Whether the event was a press that does not count.
    pub(crate) is_refused_press: bool,
    /// Why the stored state could not be read. It is quarantined.
    pub(crate) unreadable_state: Option<String>,
    pub(crate) calls: Vec<Arc<QueuedCall>>,
    pub(crate) reminders: Vec<ReminderChange>,
    /// Whether middleware ended the turn before the bot got it.
    pub(crate) is_without_bot: bool,
    /// Until when the bot pauses in this chat: outer `None` if it does not, inner `None` until
    /// somebody resumes it.
    pub(crate) pause: Option<Option<Time>>,
    /// The failure of the turn. Then `calls` are the answer about it, or the notice that the answer
    /// takes longer.
    pub(crate) error: Option<Error>,
}
