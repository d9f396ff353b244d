//! The effects of a turn: messages, calls and reminders, and the handles to change its messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::context::EventContext;
use super::handover::Handover;
use crate::event::{Api, ChatId, CommandId, DialogId, MessageId, SessionId};
use crate::handler::{BroadcastOrder, CommandSpec, Error, Profile, Progress, Signer};
use crate::message::{
    ATTACH, Attach, Draft, FILE, FORWARD, InvalidDraft, KEYBOARD, Keyboard, MENU, MESSAGE, Menu,
    REPLY, WHISPER, has_offers, may_be_without_text, sign_offers,
};
use crate::store::{
    Call, CallId, Conversation, EventId, MessageRef, NewReminder, QueuedCall, Redelivery, Reminder,
    ReminderChange, ReminderId, StateChange, Time,
};

/// Maximum number of messages one turn may send, edit or delete, and of reminders it may change.
const EFFECTS_MAX: usize = 1_000;

/// Maximum number of messages that an event sends before its turn ends. They have the indices below
/// those of the turn's calls, because they are sent first.
pub(crate) const EARLY_CALLS_MAX: u16 = 16;

/// Value of a part of a message that removes it.
const REMOVED: &str = "N";

/// Marks a message without an author.
const SYSTEM: &str = "SYSTEM";

/// Parts that only a new message can have.
const NEW_ONLY: [&str; 3] = [REPLY, FORWARD, FILE];

/// What a turn has decided so far. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::handler) struct Effects(Arc<Mutex<Decided>>);

#[derive(Debug)]
struct Decided {
    origin: Origin,
    /// Whether the bot or an operator has the chat, if it is one of an open channel.
    handover: Handover,
    /// Whether the bot's messages in this chat are dropped, because an operator has taken over.
    is_silent: bool,
    /// The calls by their index. A message that is deleted again leaves its index unused.
    calls: Vec<Option<QueuedCall>>,
    reminders: Vec<ReminderChange>,
    /// The parts of the conversation that change.
    parts: Vec<(Conversation, StateChange)>,
    is_refused_press: bool,
    /// The message that shows an answer of this event before the end of its turn.
    streamed: Option<MessageId>,
    /// Number of messages with offers that were sent before the end of the turn.
    sent_early: u16,
    /// Until when the bot pauses in this chat, if it does.
    pause: Option<Option<Time>>,
    /// The first error that fails the turn when the handler returns.
    error: Option<Error>,
}

/// The event and the conversation of a turn, and how its calls are made.
#[derive(Debug)]
pub(in crate::handler) struct Origin {
    pub(super) event: EventId,
    pub(super) at: Time,
    pub(super) conversation: Conversation,
    /// The command that the turn answers, and the message with the command.
    pub(super) answers: Option<(CommandId, MessageId)>,
    /// The API that the bot is registered with.
    pub(super) api: Api,
    pub(super) redelivery: Redelivery,
    /// The commands that the bot is registered with.
    pub(super) commands: Arc<[CommandSpec]>,
    /// The message whose button works once and was pressed.
    pub(super) used_up: Option<MessageId>,
    pub(super) signer: Signer,
}

impl Origin {
    /// Returns the origin of a turn that does not answer a command.
    pub(in crate::handler) fn of(context: &EventContext, profile: &Profile) -> Self {
        Self {
            event: context.id,
            at: context.now,
            conversation: context.conversation.clone(),
            answers: None,
            api: profile.on_api(),
            redelivery: profile.redelivery_mode(),
            commands: Arc::default(),
            used_up: None,
            signer: context.services.signer.clone(),
        }
    }

    /// Signs the offers of a message.
    fn sign(&self, params: &mut Map<String, Value>, to: &Conversation, id: CallId) {
        sign_offers(params, |offer| self.signer.sign(to, id, self.at, offer));
    }

    /// Logs commands of buttons and menu items that are not registered. Such a button does nothing
    /// when it is pressed (protocol/server-behaviour.md 7.2).
    fn check_commands(&self, draft: &Draft) {
        for name in draft.commands() {
            if self.commands.iter().all(|spec| spec.name() != name) {
                tracing::warn!(conversation = %self.conversation, command = name, "a button or menu item sends a command that the bot has not registered, so it will do nothing; add it to `Bot::commands`");
            }
        }
    }
}

