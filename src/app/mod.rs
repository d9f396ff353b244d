//! The wiring on one page: bots, hooks and a store become an engine.

#[cfg(feature = "emulator")]
mod emulated;
mod error;
#[cfg(feature = "cli")]
mod parts;

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::{Config, StorePlace};
use crate::engine::{Engine, HookSpec, HookTokens, Options, RestTransport, Transport};
use crate::event::UserId;
use crate::handler::{
    AnyBot, AnyConnector, Bot, Connector, Erased, ErasedConnector, Forward, Hook, Pattern, State,
};
use crate::portal::{Application, Http, Signer, inbound};
use crate::serve::{EventEndpoint, IntoEndpoint};
use crate::store::{Clock, Limits, Memory, Store};

pub use error::ConfigError;
#[cfg(all(feature = "cli", feature = "emulator"))]
pub(crate) use parts::PortalNeeds;

/// An application: its bots and hooks, in one process.
///
/// ```no_run
/// use imbot::prelude::*;
///
/// # struct Echo; impl Bot for Echo {}
/// # struct Poll; impl Bot for Poll {}
/// async fn deal_added(event: HookEvent) -> Result {
///     println!("a deal: {:?}", event.data());
///     Ok(())
/// }
///
/// fn main() -> ExitCode {
///     App::new().bot(Echo).bot(Poll).hook("ONCRMDEALADD", deal_added).run()
/// }
/// ```
#[derive(Default)]
pub struct App {
    bots: Vec<Arc<dyn AnyBot>>,
    hooks: Vec<HookSpec<HookTarget>>,
    connectors: Vec<Arc<dyn AnyConnector>>,
    nests: Vec<(String, Nest)>,
    emulated_only: Option<Box<App>>,
    auth_connector: Option<String>,
    store: Option<Arc<dyn Store>>,
    transport: Option<Arc<dyn Transport>>,
    clock: Clock,
    limits: Option<Limits>,
}

/// Puts addresses of the program's own beside the engine's.
type Nest = Box<dyn FnOnce(EventEndpoint) -> EventEndpoint + Send>;

/// A hook, or the address that one forwards to.
enum HookTarget {
    Hook(Arc<dyn Hook>),
    Address(String),
}

impl App {
    /// An application without bots.
    pub fn new() -> App {
        App::default()
    }

    /// Adds a bot.
    #[must_use]
    pub fn bot<S: State>(mut self, bot: impl Bot<S>) -> App {
        self.bots.push(Arc::new(Erased::new(bot)));
        self
    }

