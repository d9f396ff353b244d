//! A call of one method: its caller, its parameters, and the bot it acts as.

use serde_json::Value;

use super::auth::Caller;
use super::params::Params;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::user::User;

/// The result of a method.
pub(super) type Answer = Result<Reply, Refusal>;

/// A call of a method.
pub(super) struct Call<'c, 'w> {
    pub(super) tx: &'c mut Transaction<'w>,
    pub(super) params: Params,
    pub(super) caller: Caller,
}

/// The result of a method, with the fields that list methods add.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) result: Value,
    pub(super) total: Option<usize>,
    pub(super) next: Option<usize>,
    /// Seconds this method has run for the caller, and when they are forgotten.
    pub(super) operating: (f64, i64),
}

impl<T: Into<Value>> From<T> for Reply {
    fn from(result: T) -> Self {
        Reply {
            result: result.into(),
            ..Reply::default()
        }
    }
}

/// The result `true`.
pub(super) fn yes() -> Answer {
    Ok(Reply::from(true))
}

/// A method.
pub(super) struct Method {
    /// The name, in lower case.
    pub(super) name: &'static str,
    /// The scope an application needs; empty for none.
    pub(super) scope: &'static str,
    pub(super) run: fn(&mut Call<'_, '_>) -> Answer,
}

/// Returns a line of a table of methods.
pub(super) const fn method(
    name: &'static str,
    scope: &'static str,
    run: fn(&mut Call<'_, '_>) -> Answer,
) -> Method {
    Method { name, scope, run }
}

impl Call<'_, '_> {
    /// Returns the owner of the bots the caller may use: the application, or the `CLIENT_ID` sent
    /// through a webhook.
    pub(super) fn owner(&self) -> Result<Owner, Refusal> {
        if let Some(client_id) = &self.caller.app {
            return Ok(Owner::App(client_id.clone()));
        }
        let client_id = self.params.text("CLIENT_ID").filter(|id| !id.is_empty());
        let refusal =
            || Refusal::new("ACCESS_DENIED", "Access denied! Client ID not specified").status(403);
        client_id.map(Owner::Webhook).ok_or_else(refusal)
    }

    /// Returns the bot of the call: `BOT_ID`, or the first bot of the application.
    pub(super) fn bot(&self) -> Result<User, Refusal> {
        let owner = self.owner()?;
        let found = match self.params.id("BOT_ID") {
            Some(id) => self
                .tx
                .world
                .users
                .get(&id)
                .filter(|user| user.bot.is_some()),
            None => self.tx.world.bots_of(&owner).next(),
        };
        let user = found
            .cloned()
            .ok_or_else(|| Refusal::new("BOT_ID_ERROR", "Bot not found"))?;
        if user.bot.as_ref().is_some_and(|bot| bot.owner == owner) {
            Ok(user)
        } else {
            Err(foreign())
        }
    }

    /// Returns the bot of the call, and acts as this bot from now on.
    pub(super) fn as_bot(&mut self) -> Result<u64, Refusal> {
        let bot = self.bot()?.id;
        self.tx.user = bot;
        Ok(bot)
    }

    /// Returns the group in `CHAT_ID`, if the acting user is in it.
    pub(super) fn group(&self) -> Result<Chat, Refusal> {
        self.tx.my_group(self.chat_id()?)
    }

    /// Returns the number in `CHAT_ID`.
    pub(super) fn chat_id(&self) -> Result<u64, Refusal> {
        self.params
            .id("CHAT_ID")
            .ok_or_else(|| Refusal::new("CHAT_ID_EMPTY", "Chat ID can't be empty"))
    }

    /// Returns the number in `USER_ID`.
    pub(super) fn user_id(&self) -> Result<u64, Refusal> {
        self.params
            .id("USER_ID")
            .ok_or_else(|| Refusal::new("USER_ID_EMPTY", "User ID can't be empty"))
    }

    /// Returns the text of `DIALOG_ID`.
    pub(super) fn dialog_id(&self) -> Result<String, Refusal> {
        let dialog_id = self.params.text("DIALOG_ID").filter(|id| !id.is_empty());
        dialog_id.ok_or_else(|| Refusal::new("DIALOG_ID_EMPTY", "Dialog ID can't be empty"))
    }

    /// Whether the caller is an administrator.
    pub(super) fn is_admin(&self) -> bool {
        let user = self.tx.world.users.get(&self.caller.user);
        user.is_some_and(User::is_admin)
    }

    /// Returns the client id, and refuses a call that did not come from an application.
    pub(super) fn application(&self) -> Result<String, Refusal> {
        let refusal = || {
            Refusal::new(
                "WRONG_AUTH_TYPE",
                "Current authorization type is denied for this method",
            )
        };
        self.caller.app.clone().ok_or_else(|| refusal().status(403))
    }
}

/// The object belongs to another application.
pub(super) fn foreign() -> Refusal {
    Refusal::new(
        "APP_ID_ERROR",
        "Bot was installed by another REST application",
    )
}

/// A failure without a code of its own.
pub(super) fn wrong_request(text: &str) -> Refusal {
    Refusal::new("WRONG_REQUEST", text)
}
