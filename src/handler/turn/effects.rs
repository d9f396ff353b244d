//! What a turn says, and the handle by which it can still be changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::handover::Handover;
use crate::event::{Api, ChatId, CommandId, DialogId, MessageId, SessionId};
use crate::handler::{Error, open_channel};
use crate::message::{Attach, Draft, Keyboard, Menu};
use crate::store::{
    Call, CallId, Conversation, EventId, MessageRef, QueuedCall, Redelivery, ReminderChange, Time,
};

/// What a turn has said so far, and asked to be reminded of.
#[derive(Clone, Debug)]
pub(in crate::handler) struct Effects(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    place: Origin,
    /// Who has the floor, where this is the chat of an open channel.
    handover: Handover,
    /// Whether the bot has nothing to say in this chat, since people have taken it over.
    is_silent: bool,
    steps: Vec<Effect>,
    reminders: Vec<ReminderChange>,
    wrong: Option<Error>,
}

/// Where and when a turn speaks.
#[derive(Debug)]
pub(in crate::handler) struct Origin {
    pub(in crate::handler) event: EventId,
    pub(in crate::handler) at: Time,
    pub(in crate::handler) here: Conversation,
    /// The command that is answered.
    pub(in crate::handler) answers: Option<(CommandId, MessageId)>,
    /// By which generation of the bot platform.
    pub(in crate::handler) api: Api,
    /// What becomes of a message that may have been sent.
    pub(in crate::handler) redelivery: Redelivery,
}

/// One thing said, changed or deleted. Its place is its number, so it stays even if it comes to nothing.
#[derive(Debug)]
enum Effect {
    Say {
        dialog: DialogId,
        draft: Draft,
        remember: bool,
    },
    Edit {
        message: MessageRef,
        params: Map<String, Value>,
    },
    Delete {
        message: MessageRef,
    },
    Rest {
        method: String,
        params: Map<String, Value>,
    },
    Nothing,
}

impl Effects {
    pub(in crate::handler) fn new(place: Origin, handover: Handover, is_silent: bool) -> Effects {
        Effects(Arc::new(Mutex::new(Inner {
            place,
            handover,
            is_silent,
            steps: Vec::new(),
            reminders: Vec::new(),
            wrong: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::handler) fn say(&self, dialog: DialogId, draft: Draft) -> MessageHandle {
        let mut inner = self.lock();
        inner.check(&draft);
        let id = CallId {
            event: inner.place.event,
            index: inner.steps.len() as u16,
        };
        inner.push(Effect::Say {
            dialog,
            draft,
            remember: false,
        });
        MessageHandle {
            turn: self.clone(),
            message: MessageRef::Queued(id),
        }
    }

    pub(in crate::handler) fn said(&self, message: MessageRef) -> MessageHandle {
        MessageHandle {
            turn: self.clone(),
            message,
        }
    }

    /// Sets or cancels a reminder, by what is told its place among the turn's.
    pub(in crate::handler) fn remind<T>(
        &self,
        change: impl FnOnce(u16) -> (ReminderChange, T),
    ) -> T {
        let mut inner = self.lock();
        let (change, told) = change(inner.reminders.len() as u16);
        if inner.reminders.len() < EFFECTS_MAX {
            inner.reminders.push(change);
        } else {
            let too_many = format_args!("one turn changes more than {EFFECTS_MAX} reminders");
            inner.wrong.get_or_insert_with(|| Error::failed(too_many));
        }
        told
    }

    /// Gives the floor in this chat of an open channel to people, or ends its session.
    pub(in crate::handler) fn hand_over(&self, method: &str, chat: ChatId, params: Value) {
        let (method, params) = open_channel::session_call(method, chat, params);
        let mut inner = self.lock();
        inner.handover.give_away();
        inner.push(Effect::Rest { method, params });
    }

    /// Who has the floor by now.
    pub(in crate::handler) fn handover(&self) -> Handover {
        self.lock().handover.clone()
    }

    /// Whether this is the chat of an open channel, as far as the floor tells.
    pub(in crate::handler) fn is_on_line(&self) -> bool {
        self.lock().handover != Handover::default()
    }

    pub(in crate::handler) fn is_with_operator(&self) -> bool {
        self.lock().handover.is_with_operator()
    }

    pub(in crate::handler) fn session(&self) -> Option<SessionId> {
        self.lock().handover.session()
    }

    /// Fails the turn, once the handler returns.
    pub(in crate::handler) fn fail(&self, error: Error) {
        self.lock().wrong.get_or_insert(error);
    }

    /// Forgets what was said: the turn has failed.
    pub(in crate::handler) fn clear(&self) {
        let mut inner = self.lock();
        inner.steps.clear();
        inner.reminders.clear();
        inner.wrong = None;
    }

    /// What the turn changes about reminders.
    pub(in crate::handler) fn reminders(&self) -> Vec<ReminderChange> {
        std::mem::take(&mut self.lock().reminders)
    }

    /// The first thing said that the portal would not take.
    pub(in crate::handler) fn wrong(&self) -> Option<Error> {
        self.lock().wrong.take()
    }

    /// What was said, as calls.
    pub(in crate::handler) fn calls(&self) -> Vec<Arc<QueuedCall>> {
        let mut inner = self.lock();
        let steps = std::mem::take(&mut inner.steps);
        let (place, is_silent) = (&inner.place, inner.is_silent);
        let calls = steps.into_iter().enumerate().filter_map(|(index, step)| {
            let id = CallId {
                event: place.event,
                index: index as u16,
            };
            let mut to = place.here.clone();
            let call = match step {
                Effect::Say { dialog, draft, .. }
                    if is_silent && dialog == to.dialog && !draft.is_whisper() =>
                {
                    tracing::info!(conversation = %to, call = %id, "people have taken the chat over, so the bot says nothing");
                    return None;
                }
                Effect::Say {
                    dialog,
                    draft,
                    remember,
                } => {
                    let answers = place.answers.filter(|_| dialog == to.dialog);
                    to.dialog = dialog;
                    Call::Say {
                        params: draft.params(),
                        answers,
                        remember,
                    }
                }
                Effect::Edit { message, params } => Call::Edit { message, params },
                Effect::Delete { message } => Call::Delete { message },
                Effect::Rest { method, params } => Call::Rest { method, params },
                Effect::Nothing => return None,
            };
            Some(Arc::new(QueuedCall {
                id,
                to,
                at: place.at,
                api: place.api,
                redelivery: place.redelivery,
                call,
            }))
        });
        calls.collect()
    }
}

/// The most things that one turn may say, change or delete.
const EFFECTS_MAX: usize = 1_000;

impl Inner {
    /// Adds a step; one too many fails the turn.
    fn push(&mut self, step: Effect) {
        if self.steps.len() < EFFECTS_MAX {
            return self.steps.push(step);
        }
        let too_many = format_args!("one turn says or changes more than {EFFECTS_MAX} messages");
        self.wrong.get_or_insert_with(|| Error::failed(too_many));
    }

    fn check(&mut self, draft: &Draft) {
        if let Err(wrong) = draft.check() {
            self.wrong.get_or_insert(wrong.into());
        }
    }

    /// The step that makes this message, if it is one of this turn's.
    fn own(&mut self, message: MessageRef) -> Option<&mut Effect> {
        match message {
            MessageRef::Queued(id) if id.event == self.place.event => {
                self.steps.get_mut(id.index as usize)
            }
            _ => None,
        }
    }
}

/// A message that was said: a handle to finish, change or delete it.
///
/// Within the turn that said it, a change is made before the message is sent. [`reference`](Said::reference) can be kept
/// in the state, for [`Context::said`](crate::handler::Context::said) in a later turn.
#[derive(Clone, Debug)]
pub struct MessageHandle {
    turn: Effects,
    message: MessageRef,
}

impl MessageHandle {
    /// Puts a keyboard under it.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the change is made, used or not"
    )]
    pub fn keyboard(self, keyboard: impl Into<Keyboard>) -> MessageHandle {
        let keyboard = keyboard.into();
        self.change(keyboard.check(), |draft| draft.keyboard(keyboard))
    }

    /// Attaches blocks.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the change is made, used or not"
    )]
    pub fn attach(self, attach: impl Into<Attach>) -> MessageHandle {
        let attach = attach.into();
        self.change(attach.check(), |draft| draft.attach(attach))
    }

