//! Builds an engine from bots, hooks, connectors and settings.

mod broadcasts;
#[cfg(feature = "cli")]
mod commands;
#[cfg(feature = "emulator")]
mod emulated;
mod error;
mod handle;
#[cfg(any(feature = "cli", feature = "testing"))]
mod parts;

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::{Config, StoreConfig};
#[cfg(feature = "testing")]
use crate::engine::Seams;
use crate::engine::{Engine, HookSpec, HookTokens, Options, RestTransport, Transport};
use crate::event::UserId;
use crate::handler::{
    AnyBot, AnyConnector, AnyMiddleware, Bot, Connector, Erased, ErasedConnector, Forward, Hook,
    Middleware, Pattern, State,
};
use crate::portal::{Application, Http, Signer, inbound_webhook};
use crate::serve::{EventEndpoint, IntoEndpoint};
use crate::store::{Clock, Limits, Memory, Store};

pub use broadcasts::{AskBroadcast, Conversations};
#[cfg(feature = "cli")]
pub(crate) use commands::{CommandLine, OwnCommand, RunCommand};
pub use error::ConfigError;
use handle::Announce;
pub use handle::{Accepted, Ask, BotHandle, ChatHandle, Handle};
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
///     tracing::info!(?event, "a deal");
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
    middleware: Vec<Arc<dyn AnyMiddleware>>,
    hooks: Vec<HookSpec<HookTarget>>,
    connectors: Vec<Arc<dyn AnyConnector>>,
    nests: Vec<(String, Nest)>,
    emulated_only: Option<Box<App>>,
    auth_connector: Option<String>,
    store: Option<Arc<dyn Store>>,
    transport: Option<Arc<dyn Transport>>,
    clock: Clock,
    announce: Announce,
    limits: Option<Limits>,
    #[cfg(feature = "cli")]
    command_line: CommandLine,
    #[cfg(feature = "testing")]
    in_process: Option<(Http, Seams)>,
}

/// Adds an address of the program to the engine's.
type Nest = Box<dyn FnOnce(EventEndpoint) -> EventEndpoint + Send>;

/// A hook, or the address to forward its events to.
#[derive(Clone)]
enum HookTarget {
    Hook(Arc<dyn Hook>),
    Address(String),
}

impl App {
    /// Returns an application without bots.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a bot.
    #[must_use]
    pub fn bot<S: State>(mut self, bot: impl Bot<S>) -> Self {
        self.bots.push(Arc::new(Erased::new(bot)));
        self
    }