impl Effects {
    pub(in crate::handler) fn new(origin: Origin, handover: Handover, is_silent: bool) -> Self {
        Self(Arc::new(Mutex::new(Decided {
            origin,
            handover,
            is_silent,
            calls: Vec::new(),
            reminders: Vec::new(),
            parts: Vec::new(),
            is_refused_press: false,
            streamed: None,
            sent_early: 0,
            pause: None,
            error: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Decided> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message to a chat of this portal.
    pub(in crate::handler) fn say(&self, dialog: DialogId, draft: &Draft) -> MessageHandle {
        let mut decided = self.lock();
        decided.check_parts(draft);
        let answers = decided.origin.answers;
        let is_here = dialog == decided.origin.conversation.dialog;
        let call = Call::Say {
            params: Arc::new(draft.params()),
            answers: answers.filter(|_| is_here),
            remember: false,
        };
        let id = decided.push(Some(dialog), call);
        self.handle(MessageRef::Queued(id))
    }

    /// Sends a message with these parameters to this chat. It was checked before.
    pub(in crate::handler) fn say_params(&self, params: Map<String, Value>) {
        let call = Call::Say {
            params: Arc::new(params),
            answers: None,
            remember: false,
        };
        let mut decided = self.lock();
        let here = decided.origin.conversation.dialog.clone();
        decided.push(Some(here), call);
    }

    /// Checks a message that is sent now, outside the turn.
    ///
    /// # Errors
    /// The limit that the message breaks.
    pub(in crate::handler) fn check(&self, draft: &Draft) -> Result<(), InvalidDraft> {
        let decided = self.lock();
        decided.origin.check_commands(draft);
        draft.check_for(decided.origin.api)
    }

    /// Returns a handle for a message of this or an earlier turn.
    pub(in crate::handler) fn handle(&self, message: MessageRef) -> MessageHandle {
        MessageHandle {
            effects: self.clone(),
            message,
        }
    }

    /// Removes the keyboard whose button works once and was pressed. It is the first call, so that
    /// a later one of this turn can put another keyboard in its place.
    pub(in crate::handler) fn use_up_keyboard(&self) {
        let used_up = self.lock().origin.used_up;
        self.remove_keyboard(used_up);
    }

    /// Removes the keyboard of a message that was sent.
    pub(in crate::handler) fn remove_keyboard(&self, of: Option<MessageId>) {
        let mut decided = self.lock();
        if let Some(message) = of {
            let remove = Map::from_iter([(KEYBOARD.to_owned(), Value::from(REMOVED))]);
            decided.edit(MessageRef::Sent(message), remove);
        }
    }

    /// Changes a part of the conversation.
    pub(in crate::handler) fn set_part(&self, key: Conversation, change: StateChange) {
        let mut decided = self.lock();
        decided.parts.retain(|(known, _)| *known != key);
        decided.parts.push((key, change));
    }

    /// Returns the change of a part, if the turn has changed it.
    pub(in crate::handler) fn part(&self, key: &Conversation) -> Option<StateChange> {
        let decided = self.lock();
        let mut parts = decided.parts.iter();
        parts
            .find(|(known, _)| known == key)
            .map(|(_, change)| change.clone())
    }

    pub(in crate::handler) fn take_parts(&self) -> Vec<(Conversation, StateChange)> {
        std::mem::take(&mut self.lock().parts)
    }

    /// Returns the API that the bot is registered with.
    pub(in crate::handler) fn api(&self) -> Api {
        self.lock().origin.api
    }

    /// Notes the message that shows an answer of this event before the end of its turn.
    pub(in crate::handler) fn set_streamed(&self, message: Option<MessageId>) {
        self.lock().streamed = message;
    }

    /// Replaces the message that shows an answer by the first that the turn sends instead, since
    /// the turn has failed.
    pub(in crate::handler) fn replace_streamed(&self) {
        let mut decided = self.lock();
        let Some(message) = decided.streamed.take() else {
            return;
        };
        let message = MessageRef::Sent(message);
        let remove = (KEYBOARD.to_owned(), Value::from(REMOVED));
        let here = decided.origin.conversation.dialog.clone();
        let first = decided.calls.iter_mut().flatten().find_map(|call| {
            let is_here = call.to.dialog == here;
            match &call.call {
                Call::Say { params, .. } if is_here && can_replace(params) => Some(call),
                _ => None,
            }
        });
        let Some(first) = first else {
            return decided.edit(message, Map::from_iter([remove]));
        };
        if let Call::Say { params, .. } = &first.call {
            let mut params = Map::clone(params);
            params.entry(remove.0).or_insert(remove.1);
            let params = Arc::new(params);
            first.call = Call::Edit { message, params };
        }
    }

    /// Notes that the event was a press that does not count.
    pub(in crate::handler) fn refuse_press(&self) {
        self.lock().is_refused_press = true;
    }

    pub(in crate::handler) fn is_refused_press(&self) -> bool {
        self.lock().is_refused_press
    }

    /// Returns the parameters of a message that is sent now, with its offers signed.
    pub(in crate::handler) fn signed_now(&self, draft: &Draft) -> Map<String, Value> {
        let mut params = draft.params();
        if has_offers(&params) {
            let mut decided = self.lock();
            decided.sent_early += 1;
            let id = CallId {
                event: decided.origin.event,
                index: u16::MAX - decided.sent_early, // no call of the turn has such an index
            };
            let origin = &decided.origin;
            origin.sign(&mut params, &origin.conversation, id);
        }
        params
    }

    /// Sets a reminder in this conversation.
    pub(in crate::handler) fn remind(
        &self,
        reminder: impl FnOnce(ReminderId) -> Reminder,
    ) -> ReminderId {
        let mut decided = self.lock();
        let id = ReminderId {
            event: decided.origin.event,
            index: decided.reminders.len() as u16,
        };
        let to = decided.origin.conversation.clone();
        let reminder = reminder(id);
        decided.change_reminder(ReminderChange::Set(NewReminder { to, reminder }));
        id
    }

    /// Begins a broadcast at the commit: its job is a reminder of its own conversation, due at
    /// once. Returns its index among the reminders, or `None` if there are too many.
    pub(in crate::handler) fn broadcast(
        &self,
        to: Conversation,
        order: &BroadcastOrder,
    ) -> Option<usize> {
        let mut decided = self.lock();
        let index = decided.reminders.len();
        let reminder = Reminder {
            id: ReminderId {
                event: decided.origin.event,
                index: index as u16,
            },
            code: order.bot.code.clone(),
            due: decided.origin.at,
            payload: json!(order),
            person: None,
            every: None,
        };
        decided.change_reminder(ReminderChange::Set(NewReminder { to, reminder }));
        (decided.reminders.len() > index).then_some(index)
    }

    /// Shows the progress of a broadcast of this turn.
    pub(in crate::handler) fn show_progress(&self, index: usize, progress: &Progress) {
        if let Some(ReminderChange::Set(new)) = self.lock().reminders.get_mut(index) {
            new.reminder.payload["progress"] = json!(progress);
        }
    }

    /// Pauses the bot in this chat, until this time or until it is resumed.
    pub(in crate::handler) fn pause(&self, until: Option<Time>) {
        self.lock().pause = Some(until);
    }

    pub(in crate::handler) fn paused(&self) -> Option<Option<Time>> {
        self.lock().pause
    }

    pub(in crate::handler) fn cancel_reminder(&self, reminder: ReminderId) {
        self.lock()
            .change_reminder(ReminderChange::Cancel(reminder));
    }

    /// Hands this chat of an open channel over to an operator, or ends its session.
    pub(in crate::handler) fn hand_over(&self, method: &str, chat: ChatId, params: Value) {
        let (method, params) = session_call(method, chat, params);
        let mut decided = self.lock();
        decided.handover.give_to_operator();
        let call = Call::Rest {
            method: method.into(),
            params: params.into(),
        };
        decided.push(None, call);
    }

    /// Returns whether the bot or an operator has the chat now.
    pub(in crate::handler) fn handover(&self) -> Handover {
        self.lock().handover.clone()
    }

    /// Whether this is known to be a chat of an open channel.
    pub(in crate::handler) fn is_open_channel(&self) -> bool {
        self.lock().handover != Handover::default()
    }

    pub(in crate::handler) fn is_with_operator(&self) -> bool {
        self.lock().handover.is_with_operator()
    }

    pub(in crate::handler) fn session(&self) -> Option<SessionId> {
        self.lock().handover.session()
    }

    /// Fails the turn when the handler returns.
    pub(in crate::handler) fn fail(&self, error: Error) {
        self.lock().error.get_or_insert(error);
    }

    /// Drops all effects, since the turn has failed.
    pub(in crate::handler) fn clear(&self) {
        let mut decided = self.lock();
        decided.calls.clear();
        decided.reminders.clear();
        decided.parts.clear();
        decided.pause = None;
        decided.error = None;
    }

    pub(in crate::handler) fn take_reminders(&self) -> Vec<ReminderChange> {
        std::mem::take(&mut self.lock().reminders)
    }

    /// Takes the first error that fails the turn, such as a message over a limit.
    pub(in crate::handler) fn take_error(&self) -> Option<Error> {
        let mut decided = self.lock();
        decided.check_texts();
        decided.error.take()
    }

    /// Takes the calls to be made.
    pub(in crate::handler) fn take_calls(&self) -> Vec<Arc<QueuedCall>> {
        let mut decided = self.lock();
        let calls = std::mem::take(&mut decided.calls);
        let is_made = |call: &QueuedCall| {
            if decided.is_dropped(call) {
                tracing::info!(conversation = %call.to, call = %call.id, "an operator has taken over; the bot's message is dropped");
                return false;
            }
            true
        };
        let calls = calls.into_iter().flatten().filter(is_made);
        calls.map(Arc::new).collect()
    }
}

impl Decided {
    /// Adds a call about a chat, by default the turn's own. One too many fails the turn.
    fn push(&mut self, dialog: Option<DialogId>, mut call: Call) -> CallId {
        let id = CallId {
            event: self.origin.event,
            index: EARLY_CALLS_MAX + self.calls.len() as u16,
        };
        if self.calls.len() >= EFFECTS_MAX {
            let too_many =
                format_args!("one turn sends, edits or deletes more than {EFFECTS_MAX} messages");
            self.error
                .get_or_insert_with(|| Error::permanent(too_many.to_string()));
            return id;
        }
        let mut to = self.origin.conversation.clone();
        if let Some(dialog) = dialog {
            to.dialog = dialog;
        }
        if let Call::Say { params, .. } | Call::Edit { params, .. } = &mut call
            && has_offers(params)
        {
            self.origin.sign(Arc::make_mut(params), &to, id);
        }
        self.calls.push(Some(QueuedCall {
            id,
            to,
            at: self.origin.at,
            api: self.origin.api,
            redelivery: self.origin.redelivery,
            call,
        }));
        id
    }

    fn change_reminder(&mut self, change: ReminderChange) {
        if self.reminders.len() < EFFECTS_MAX {
            return self.reminders.push(change);
        }
        let too_many = format_args!("one turn changes more than {EFFECTS_MAX} reminders");
        self.error
            .get_or_insert_with(|| Error::permanent(too_many.to_string()));
    }

    fn check(&mut self, checked: Result<(), InvalidDraft>) {
        if let Err(oversized) = checked {
            self.error.get_or_insert(oversized.into());
        }
    }

    /// Checks the parts of a message, or of a change of one.
    fn check_parts(&mut self, draft: &Draft) {
        self.check(draft.check_parts(self.origin.api));
        self.origin.check_commands(draft);
    }

    /// Checks that each message of this turn has a text, or something in place of it.
    fn check_texts(&mut self) {
        let is_empty = |call: &QueuedCall| match &call.call {
            Call::Say { params, .. } => {
                let text = params
                    .get(MESSAGE)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                text.trim().is_empty() && !may_be_without_text(params, call.api)
            }
            _ => false,
        };
        if self.calls.iter().flatten().any(is_empty) {
            self.check(Err(InvalidDraft::NoText));
        }
    }

    /// Changes a message: before it is sent, if this turn sends it, otherwise by an edit.
    fn change(&mut self, message: MessageRef, mut changes: Map<String, Value>) {
        if has_offers(&changes) {
            self.sign_change(message, &mut changes);
        }
        if let Some(params) = self.params_of(message) {
            changes.shift_remove(SYSTEM); // stays as the message was begun
            params.extend(changes);
            return;
        }
        if NEW_ONLY.iter().any(|name| changes.contains_key(*name)) {
            let why = "only a new message can be a reply, forward messages or have a file";
            self.error.get_or_insert_with(|| Error::permanent(why));
            return;
        }
        let is_empty = |text: &Value| text.as_str().is_some_and(|text| text.trim().is_empty());
        if changes.get(MESSAGE).is_some_and(is_empty) {
            // The portal would delete the message.
            changes.shift_remove(MESSAGE);
            if changes.is_empty() {
                self.check(Err(InvalidDraft::NoText));
                return;
            }
        }
        self.edit(message, changes);
    }

    /// Signs the offers of a change. They are bound to the message if this turn sends it, otherwise
    /// to the edit, as the next call.
    fn sign_change(&mut self, message: MessageRef, changes: &mut Map<String, Value>) {
        let next = CallId {
            event: self.origin.event,
            index: EARLY_CALLS_MAX + self.calls.len() as u16,
        };
        let is_edit = |call: &&QueuedCall| call.call.message() == Some(message);
        let edit = self.calls.iter().flatten().find(is_edit);
        let edit = edit.map_or(next, |call| call.id);
        let (id, to) = match self.sending(message) {
            Some(Some(call)) => (call.id, call.to.clone()),
            _ => (edit, self.origin.conversation.clone()),
        };
        self.origin.sign(changes, &to, id);
    }

    /// Whether a call is a message to a client whose chat an operator has taken over.
    fn is_dropped(&self, call: &QueuedCall) -> bool {
        let is_here = call.to.dialog == self.origin.conversation.dialog;
        let is_for_client =
            matches!(&call.call, Call::Say { params, .. } if !params.contains_key(WHISPER));
        self.is_silent && is_here && is_for_client
    }

    /// Returns the call that sends this message, if it is one of this turn.
    fn sending(&mut self, message: MessageRef) -> Option<&mut Option<QueuedCall>> {
        match message {
            MessageRef::Queued(id) if id.event == self.origin.event => {
                let index = id.index.checked_sub(EARLY_CALLS_MAX)?;
                self.calls.get_mut(usize::from(index))
            }
            _ => None,
        }
    }

    /// Returns the parameters of this message, if it is one of this turn.
    fn params_of(&mut self, message: MessageRef) -> Option<&mut Map<String, Value>> {
        match self.sending(message)?.as_mut() {
            Some(QueuedCall {
                call: Call::Say { params, .. },
                ..
            }) => Some(Arc::make_mut(params)),
            _ => None,
        }
    }

    /// Adds to the edit that this turn makes of a message.
    fn edit(&mut self, of: MessageRef, changes: Map<String, Value>) {
        let edit = self
            .calls
            .iter_mut()
            .flatten()
            .find_map(|it| match &mut it.call {
                Call::Edit { message, params } if *message == of => Some(params),
                _ => None,
            });
        match edit {
            Some(params) => Arc::make_mut(params).extend(changes),
            None => {
                let (message, params) = (of, changes.into());
                self.push(None, Call::Edit { message, params });
            }
        }
    }
}

/// Whether a message can take the place of one that was sent.
fn can_replace(params: &Map<String, Value>) -> bool {
    let is_only_new = |name: &&str| params.contains_key(*name);
    !params.contains_key(WHISPER)
        && !params.contains_key(SYSTEM)
        && !NEW_ONLY.iter().any(is_only_new)
}

/// A handle to change or delete a message of the bot.
///
/// Within the turn that sent it, a change is made before the message is sent. Keep a
/// [`reference`](MessageHandle::reference) in the state to change the message in a later turn, with
/// [`Context::message`](crate::handler::Context::message).
///
/// ```
/// use imbot::prelude::*;
///
/// struct Counter;
///
/// impl Bot<Option<MessageRef>> for Counter {
///     async fn message(&self, cx: &mut Context<Option<MessageRef>>, message: Message) -> Result {
///         if let Some(last) = cx.state.take() {
///             cx.message(last).delete();
///         }
///         let answer = cx.say("Pick one.").keyboard(Button::send("Again", "again"));
///         cx.state = Some(answer.reference());
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct MessageHandle {
    effects: Effects,
    message: MessageRef,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "the change is made whether or not the handle is used"
)]
impl MessageHandle {
    /// Puts a keyboard under the message.
    pub fn keyboard(self, keyboard: impl Into<Keyboard>) -> Self {
        self.add(&Draft::default().keyboard(keyboard))
    }

    /// Attaches blocks.
    pub fn attach(self, attach: impl Into<Attach>) -> Self {
        self.add(&Draft::default().attach(attach))
    }

    /// Sets the message's menu.
    pub fn menu(self, menu: Menu) -> Self {
        self.add(&Draft::default().menu(menu))
    }

    /// Shows the message as a reply to another one of the same chat, which is quoted above it
    /// ([`Draft::reply_to`]). Only for a message of this turn; otherwise the turn fails.
    pub fn reply_to(self, message: MessageId) -> Self {
        self.add(&Draft::default().reply_to(message))
    }

    /// Removes the keyboard.
    pub fn without_keyboard(self) -> Self {
        self.remove(KEYBOARD)
    }

    /// Removes the attachment.
    pub fn without_attach(self) -> Self {
        self.remove(ATTACH)
    }

    /// Removes the menu.
    pub fn without_menu(self) -> Self {
        self.remove(MENU)
    }

    /// Replaces the text, and the keyboard, the attachment and the menu if the draft has them.
    ///
    /// A text that is empty stays as it was. For a whisper give a whisper: the portal does not
    /// document whether the client sees other edits of it.
    pub fn edit(self, draft: impl Into<Draft>) -> Self {
        let draft = draft.into();
        let mut decided = self.effects.lock();
        decided.check_parts(&draft);
        decided.change(self.message, draft.params());
        drop(decided);
        self
    }

    /// Deletes the message. A message of this turn is not sent.
    pub fn delete(self) {
        let mut decided = self.effects.lock();
        let message = self.message;
        match decided.sending(message) {
            Some(call) => *call = None,
            None => {
                decided.push(None, Call::Delete { message });
            }
        }
    }

    /// Returns a reference that stays valid after the turn. Keep it in the state to change the
    /// message later.
    pub fn reference(&self) -> MessageRef {
        let mut decided = self.effects.lock();
        if let Some(Some(QueuedCall {
            call: Call::Say { remember, .. },
            ..
        })) = decided.sending(self.message)
        {
            *remember = true;
        }
        self.message
    }

    /// Adds a part to the message. The text stays.
    fn add(self, part: &Draft) -> Self {
        let mut decided = self.effects.lock();
        decided.check_parts(part);
        let mut changes = part.params();
        changes.shift_remove(MESSAGE);
        decided.change(self.message, changes);
        drop(decided);
        self
    }

    /// Removes a part of the message.
    fn remove(self, part: &str) -> Self {
        let mut decided = self.effects.lock();
        match decided.params_of(self.message) {
            Some(params) => {
                params.shift_remove(part);
            }
            None => {
                let remove = Map::from_iter([(part.to_owned(), Value::from(REMOVED))]);
                decided.edit(self.message, remove);
            }
        }
        drop(decided);
        self
    }
}

/// Returns the method and the parameters that hand a session over or end it.
fn session_call(method: &str, chat: ChatId, params: Value) -> (String, Map<String, Value>) {
    let mut all = Map::new();
    all.insert("CHAT_ID".to_owned(), json!(chat));
    if let Value::Object(params) = params {
        all.extend(params);
    }
    (format!("imopenlines.bot.session.{method}"), all)
}