    /// Adds a connector: a messenger outside, joined to open channels.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> App {
        self.connectors
            .push(Arc::new(ErasedConnector::new(connector)));
        self
    }

    /// Adds a hook for events that are not a bot's: by name (`"ONCRMDEALADD"`), by the beginning of a name
    /// (`"ONTASK*"`, `"*"`), or by [`Category`](crate::event::Category). Several may be for one event.
    ///
    /// Its events have the authorisation of the user who caused them, and none if nobody did.
    /// [`HookEvent::call`](crate::handler::HookEvent::call) uses the installation's unless the hook
    /// asks for the event's ([`as_user`](crate::handler::HookEvent::as_user)).
    #[must_use]
    pub fn hook(self, events: impl Into<Pattern>, hook: impl Hook) -> App {
        self.hook_as(UserId(0), events, hook)
    }

    /// Adds a hook whose events have the authorisation of one user, whoever caused them
    /// (`auth_type`): the portal sends what this user may see. Only an administrator may bind for
    /// others.
    ///
    /// Several users for one event have a binding each, at the address `…?as_user=7`, and each hook
    /// gets the events of its own user. The application's own events (`ONAPPUPDATE`,
    /// `ONAPPUNINSTALL`, those of its connectors and sessions) come once, for all hooks.
    ///
    /// It does not limit what the hook may do: [`HookEvent::call`](crate::handler::HookEvent::call)
    /// has the rights of the installation,
    /// [`HookEvent::as_user`](crate::handler::HookEvent::as_user) those of this user.
    #[must_use]
    pub fn hook_as(self, user: UserId, events: impl Into<Pattern>, hook: impl Hook) -> App {
        let listener = HookTarget::Hook(Arc::new(hook));
        self.listener(events, false, user, listener)
    }

    /// Adds a hook that must lose nothing: the portal keeps its events until they are fetched and written down, for 30 days,
    /// so they come after what happens while the program is away, too. Of several changes of one thing the portal keeps the
    /// latest only, and it has no offline events for bots.
    ///
    /// They are fetched every few seconds (`--poll-slow`). It takes an application that an
    /// administrator installed. Where the portal's plan has no confirmation
    /// (`rest_offline_extended`), what was fetched by a process that dies at that moment is lost.
    ///
    /// Several programs of one application share one queue of the portal unless they have a source
    /// each ([`auth_connector`](App::auth_connector)). Of bindings, only those that this program
    /// has made are removed with their hook.
    #[must_use]
    pub fn offline_hook(self, events: impl Into<Pattern>, hook: impl Hook) -> App {
        let listener = HookTarget::Hook(Arc::new(hook));
        self.listener(events, true, UserId(0), listener)
    }

    /// Sets the source key of this program's offline events (`auth_connector`). They have a queue
    /// of their own, and a change that this program makes is not queued, so a hook that changes
    /// what its events are about does not call itself. Every call to a portal then has this key.
    /// Default: none.
    ///
    /// It takes a portal of the plan Professional or above (protocol/events.md 2.1).
    #[must_use]
    pub fn auth_connector(mut self, key: impl Into<String>) -> App {
        self.auth_connector = Some(key.into());
        self
    }

    /// Forwards events that are not a bot's to an address, as JSON: `event`, `portal`, `ts`, `data`; no tokens.
    ///
    /// Those of one portal arrive one at a time, in the order in which they came. Where the receiver does not answer with a
    /// status in the two hundreds within [`FORWARD_TIMEOUT`](crate::portal::FORWARD_TIMEOUT), an event is tried again with
    /// growing pauses, while those behind it wait, and in the end rests among the dead letters. No other hook or bot waits.
    ///
    /// The headers are those of Standard Webhooks: `webhook-id`, which is the same for an event each time it is tried,
    /// `webhook-timestamp`, and with `--forward-secret` also `webhook-signature`, which [`Signer`] explains and checks.
    #[must_use]
    pub fn forward(self, events: impl Into<Pattern>, address: impl Into<String>) -> App {
        let listener = HookTarget::Address(address.into());
        self.listener(events, false, UserId(0), listener)
    }

    fn listener(
        mut self,
        events: impl Into<Pattern>,
        is_offline: bool,
        user: UserId,
        listener: HookTarget,
    ) -> App {
        self.hooks.push(HookSpec {
            pattern: events.into(),
            is_offline,
            user,
            hook: listener,
        });
        self
    }

    /// Serves addresses of your own on the same socket, below a path such as `/widget`: a poem endpoint, such as a connector's
    /// way in from outside. They are served where the program listens; one whose events are polled does not. Whoever serves
    /// the [`engine`](App::engine) otherwise nests them there.
    ///
    /// # Panics
    /// When it is served: the path does not begin with `/`, or another one is the same.
    #[must_use]
    pub fn nest<E>(mut self, path: impl Into<String>, endpoint: E) -> App
    where
        E: IntoEndpoint + Send + 'static,
        E::Endpoint: 'static,
    {
        let path = path.into();
        let at = path.clone();
        self.nests
            .push((path, Box::new(move |app| app.nest(&at, endpoint))));
        self
    }

    /// Adds the bots, connectors and addresses of another application where [`run`](App::run) brings an emulated portal along:
    /// what is there to be tried, and nothing that a real portal should be set up for.
    #[must_use]
    pub fn emulated_only(mut self, more: App) -> App {
        self.emulated_only = Some(Box::new(more));
        self
    }

    /// Remembers in this store. Default: the one that the settings name ([`StorePlace`]).
    #[must_use]
    pub fn store(mut self, store: impl Store) -> App {
        self.store = Some(Arc::new(store));
        self
    }

    /// Remembers in a store that others hold, too.
    #[must_use]
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> App {
        self.store = Some(store);
        self
    }

    /// Makes the bots' calls another way. Default: by the portal's REST methods ([`RestTransport`]).
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> App {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets the clock, for tests (feature `testing`). Default: the system's clock.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> App {
        self.clock = clock;
        self
    }

    /// Sets how long things are kept, for tests (feature `testing`). Default: as the settings say.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> App {
        self.limits = Some(limits);
        self
    }

    /// The engine of this application, to be served by [`serve`](crate::serve) or by an application of your own.
    ///
    /// # Errors
    /// A setting is missing, or two bots are the same.
    pub fn engine(self, config: &Config) -> Result<Arc<Engine>, ConfigError> {
        check(&self.bots)?;
        check_connectors(&self.connectors)?;
        warn_of_the_first_bot(&self.bots);
        warn_of_settings_without_effect(&self.bots);
        let webhooks = config
            .portal
            .iter()
            .map(|address| inbound(address.expose_secret()))
            .collect::<Result<_, _>>()?;
        let application = application(config)?;
        let http = Http::with_options(config.outside()?)?;
        let signer = config.forward_secret.as_ref();
        let signer = signer.map(Signer::new).transpose()?.map(Arc::new);
        let forward = |address| Forward {
            http: http.clone(),
            address,
            signer: signer.clone(),
            clock: self.clock.clone(),
        };
        let hooks = self
            .hooks
            .into_iter()
            .map(|spec| {
                spec.map(|target| match target {
                    HookTarget::Hook(hook) => hook,
                    HookTarget::Address(address) => Arc::new(forward(address)),
                })
            })
            .collect();
        let store = match self.store {
            Some(store) => store,
            None => open(&config.store)?,
        };
        let options = Options {
            store,
            http,
            application: application.map(Arc::new),
            webhooks,
            hook_tokens: HookTokens::read(&config.hook_token)?,
            handler_url: config.public_url.clone(),
            auth_connector: self.auth_connector,
            bx24_url: config.bx24_url.clone(),
            plan: config.plan,
            transport: self.transport.unwrap_or_else(|| Arc::new(RestTransport)),
            poll_quick: config.poll_quick(),
            poll_slow: config.poll_slow(),
            turn_timeout: config.turn_timeout(),
            attempts: config.attempts,
            limits: self.limits.unwrap_or_else(|| config.limits()),
            clock: self.clock,
        };
        Ok(Engine::new(options, self.bots, hooks, self.connectors))
    }
}