    /// Adds code around every turn of the bots, whichever of them is added first. The first one is
    /// the outermost. It does not run around hooks and connectors.
    #[must_use]
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Adds a connector, which connects an outside messenger to open channels.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connectors
            .push(Arc::new(ErasedConnector::new(connector)));
        self
    }

    /// Adds a hook for events that do not belong to a bot, by name (`"ONCRMDEALADD"`), by the
    /// beginning of a name (`"ONTASK*"`, `"*"`), or by [`Category`](crate::event::Category). An
    /// event can have several hooks.
    ///
    /// Its events have the authorisation of the user who caused them, and none if nobody did.
    /// [`HookEvent::call`](crate::handler::HookEvent::call) uses the installation's unless the hook
    /// asks for the event's ([`as_user`](crate::handler::HookEvent::as_user)).
    #[must_use]
    pub fn hook(self, events: impl Into<Pattern>, hook: impl Hook) -> Self {
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
    pub fn hook_as(self, user: UserId, events: impl Into<Pattern>, hook: impl Hook) -> Self {
        let target = HookTarget::Hook(Arc::new(hook));
        self.add_hook(events, false, user, target)
    }

    /// Adds a hook for offline events, which are not lost while the program is down: the portal
    /// keeps them until they are fetched and stored, at most for 30 days. Of several changes to one
    /// object the portal keeps only the latest. It has no offline events for bots.
    ///
    /// They are fetched every few seconds (`--poll-slow`). The application must be installed by an
    /// administrator. If the portal's plan has no confirmation (`rest_offline_extended`), events
    /// are lost when the process dies while it fetches them.
    ///
    /// Several programs of one application share one queue of the portal unless they have a source
    /// each ([`auth_connector`](App::auth_connector)). Only bindings that this program has made are
    /// removed with their hook.
    #[must_use]
    pub fn offline_hook(self, events: impl Into<Pattern>, hook: impl Hook) -> Self {
        let target = HookTarget::Hook(Arc::new(hook));
        self.add_hook(events, true, UserId(0), target)
    }

    /// Sets the source key of this program's offline events (`auth_connector`). They have a queue
    /// of their own, and a change that this program makes is not queued, so a hook that changes
    /// what its events are about does not call itself. Every call to a portal then has this key.
    /// Default: none.
    ///
    /// It takes a portal of the plan Professional or above (protocol/events.md 2.1).
    #[must_use]
    pub fn auth_connector(mut self, key: impl Into<String>) -> Self {
        self.auth_connector = Some(key.into());
        self
    }

    /// Forwards events that do not belong to a bot to an address, as JSON: `event`, `portal`, `ts`,
    /// `data`, without tokens.
    ///
    /// The events of one portal are forwarded one at a time, in the order of their arrival. If the
    /// receiver does not answer with a 2xx status within
    /// [`FORWARD_TIMEOUT`](crate::portal::FORWARD_TIMEOUT), the event is retried with growing
    /// pauses, while later events wait, and finally becomes a dead letter. Other hooks and bots do
    /// not wait.
    ///
    /// The headers are those of Standard Webhooks: `webhook-id`, which is the same in every
    /// attempt, `webhook-timestamp`, and with `--forward-secret` also `webhook-signature`, which
    /// [`Signer`] explains and checks.
    #[must_use]
    pub fn forward(self, events: impl Into<Pattern>, address: impl Into<String>) -> Self {
        let target = HookTarget::Address(address.into());
        self.add_hook(events, false, UserId(0), target)
    }

    fn add_hook(
        mut self,
        events: impl Into<Pattern>,
        is_offline: bool,
        user: UserId,
        target: HookTarget,
    ) -> Self {
        self.hooks.push(HookSpec {
            pattern: events.into(),
            is_offline,
            user,
            hook: target,
        });
        self
    }

    /// Serves a poem endpoint on the same socket, below a path such as `/widget`, for instance for
    /// the requests of a connector's clients. [`run`](App::run) serves it if the program listens; a
    /// program that polls does not. If you serve the [`engine`](App::engine) yourself, nest the
    /// endpoint there.
    ///
    /// # Panics
    /// When it is served: the path does not begin with `/`, or is already in use.
    #[must_use]
    pub fn nest<E>(mut self, path: impl Into<String>, endpoint: E) -> Self
    where
        E: IntoEndpoint + Send + 'static,
        E::Endpoint: 'static,
    {
        let path = path.into();
        let nested_at = path.clone();
        self.nests
            .push((path, Box::new(move |app| app.nest(&nested_at, endpoint))));
        self
    }

    /// Adds the bots, connectors and nested endpoints of another application, but only when
    /// [`run`](App::run) starts an emulated portal: for demonstrations that a real portal should
    /// not have. Middleware is that of this application.
    #[must_use]
    pub fn emulated_only(mut self, more: App) -> Self {
        self.emulated_only = Some(Box::new(more));
        self
    }

    /// Sets the store. Default: the one in the settings ([`StoreConfig`]).
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets a store that is shared with other code.
    #[must_use]
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the transport of the bots' calls. Default: the portal's REST methods
    /// ([`RestTransport`]).
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Returns a handle that speaks for the bots from anywhere: endpoints, schedules, background
    /// tasks.
    pub fn handle(&self) -> Handle {
        self.announce.handle()
    }

    /// Sets the clock, for tests (feature `testing`). Default: the system's clock.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how long things are kept, for tests (feature `testing`). Default: as the settings say.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Returns the store that was set.
    #[cfg(feature = "testing")]
    pub(crate) fn own_store(&self) -> Option<Arc<dyn Store>> {
        self.store.clone()
    }

    /// Sets how portals are called, and what a test changes in the engine.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn in_process(mut self, http: Http, seams: Seams) -> Self {
        self.in_process = Some((http, seams));
        self
    }

    /// Returns the same bots, connectors and hooks once more, without nested addresses.
    #[cfg(feature = "testing")]
    pub(crate) fn again(&self) -> Self {
        let hooks = self.hooks.iter().map(|spec| HookSpec {
            pattern: spec.pattern.clone(),
            is_offline: spec.is_offline,
            user: spec.user,
            hook: spec.hook.clone(),
        });
        Self {
            bots: self.bots.clone(),
            middleware: self.middleware.clone(),
            hooks: hooks.collect(),
            connectors: self.connectors.clone(),
            auth_connector: self.auth_connector.clone(),
            transport: self.transport.clone(),
            limits: self.limits,
            announce: self.announce.clone(),
            ..Self::default()
        }
    }

    /// Returns the engine of this application, to be served by [`serve`](crate::serve) or by an
    /// application of your own.
    ///
    /// # Errors
    /// A setting is missing or invalid, the store cannot be opened, two bots or connectors have the
    /// same name, or the portal would refuse a name.
    pub fn engine(self, config: &Config) -> Result<Arc<Engine>, ConfigError> {
        check_bots(&self.bots)?;
        check_connectors(&self.connectors)?;
        warn_about_order(&self.bots);
        warn_about_settings_without_effect(&self.bots);
        let webhooks = config
            .portal
            .iter()
            .map(|address| inbound_webhook(address.expose_secret()))
            .collect::<Result<_, _>>()?;
        let application = application(config)?;
        #[cfg(feature = "testing")]
        let (http, seams) = match self.in_process {
            Some(in_process) => in_process,
            None => (
                Http::with_options(config.http_options()?)?,
                Seams::default(),
            ),
        };
        #[cfg(not(feature = "testing"))]
        let http = Http::with_options(config.http_options()?)?;
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
            None => open_store(&config.store)?,
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
            deployment: config.deployment,
            clock: self.clock,
            #[cfg(feature = "testing")]
            seams,
        };
        let engine = Engine::new(options, self.bots, self.middleware, hooks, self.connectors);
        self.announce.engine(&engine);
        Ok(engine)
    }
}

