//! Registers, installs and removes applications. See protocol/server-behaviour.md 1.4.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::events::Tokens;
use super::refusal::Refusal;
use super::transaction::Delivery;
use super::transaction::Transaction;
use super::updates::Update;
use super::world::access::{App, Owner};
use super::world::secret;
use super::world::tokens::ACCESS_SECONDS;

impl Transaction<'_> {
    /// Registers an application; it gets no events until it is installed.
    pub(crate) fn register_app(&mut self, new: NewApp) -> Credentials {
        let id = self.world.new_app_id();
        let random = secret();
        let app = App {
            id,
            client_id: format!("local.{}.{:08}", &random[..14], id + 10_000_000),
            client_secret: secret() + &secret(),
            application_token: secret(),
            title: new.title,
            handler: new.handler,
            install: new.install,
            interface: new.interface,
            scope: new.scope,
            installed: false,
        };
        let made = Credentials {
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone(),
        };
        self.world.apps.insert(app.client_id.clone(), app);
        self.updates.push(Update::Hello);
        made
    }

    /// Installs an application; `done` is notified when its handler has answered.
    ///
    /// An application without pages is installed at once and gets an event. One with pages is shown
    /// in a frame and is installed when its page finishes the installation.
    pub(crate) fn install(
        &mut self,
        client_id: &str,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<(), Refusal> {
        let app = self.known_app(client_id)?;
        if app.interface {
            return Ok(());
        }
        self.finish_install(client_id)?;
        let data = json!({ "VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": self.world.language });
        self.send_installation(app, "ONAPPINSTALL", &data, done);
        Ok(())
    }

    /// Installs a new version of an application: its subscriptions are removed (page
    /// `b24restdocs: api-reference/events/event-bind.md`), and it gets an event like that of its
    /// installation.
    pub(crate) fn update_app(
        &mut self,
        client_id: &str,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<(), Refusal> {
        let app = self.known_app(client_id)?;
        let owner = Owner::App(client_id.to_owned());
        self.world.subscriptions.retain(|_, row| row.owner != owner);
        let data = json!({ "VERSION": "2", "PREVIOUS_VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": self.world.language });
        self.send_installation(app, "ONAPPUPDATE", &data, done);
        Ok(())
    }

    /// Sends the event of an installation, with the tokens of a new one, to the application's
    /// installation address.
    fn send_installation(
        &mut self,
        app: App,
        event: &str,
        data: &Value,
        done: Option<oneshot::Sender<()>>,
    ) {
        let tree = json!({
            "event": event,
            "data": data,
            "ts": self.world.clock.unix(),
            "auth": self.install_auth(&app),
        });
        self.outgoing.push(Delivery {
            url: app.install,
            app: Some(app.title),
            tree,
            done,
        });
    }

    /// Returns the `auth` of an installation: without `expires` and `user_id`, as in the
    /// documentation's sample.
    fn install_auth(&mut self, app: &App) -> Value {
        let now = self.world.clock.unix();
        let pair = self
            .world
            .tokens
            .issue(&app.client_id, self.local_user, now);
        json!({
            "domain": self.world.domain,
            "scope": app.scope,
            "access_token": pair.access,
            "refresh_token": pair.refresh,
            "expires_in": ACCESS_SECONDS,
            "server_endpoint": self.world.server_endpoint(),
            "status": "L",
            "client_endpoint": self.world.endpoint(),
            "member_id": self.world.member_id,
            "application_token": app.application_token,
        })
    }

    /// Finishes an installation, as `BX24.installFinish()` does: events are sent from now on.
    pub(crate) fn finish_install(&mut self, client_id: &str) -> Result<(), Refusal> {
        self.known_app(client_id)?;
        if let Some(app) = self.world.apps.get_mut(client_id) {
            app.installed = true;
        }
        self.updates.push(Update::Hello);
        Ok(())
    }

    /// Removes an application: deletes its bots, subscriptions and tokens, and sends it an event
    /// without tokens.
    pub(crate) fn uninstall(&mut self, client_id: &str, clean: bool) -> Result<(), Refusal> {
        self.known_app(client_id)?;
        let owner = Owner::App(client_id.to_owned());
        let bots: Vec<u64> = self.world.bots_of(&owner).map(|bot| bot.id).collect();
        for bot in bots {
            self.remove_bot(bot);
        }
        let data = json!({ "LANGUAGE_ID": self.world.language, "CLEAN": u8::from(clean) });
        self.fire("ONAPPUNINSTALL", &owner, Tokens::None, |_| data.clone());
        self.world.subscriptions.retain(|_, row| row.owner != owner);
        self.world.offline.forget(client_id);
        self.remove_connectors_of(client_id);
        self.world.tokens.revoke(client_id);
        if let Some(app) = self.world.apps.get_mut(client_id) {
            app.installed = false;
        }
        self.updates.push(Update::Hello);
        Ok(())
    }

    /// Removes an application without an event. Its bots stay, without a program behind them.
    pub(crate) fn revoke_app(&mut self, client_id: &str) -> Result<(), Refusal> {
        self.known_app(client_id)?;
        self.world.apps.remove(client_id);
        self.updates.push(Update::Hello);
        Ok(())
    }

    pub(super) fn known_app(&self, client_id: &str) -> Result<App, Refusal> {
        let app = self.world.apps.get(client_id).cloned();
        app.ok_or_else(|| {
            Refusal::new(
                "APPLICATION_NOT_FOUND",
                "There is no such application on this portal",
            )
        })
    }
}

/// The default scope of an application.
const SCOPE: &str = "imbot,im,imopenlines,imconnector,crm,task,user,placement";

/// A local application to be registered, as in "Developer resources > Local application".
#[derive(Clone, Debug)]
pub struct NewApp {
    /// The name shown on the portal.
    pub title: String,
    /// The address of the application.
    pub handler: String,
    /// The address that receives the installation event. Default: `handler`.
    pub install: String,
    /// Whether the application has pages; without them, it "uses the API only". Default: false.
    pub interface: bool,
    /// Its scope, comma separated. Default: everything the emulator knows.
    pub scope: String,
}

/// The credentials of an application, which a developer copies from the portal.
#[derive(Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// The client id, such as `local.6925f1a2b3c4d5.12345678`.
    pub client_id: String,
    /// The client secret, which is needed to renew tokens.
    pub client_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("client_secret", &"<redacted>")
            .finish()
    }
}

impl NewApp {
    /// Returns an application without pages that gets everything at one address.
    pub fn new(title: &str, handler: &str) -> Self {
        NewApp {
            title: title.to_owned(),
            handler: handler.to_owned(),
            install: handler.to_owned(),
            interface: false,
            scope: SCOPE.to_owned(),
        }
    }
}