/// The application that the settings name; none where portals are reached by inbound webhooks only.
fn application(config: &Config) -> Result<Option<Application>, ConfigError> {
    if config.client_id.is_none() && !config.portal.is_empty() {
        return Ok(None);
    }
    let no_portal = if cfg!(feature = "emulator") {
        "no portal is configured: set IMBOT_PORTAL to the address of an inbound webhook, or IMBOT_CLIENT_ID to the \
         application's client id (in imbot.toml: portal or client_id)"
    } else {
        "no portal is configured, and this program is built without the emulator (cargo feature `emulator`): set \
         IMBOT_PORTAL to the address of an inbound webhook, or IMBOT_CLIENT_ID to the application's client id (in \
         imbot.toml: portal or client_id)"
    };
    let no_secret = "the application's client secret is missing: set IMBOT_CLIENT_SECRET, or client_secret in imbot.toml";
    let no_address = "the address where portals reach this program is missing: set IMBOT_PUBLIC_URL, or public_url in imbot.toml";
    let missing = ConfigError::Missing;
    if config.public_url.is_none() && config.client_id.is_some() {
        return Err(missing(no_address));
    }
    Ok(Some(Application {
        client_id: config.client_id.clone().ok_or(missing(no_portal))?,
        client_secret: config.client_secret.clone().ok_or(missing(no_secret))?,
        oauth_url: config.oauth_url.clone(),
    }))
}

