//! The Rust API for tests and programs in this process: applications, and people in the chat.

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
use super::placement::open_app;
use super::refusal::{Refusal, no_user};
use super::serve::Emulator;
use super::view;
use super::world::bot::Bot;
use super::world::chat::ChatType;
use super::world::user::User;

/// The administrator, who installs applications.
const ADMIN: u64 = 1;

/// Applications.
impl Emulator {
    /// Registers a local application; it gets no events until it is installed.
    pub fn register_app(&self, app: NewApp) -> Credentials {
        self.portal.act(ADMIN, |tx| tx.register_app(app))
    }

    /// Installs an application and waits until its handler has answered `ONAPPINSTALL` or failed
    /// to.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND` if there is no such application.
    pub async fn install(&self, client_id: &str) -> Result<(), Refusal> {
        let (done, answered) = oneshot::channel();
        self.portal
            .act(ADMIN, |tx| tx.install(client_id, Some(done)))?;
        let _ = answered.await;
        Ok(())
    }

    /// Installs a new version of an application, which removes its bindings, and waits until its
    /// handler has answered `ONAPPUPDATE` or failed to.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND` if there is no such application.
    pub async fn update_app(&self, client_id: &str) -> Result<(), Refusal> {
        let (done, answered) = oneshot::channel();
        self.portal
            .act(ADMIN, |tx| tx.update_app(client_id, Some(done)))?;
        let _ = answered.await;
        Ok(())
    }

    /// Removes an application: its bots are removed first, then `ONAPPUNINSTALL` is sent to its
    /// subscriptions.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND` if there is no such application.
    pub fn uninstall(&self, client_id: &str, clean: bool) -> Result<(), Refusal> {
        self.portal.act(ADMIN, |tx| tx.uninstall(client_id, clean))
    }

    /// Opens the page of an application, its installation page before it is installed, and returns
    /// the status and the body of its answer. The form has new tokens of this person.
    ///
    /// # Errors
    ///
    /// `APPLICATION_NOT_FOUND` if there is no such application, `PLACEMENT_UNREACHABLE` if its page
    /// does not answer.
    pub async fn open_app(&self, as_user: u64, client_id: &str) -> Result<(u16, String), Refusal> {
        open_app(&self.portal, as_user, client_id).await
    }

    /// Makes a person an administrator. Ann (1) is one from the start.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` for an unknown user.
    pub fn make_admin(&self, user: u64) -> Result<(), Refusal> {
        self.change_user(user, |user| user.is_admin = true)
    }

    /// Dismisses a person: calls with that person's tokens are refused with `authorization_error`.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` for an unknown user.
    pub fn dismiss(&self, user: u64) -> Result<(), Refusal> {
        self.change_user(user, |user| user.is_dismissed = true)
    }

    fn change_user(&self, id: u64, change: impl FnOnce(&mut User)) -> Result<(), Refusal> {
        self.portal.act(ADMIN, |tx| {
            let user = tx.world.users.get_mut(&id).ok_or_else(|| no_user(id))?;
            change(user);
            Ok(())
        })
    }

    /// Sends any event to all subscriptions to it, as the administrator, and returns their number.
    /// For subscriptions with `event_type=offline` it is stored until it is fetched.
    /// [`Emulator::sample`] returns data for each event.
    pub fn fire(&self, event: &str, data: &Value) -> usize {
        self.portal.act(ADMIN, |tx| tx.fire_to_all(event, data))
    }

    /// Returns sample data for an event, as in the documentation.
    pub fn sample(&self, event: &str) -> Value {
        sample(event)
    }

    /// Returns the URL of the inbound webhook that every portal has, in the form used in settings.
    pub fn webhook_url(&self) -> String {
        self.portal.read(|world| world.webhook_url())
    }
}

/// People in the chat. `as_user` acts; `dialog` is the dialog id as that person writes it.
impl Emulator {
    /// Sends a message and returns its id. A private dialog is created if needed.
    ///
    /// # Errors
    ///
    /// `MESSAGE_EMPTY` for a blank text, `USER_ID_EMPTY` for an unknown user, `ACCESS_ERROR` for a
    /// dialog without access.
    pub fn send(&self, as_user: u64, dialog: &str, text: &str) -> Result<u64, Refusal> {
        self.portal.act(as_user, |tx| tx.send(dialog, text))
    }