/// Returns the application of the settings, or `None` if they contain inbound webhooks only.
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

/// Opens the store of the settings.
fn open_store(config: &StoreConfig) -> Result<Arc<dyn Store>, ConfigError> {
    if let Some(store) = config.open()? {
        tracing::info!(store = %config.place(), "the store is opened");
        return Ok(store);
    }
    tracing::warn!("the store is in memory: everything is lost when this program ends");
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

/// Returns an error if two connectors have the same id, or the portal would refuse one.
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

/// Logs a warning if a bot cannot transfer and finish chats as itself: the portal does so as the
/// application's first bot, whichever bot asks.
fn warn_about_order(bots: &[Arc<dyn AnyBot>]) {
    if let Some(bot) = channel_bot_after_first(bots) {
        tracing::warn!(
            bot,
            "this bot serves open channels but is not the application's first bot: the portal transfers and finishes \
             chats as the first bot, whichever bot asks (to_operator is not affected); add this bot first, and only \
             one bot for open channels"
        );
    }
}

/// Returns the code of a bot that serves open channels but is not the application's first bot.
fn channel_bot_after_first(bots: &[Arc<dyn AnyBot>]) -> Option<&str> {
    let mut others = bots.iter().skip(1).map(|bot| bot.profile());
    let bot = others.find(|profile| profile.is_for_open_channels())?;
    Some(bot.code())
}

/// Warns about settings of profiles that the API of their bots does not have.
fn warn_about_settings_without_effect(bots: &[Arc<dyn AnyBot>]) {
    for profile in bots.iter().map(|bot| bot.profile()) {
        if profile.lacks_state_per_person() {
            tracing::warn!(
                bot = profile.code(),
                "`state_per_person` of the bot's profile has no effect, because the bot serves open channels"
            );
        }
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

/// Returns an error if two bots have the same code, or the portal would refuse a command.
fn check_bots(bots: &[Arc<dyn AnyBot>]) -> Result<(), ConfigError> {
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
    fn a_bot_for_open_channels_that_is_not_the_first_is_found() {
        let check = |bots: &[(&'static str, bool)], expected| {
            let add = |app: App, bot: &(&'static str, bool)| app.bot(Named(bot.0, bot.1));
            let app = bots.iter().fold(App::new(), add);
            assert_eq!(channel_bot_after_first(&app.bots), expected, "{bots:?}");
        };
        check(&[("desk", true)], None);
        check(&[("desk", true), ("echo", false)], None);
        check(&[("echo", false), ("poll", false)], None);
        check(&[("echo", false), ("desk", true)], Some("desk"));
        check(&[("desk", true), ("other", true)], Some("other"));
    }
}