/// The store that the settings name.
fn open(place: &StorePlace) -> Result<Arc<dyn Store>, ConfigError> {
    if let Some(store) = place.open()? {
        tracing::info!(file = %place.file().display(), "everything is remembered in a file");
        return Ok(store);
    }
    tracing::warn!("everything is kept in memory, and forgotten when this program ends");
    Ok(Arc::new(Memory::new()))
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field(
                "bots",
                &self
                    .bots
                    .iter()
                    .map(|bot| bot.profile().name())
                    .collect::<Vec<_>>(),
            )
            .field("hooks", &self.hooks.len())
            .finish()
    }
}

/// Refuses connectors that a portal would mix up or refuse.
fn check_connectors(connectors: &[Arc<dyn AnyConnector>]) -> Result<(), ConfigError> {
    for (index, connector) in connectors.iter().enumerate() {
        let profile = connector.profile();
        let id = profile.id().to_owned();
        if !profile.is_valid() {
            return Err(ConfigError::ConnectorId(id));
        }
        if connectors[..index]
            .iter()
            .any(|other| other.profile().id() == id)
        {
            return Err(ConfigError::SameConnector(id));
        }
    }
    Ok(())
}

/// Tells of a trap of open channels: the portal transfers and finishes as the first bot of the application, whichever asks.
fn warn_of_the_first_bot(bots: &[Arc<dyn AnyBot>]) {
    if let Some(bot) = not_first(bots) {
        tracing::warn!(
            bot,
            "this bot serves open channels and is not the application's first: the portal transfers and finishes chats as \
             the first bot, whichever asks (to_operator is not affected); add this one first, and only one that does so"
        );
    }
}

/// The bot that serves open channels without being the application's first, if there is one.
fn not_first(bots: &[Arc<dyn AnyBot>]) -> Option<&str> {
    let mut others = bots.iter().skip(1).map(|bot| bot.profile());
    let bot = others.find(|profile| profile.is_for_open_channels())?;
    Some(bot.code())
}

/// Warns about settings of profiles that the API of their bots does not have.
fn warn_of_settings_without_effect(bots: &[Arc<dyn AnyBot>]) {
    for profile in bots.iter().map(|bot| bot.profile()) {
        for setting in profile.without_effect() {
            let api = profile.on_api();
            tracing::warn!(
                bot = profile.code(),
                setting,
                ?api,
                "this setting of the bot's profile has no effect in its API (`Profile::api`)"
            );
        }
    }
}

/// Refuses bots that a portal would mix up or refuse.
fn check(bots: &[Arc<dyn AnyBot>]) -> Result<(), ConfigError> {
    for (index, bot) in bots.iter().enumerate() {
        let code = bot.profile().code();
        if bots[..index]
            .iter()
            .any(|other| other.profile().code() == code)
        {
            return Err(ConfigError::SameCode(code.to_owned()));
        }
        if let Some(spec) = bot
            .commands()
            .iter()
            .find(|spec| !crate::message::is_command(spec.name()))
        {
            return Err(ConfigError::CommandName {
                bot: code.to_owned(),
                command: spec.name().to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::app::*;
    use crate::handler::Profile;

    struct Named(&'static str, bool);

    impl Bot for Named {
        fn profile(&self) -> Profile {
            let profile = Profile::new(self.0, self.0);
            if self.1 {
                profile.serves_open_channels()
            } else {
                profile
            }
        }
    }

    #[test]
    fn a_bot_on_lines_should_be_the_first_and_alone() {
        let check = |bots: &[(&'static str, bool)], expected| {
            let add = |app: App, bot: &(&'static str, bool)| app.bot(Named(bot.0, bot.1));
            let app = bots.iter().fold(App::new(), add);
            assert_eq!(not_first(&app.bots), expected, "{bots:?}");
        };
        check(&[("desk", true)], None);
        check(&[("desk", true), ("echo", false)], None);
        check(&[("echo", false), ("poll", false)], None);
        check(&[("echo", false), ("desk", true)], Some("desk"));
        check(&[("desk", true), ("other", true)], Some("other"));
    }
}
