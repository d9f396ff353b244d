//! What tests and programs in this process do on the portal: the same acts as the web chat's.

pub(super) mod clients;
pub(super) mod faults;
pub(super) mod lines;
pub(super) mod operators;
pub(super) mod tasks;

use serde_json::Value;
use std::sync::Arc;
use tokio::sync::oneshot;

use super::actions::{Like, NewChat};
use super::events::samples::sample;
use super::feed::Feed;
use super::install::{Credentials, NewApp};
use super::refusal::Refusal;
use super::serve::Emulator;
use super::view;
use super::world::bot::Bot;
use super::world::chat::ChatType;
use super::world::user::User;

/// Who installs applications: the first of the people.
const ADMIN: u64 = 1;

/// Applications.
impl Emulator {
    /// Makes a local application; it gets nothing until it is installed.
    pub fn register_app(&self, app: NewApp) -> Credentials {
        self.portal.act(ADMIN, |tx| tx.register_app(app))
    }

    /// Installs an application and waits until its handler has answered `ONAPPINSTALL`, or has not.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND`.
    pub async fn install(&self, client_id: &str) -> Result<(), Refusal> {
        let (done, answered) = oneshot::channel();
        self.portal
            .act(ADMIN, |tx| tx.install(client_id, Some(done)))?;
        let _ = answered.await;
        Ok(())
    }

    /// Removes an application: its bots are told first, then `ONAPPUNINSTALL` goes to whoever bound it.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND`.
    pub fn uninstall(&self, client_id: &str, clean: bool) -> Result<(), Refusal> {
        self.portal.act(ADMIN, |tx| tx.uninstall(client_id, clean))
    }

    /// Sends any event to all who have bound it, as the administrator; the answer is how many that are. For those who
    /// have bound it with `event_type=offline` it is kept until they fetch it. [`Emulator::sample`] has data for each.
    pub fn fire(&self, event: &str, data: &Value) -> usize {
        self.portal.act(ADMIN, |tx| tx.fire_to_all(event, data))
    }

    /// What an event of this name may carry, as the samples of the documentation do.
    pub fn sample(&self, event: &str) -> Value {
        sample(event)
    }

    /// The inbound webhook every portal is born with, as it is pasted into settings.
    pub fn webhook_url(&self) -> String {
        self.portal.read(|world| world.webhook_url())
    }
}

/// People in the chat. `as_user` is who acts, `dialog` is written as that person writes it.
impl Emulator {
    /// Says something; a private dialog that was never opened is opened by it. The answer is the message's id.
    ///
    /// # Errors
    ///
    /// `MESSAGE_EMPTY`, or a dialog the person has no access to.
    pub fn send(&self, as_user: u64, dialog: &str, text: &str) -> Result<u64, Refusal> {
        self.portal.act(as_user, |tx| tx.send(dialog, text))
    }