    /// Adds items to its menu.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the change is made, used or not"
    )]
    pub fn menu(self, menu: Menu) -> MessageHandle {
        self.change(menu.check(), |draft| draft.menu(menu))
    }

    /// Takes its keyboard away.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the change is made, used or not"
    )]
    pub fn without_keyboard(self) -> MessageHandle {
        self.edit_params(
            [("KEYBOARD".to_owned(), Value::from("N"))]
                .into_iter()
                .collect(),
        );
        self
    }

    /// Gives it another text, and another keyboard, attachment and menu where the draft has them.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the change is made, used or not"
    )]
    pub fn edit(self, draft: impl Into<Draft>) -> MessageHandle {
        let draft = draft.into();
        {
            let mut inner = self.turn.lock();
            inner.check(&draft);
            if let Some(Effect::Say { draft: own, .. }) = inner.own(self.message) {
                *own = std::mem::take(own).edited(draft);
                drop(inner);
                return self;
            }
        }
        self.edit_params(draft.params());
        self
    }

    /// Deletes it.
    pub fn delete(self) {
        let mut inner = self.turn.lock();
        let message = self.message;
        match inner.own(message) {
            Some(step) => *step = Effect::Nothing,
            None => inner.push(Effect::Delete { message }),
        }
    }

    /// A reference that outlives the turn: keep it in the state to change the message later.
    pub fn reference(&self) -> MessageRef {
        let mut inner = self.turn.lock();
        if let Some(Effect::Say { remember, .. }) = inner.own(self.message) {
            *remember = true;
        }
        self.message
    }

    fn change(
        self,
        check: Result<(), crate::message::Oversized>,
        change: impl FnOnce(Draft) -> Draft,
    ) -> MessageHandle {
        let mut inner = self.turn.lock();
        if let Err(wrong) = check {
            inner.wrong.get_or_insert(wrong.into());
        }
        if let Some(Effect::Say { draft, .. }) = inner.own(self.message) {
            *draft = change(std::mem::take(draft));
            drop(inner);
        } else {
            drop(inner);
            let mut params = change(Draft::default()).params();
            params.remove("MESSAGE"); // what is left out stays
            self.edit_params(params);
        }
        self
    }

    /// Adds to the edit that this turn makes of the message.
    fn edit_params(&self, changes: Map<String, Value>) {
        let mut inner = self.turn.lock();
        let of_this = |step: &&mut Effect| matches!(step, Effect::Edit { message, .. } if *message == self.message);
        match inner.steps.iter_mut().find(of_this) {
            Some(Effect::Edit { params, .. }) => params.extend(changes),
            _ => inner.push(Effect::Edit {
                message: self.message,
                params: changes,
            }),
        }
    }
}
