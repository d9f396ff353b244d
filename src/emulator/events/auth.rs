//! The `auth` block of an event and the tokens of a bot: protocol/server-behaviour.md 1.4 and
//! protocol/server-behaviour.md 3.2.

use serde_json::{Map, Value, json};

use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::{App, Owner};
use crate::emulator::world::bot::Bot;
use crate::emulator::world::tokens::ACCESS_SECONDS;

/// Which tokens an event carries.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// Access and refresh token: message and command events, the installation.
    WithRefresh,
    /// Access token only: joins, bot removal, and all events that are not a bot's.
    WithoutRefresh,
    /// As on the pages of sessions and dialogs: a refresh token, but no `expires` and `user_id`.
    OfSession,
    /// No tokens, because the application is removed: `ONAPPUNINSTALL`.
    None,
}

impl Tokens {
    /// Returns the key of the subscription's id; the pages of sessions use another one.
    pub(super) fn id_key(self) -> &'static str {
        match self {
            Tokens::OfSession => "eventId",
            Tokens::WithRefresh | Tokens::WithoutRefresh | Tokens::None => "event_handler_id",
        }
    }

    fn left_out(self) -> &'static [&'static str] {
        match self {
            Tokens::WithoutRefresh => &["refresh_token"],
            Tokens::OfSession => &["expires", "user_id"],
            Tokens::WithRefresh | Tokens::None => &[],
        }
    }
}

impl Transaction<'_> {
    /// Returns the `auth` of an event: who caused it, and the tokens to act for them.
    ///
    /// Without a user there are no tokens. A handler registered through an inbound webhook never
    /// gets any.
    pub(crate) fn auth(&mut self, owner: &Owner, user: u64, tokens: Tokens) -> Value {
        match self.app(owner) {
            Some(app) if tokens != Tokens::None && user > 0 => {
                let mut auth = self.access(&app, user);
                for key in tokens.left_out() {
                    auth.shift_remove(*key);
                }
                auth.insert("application_token".to_owned(), app.application_token.into());
                Value::Object(auth)
            }
            _ => self.auth_without_tokens(owner),
        }
    }

    /// Returns the `auth` of an outgoing webhook: the portal and the secret that proves it.
    fn auth_without_tokens(&self, owner: &Owner) -> Value {
        json!({
            "domain": self.world.domain,
            "server_endpoint": self.world.server_endpoint(),
            "client_endpoint": self.world.endpoint(),
            "member_id": self.world.member_id,
            "application_token": self.application_token(owner),
        })
    }

    /// Returns the secret a handler compares: the application's, or the owner of a webhook's bots:
    /// the raw `CLIENT_ID` in v1, `custom` and the `botToken` in v2.
    fn application_token(&self, owner: &Owner) -> String {
        match owner {
            Owner::App(client_id) => self
                .world
                .apps
                .get(client_id)
                .map(|app| app.application_token.clone())
                .unwrap_or_default(),
            Owner::Webhook(client_id) => client_id.clone(),
        }
    }

    /// Returns an item of `data[BOT]`, or the start of an item of `data[COMMAND]`: the bot's own
    /// tokens, flat and again under `AUTH`, then its id and code. A bot registered through a
    /// webhook has id and code only.
    pub(crate) fn bot_item(&mut self, bot: u64) -> Map<String, Value> {
        let Some(known) = self.world.users.get(&bot).and_then(|user| user.bot.clone()) else {
            return Map::new();
        };
        let mut item = self.bot_tokens(&known.owner, bot);
        if !item.is_empty() {
            item.insert("AUTH".to_owned(), item.clone().into());
        }
        item.insert("BOT_ID".to_owned(), bot.into());
        item.insert("BOT_CODE".to_owned(), known.code.into());
        item
    }

    /// Returns `data[bot]` of v2: id, code, and the bot's own tokens, if it belongs to an
    /// application.
    pub(super) fn bot_item_v2(&mut self, bot: u64, known: &Bot) -> Value {
        json!({ "id": bot, "code": known.code, "auth": self.bot_tokens(&known.owner, bot) })
    }

    fn bot_tokens(&mut self, owner: &Owner, bot: u64) -> Map<String, Value> {
        let Some(app) = self.app(owner) else {
            return Map::new();
        };
        let mut tokens = self.access(&app, bot);
        tokens.shift_remove("user_id");
        tokens.insert("user_id".to_owned(), bot.into());
        tokens.insert("client_id".to_owned(), app.client_id.clone().into());
        tokens.insert("application_token".to_owned(), app.application_token.into());
        tokens
    }

    /// Returns new tokens for a user, in the order of the documentation.
    fn access(&mut self, app: &App, user: u64) -> Map<String, Value> {
        let now = self.world.clock.unix();
        let hops = self.hops.saturating_sub(1);
        let pair = self
            .world
            .tokens
            .issue_for_event(&app.client_id, user, now, hops);
        let fields = [
            ("access_token", pair.access.into()),
            ("expires", pair.expires.into()),
            ("expires_in", ACCESS_SECONDS.into()),
            ("scope", app.scope.clone().into()),
            ("domain", self.world.domain.clone().into()),
            ("server_endpoint", self.world.server_endpoint().into()),
            ("status", "L".into()),
            ("client_endpoint", self.world.endpoint().into()),
            ("member_id", self.world.member_id.clone().into()),
            ("user_id", user.into()),
            ("refresh_token", pair.refresh.into()),
        ];
        fields
            .into_iter()
            .map(|(key, value): (&str, Value)| (key.to_owned(), value))
            .collect()
    }

    fn app(&self, owner: &Owner) -> Option<App> {
        match owner {
            Owner::App(client_id) => self.world.apps.get(client_id).cloned(),
            Owner::Webhook(_) => None,
        }
    }
}