    /// Gives a message of the person another text.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`.
    pub fn edit(&self, as_user: u64, message: u64, text: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.edit(message, text))
    }

    /// Deletes a message of the person.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR`, `CANT_EDIT_MESSAGE`.
    pub fn delete(&self, as_user: u64, message: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.delete(message, false))
    }

    /// Presses the button at this place of a message's keyboard, line breaks counted.
    ///
    /// # Errors
    ///
    /// `COMMAND_ERROR` when there is no button with a command.
    pub fn press(&self, as_user: u64, message: u64, button: usize) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.press(message, button))
    }

    /// Picks the item at this place of a message's menu.
    ///
    /// # Errors
    ///
    /// `COMMAND_ERROR` when there is no item with a command.
    pub fn pick(&self, as_user: u64, message: u64, item: usize) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.pick(message, item))
    }

    /// Likes a message, or no longer.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR`.
    pub fn like(&self, as_user: u64, message: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.like(message, Like::Toggle))
    }

    /// Sets a reaction of the person, such as `fire`, in the place of the one before.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR`, `REACTION_NOT_FOUND` for a code that does not exist, `REACTION_ALREADY_SET`.
    pub fn react(&self, as_user: u64, message: u64, reaction: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.react(message, reaction))
    }

    /// Takes a reaction of the person back.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR`, `REACTION_NOT_FOUND`.
    pub fn unreact(&self, as_user: u64, message: u64, reaction: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.unreact(message, reaction))
    }

    /// Opens the dialog with a bot through a link that carries a context, as `?IM_DIALOG=…&BOT_CONTEXT=…` does.
    ///
    /// # Errors
    ///
    /// `BOT_NOT_FOUND` when there is no such bot.
    pub fn open_with_context(
        &self,
        as_user: u64,
        bot: u64,
        context: &Value,
    ) -> Result<String, Refusal> {
        self.portal
            .act(as_user, |tx| tx.open_with_context(bot, context))
    }

    /// Opens the private dialog with a user; a bot is told of it the first time.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` when there is no such user.
    pub fn open(&self, as_user: u64, user: u64) -> Result<String, Refusal> {
        self.portal
            .act(as_user, |tx| tx.private_chat(user))
            .map(|_| user.to_string())
    }

    /// Makes a group and answers with its dialog id, such as `chat7`.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` when a member does not exist.
    pub fn group(&self, as_user: u64, title: &str, members: &[u64]) -> Result<String, Refusal> {
        let new = NewChat {
            kind: ChatType::Group,
            title: title.to_owned(),
            members: members.to_vec(),
        };
        self.portal
            .act(as_user, |tx| tx.create_group(new))
            .map(|chat| format!("chat{}", chat.id))
    }

    /// Brings a user into a group.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` when the person is not in it.
    pub fn invite(&self, as_user: u64, dialog: &str, user: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| {
            tx.chat_at(dialog)
                .and_then(|chat| tx.invite(chat.id, &[user]))
        })
    }

    /// Takes a user out of a group, oneself or another.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` when the person is not in it or may not.
    pub fn remove(&self, as_user: u64, dialog: &str, user: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| {
            tx.chat_at(dialog)
                .and_then(|chat| tx.remove_member(chat.id, user))
        })
    }

    /// The portal as this person sees it: the object that the web chat begins with.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` when there is no such person.
    pub fn state(&self, as_user: u64) -> Result<Value, Refusal> {
        self.portal.read(|world| view::state(world, as_user))
    }

    /// The id of the person with this first name.
    pub fn person(&self, first_name: &str) -> Option<u64> {
        let fits = |user: &&User| user.is_person() && user.first_name == first_name;
        self.portal
            .read(|world| Some(world.users.values().find(fits)?.id))
    }

    /// The id of the bot with this code.
    pub fn bot(&self, code: &str) -> Option<u64> {
        let named = |bot: &Bot| bot.code == code;
        self.portal.read(|world| {
            Some(
                world
                    .users
                    .values()
                    .find(|user| user.bot.as_ref().is_some_and(named))?
                    .id,
            )
        })
    }

    /// The last messages of a dialog, oldest first, as the web chat reads them.
    pub fn history(&self, as_user: u64, dialog: &str) -> Vec<Value> {
        let piece = self
            .portal
            .read(|world| view::history(world, as_user, dialog, u64::MAX));
        piece
            .ok()
            .and_then(|mut piece| piece["messages"].as_array_mut().map(std::mem::take))
            .unwrap_or_default()
    }

    /// What happens from now on, as this person sees it.
    pub fn subscribe(&self, as_user: u64) -> Feed {
        Feed::new(Arc::clone(&self.portal), as_user)
    }

    /// The wire log, newest last: every event sent and every call received, tokens shortened.
    pub fn traffic_log(&self) -> Vec<Value> {
        self.portal
            .traffic
            .entries()
            .iter()
            .map(|entry| (**entry).clone())
            .collect()
    }
}
