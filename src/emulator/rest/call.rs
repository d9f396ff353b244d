//! A call of one method: who calls, with what, and whom they may let act.

use serde_json::Value;

use super::auth::Caller;
use super::params::Params;
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::user::User;

/// What a method makes of its call.
pub(super) type Answer = Result<Reply, Refusal>;

/// One method, called.
pub(super) struct Call<'c, 'w> {
    pub(super) tx: &'c mut Transaction<'w>,
    pub(super) params: Params,
    pub(super) caller: Caller,
}

/// The result of a method, and what list methods say beside it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) result: Value,
    pub(super) total: Option<usize>,
    pub(super) next: Option<usize>,
    /// Seconds this method has run for the caller, and when that is forgotten.
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

/// The answer `true`.
pub(super) fn yes() -> Answer {
    Ok(Reply::from(true))
}

/// One method.
pub(super) struct Method {
    /// Lower case, as it is looked up.
    pub(super) name: &'static str,
    /// The scope an application needs; empty for none.
    pub(super) scope: &'static str,
    pub(super) run: fn(&mut Call<'_, '_>) -> Answer,
}

/// A line of a table.
pub(super) const fn method(
    name: &'static str,
    scope: &'static str,
    run: fn(&mut Call<'_, '_>) -> Answer,
) -> Method {
    Method { name, scope, run }
}

impl Call<'_, '_> {
    /// Whose bots the caller may touch: the application's, or those of the `CLIENT_ID` sent through a webhook.
    pub(super) fn owner(&self) -> Result<Owner, Refusal> {
        if let Some(client_id) = &self.caller.app {
            return Ok(Owner::App(client_id.clone()));
        }
        let client_id = self.params.text("CLIENT_ID").filter(|id| !id.is_empty());
        let refusal =
            || Refusal::new("ACCESS_DENIED", "Access denied! Client ID not specified").status(403);
        client_id.map(Owner::Webhook).ok_or_else(refusal)
    }

    /// The bot a call means: `BOT_ID`, or the first of the application.
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

    /// The same, and from here on the bot is who acts.
    pub(super) fn as_bot(&mut self) -> Result<u64, Refusal> {
        let bot = self.bot()?.id;
        self.tx.user = bot;
        Ok(bot)
    }

    /// The group named by `CHAT_ID`, if whoever acts is in it.
    pub(super) fn group(&self) -> Result<Chat, Refusal> {
        self.tx.my_group(self.chat_id()?)
    }

    /// The number in `CHAT_ID`.
    pub(super) fn chat_id(&self) -> Result<u64, Refusal> {
        self.params
            .id("CHAT_ID")
            .ok_or_else(|| Refusal::new("CHAT_ID_EMPTY", "Chat ID can't be empty"))
    }

    /// The number in `USER_ID`.
    pub(super) fn user_id(&self) -> Result<u64, Refusal> {
        self.params
            .id("USER_ID")
            .ok_or_else(|| Refusal::new("USER_ID_EMPTY", "User ID can't be empty"))
    }

    /// The text of `DIALOG_ID`.
    pub(super) fn dialog_id(&self) -> Result<String, Refusal> {
        let dialog_id = self.params.text("DIALOG_ID").filter(|id| !id.is_empty());
        dialog_id.ok_or_else(|| Refusal::new("DIALOG_ID_EMPTY", "Dialog ID can't be empty"))
    }

    /// Whether the caller may do what only an administrator may.
    pub(super) fn is_admin(&self) -> bool {
        let user = self.tx.world.users.get(&self.caller.user);
        user.is_some_and(User::is_admin)
    }

    /// Refuses a call that did not come from an application.
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

/// What belongs to another application.
pub(super) fn foreign() -> Refusal {
    Refusal::new(
        "APP_ID_ERROR",
        "Bot was installed by another REST application",
    )
}

/// What went wrong and has no better name.
pub(super) fn wrong_request(text: &str) -> Refusal {
    Refusal::new("WRONG_REQUEST", text)
}