    /// Changes the text of a message of the person.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `CANT_EDIT_MESSAGE` if the person may not
    /// change it.
    pub fn edit(&self, as_user: u64, message: u64, text: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.edit(message, text))
    }

    /// Deletes a message of the person.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `CANT_EDIT_MESSAGE` if the person may not
    /// change it.
    pub fn delete(&self, as_user: u64, message: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.delete(message, false))
    }

    /// Presses the button at this index of a message's keyboard; line breaks count.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `COMMAND_ERROR` if there is no button with a
    /// command.
    pub fn press(&self, as_user: u64, message: u64, button: usize) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.press(message, button))
    }

    /// Presses the item at this index of a message's menu.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `COMMAND_ERROR` if there is no item with a
    /// command.
    pub fn pick(&self, as_user: u64, message: u64, item: usize) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.pick(message, item))
    }

    /// Sets or removes a like of the person.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message.
    pub fn like(&self, as_user: u64, message: u64) -> Result<(), Refusal> {
        self.portal
            .act(as_user, |tx| tx.like(message, Like::Toggle))
    }

    /// Sets a reaction of the person, such as `fire`; it replaces an earlier one.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `REACTION_NOT_FOUND` for an unknown code,
    /// `REACTION_ALREADY_SET`.
    pub fn react(&self, as_user: u64, message: u64, reaction: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.react(message, reaction))
    }

    /// Removes a reaction of the person.
    ///
    /// # Errors
    ///
    /// `MESSAGE_ID_ERROR` if there is no such message, `REACTION_NOT_FOUND` if the reaction is not
    /// set.
    pub fn unreact(&self, as_user: u64, message: u64, reaction: &str) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| tx.unreact(message, reaction))
    }

    /// Opens the dialog with a bot through a link with a context, as `?IM_DIALOG=…&BOT_CONTEXT=…`
    /// does, and returns its id.
    ///
    /// # Errors
    ///
    /// `BOT_NOT_FOUND` if there is no such bot.
    pub fn open_with_context(
        &self,
        as_user: u64,
        bot: u64,
        context: &Value,
    ) -> Result<String, Refusal> {
        self.portal
            .act(as_user, |tx| tx.open_with_context(bot, context))
    }

    /// Opens the private dialog with a user and returns its id; a bot is notified the first time.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` if there is no such user.
    pub fn open(&self, as_user: u64, user: u64) -> Result<String, Refusal> {
        self.portal
            .act(as_user, |tx| tx.private_chat(user))
            .map(|_| user.to_string())
    }

    /// Creates a group and returns its dialog id, such as `chat7`.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` if a member does not exist.
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

    /// Adds a user to a group.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` if the person is not in it, `USER_ID_EMPTY` if there is no such user.
    pub fn invite(&self, as_user: u64, dialog: &str, user: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| {
            tx.chat_at(dialog)
                .and_then(|chat| tx.invite(chat.id, &[user]))
        })
    }

    /// Removes a user from a group: the person or another user.
    ///
    /// # Errors
    ///
    /// `ACCESS_ERROR` if the person is not in it or may not do so.
    pub fn remove(&self, as_user: u64, dialog: &str, user: u64) -> Result<(), Refusal> {
        self.portal.act(as_user, |tx| {
            tx.chat_at(dialog)
                .and_then(|chat| tx.remove_member(chat.id, user))
        })
    }

    /// Returns the portal as this person sees it: the object of `GET /chat/state`.
    ///
    /// # Errors
    ///
    /// `USER_ID_EMPTY` if there is no such person.
    pub fn state(&self, as_user: u64) -> Result<Value, Refusal> {
        self.portal.read(|world| view::state(world, as_user))
    }

    /// Returns the id of the person with this first name.
    pub fn person(&self, first_name: &str) -> Option<u64> {
        let fits = |user: &&User| user.is_person() && user.first_name == first_name;
        self.portal
            .read(|world| Some(world.users.values().find(fits)?.id))
    }

    /// Returns the id of the bot with this code.
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

    /// Returns the last messages of a dialog, oldest first, in the form of the web chat.
    pub fn history(&self, as_user: u64, dialog: &str) -> Vec<Value> {
        let piece = self
            .portal
            .read(|world| view::history(world, as_user, dialog, u64::MAX));
        piece
            .ok()
            .and_then(|mut piece| piece["messages"].as_array_mut().map(std::mem::take))
            .unwrap_or_default()
    }

    /// Returns all messages of a dialog, oldest first.
    #[cfg(feature = "testing")]
    pub(crate) fn whole_history(&self, as_user: u64, dialog: &str) -> Vec<Value> {
        let (mut pieces, mut before) = (Vec::new(), u64::MAX);
        loop {
            let piece = self
                .portal
                .read(|world| view::history(world, as_user, dialog, before));
            let Ok(mut piece) = piece else { break };
            let messages = piece["messages"].as_array_mut().map(std::mem::take);
            let messages = messages.unwrap_or_default();
            before = messages
                .first()
                .map_or(0, |first| first["id"].as_u64().unwrap_or(0));
            pieces.push(messages);
            if piece["more"] != true {
                break;
            }
        }
        pieces.into_iter().rev().flatten().collect()
    }

    /// Returns the first name of a person or client, or the name of a bot.
    #[cfg(feature = "testing")]
    pub(crate) fn first_name(&self, user: u64) -> Option<String> {
        self.portal
            .read(|world| Some(world.users.get(&user)?.first_name.clone()))
    }

    /// Returns a feed of what happens from now on, as this person sees it.
    pub fn subscribe(&self, as_user: u64) -> Feed {
        Feed::new(Arc::clone(&self.portal), as_user)
    }

    /// Returns the traffic log, newest last: every event sent and every call received, with tokens
    /// shortened.
    pub fn traffic_log(&self) -> Vec<Value> {
        self.portal
            .traffic
            .entries()
            .iter()
            .map(|entry| (**entry).clone())
            .collect()
    }
}
