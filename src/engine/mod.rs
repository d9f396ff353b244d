//! From event to answer: accept, handle, send.
//!
//! - `accept` verifies, decodes and stores an event. Installations that portals announce wait here
//!   until the authorization server and the portal confirm them.
//! - `keyed_queues` keeps the events of one chat, hook or application in order. Events wait here
//!   for their turn, and after a failure for the retry.
//! - `handle` runs the handler and commits what it decided. Nothing waits here: a worker has one
//!   event at a time.
//! - `send` makes the committed calls, in order per chat. Calls wait here until the portal takes
//!   them.
//! - `ownership` takes up the partitions of the store that this process owns, and reads what an
//!   earlier process left there. Events that arrive meanwhile wait here. All other work is only
//!   done in these partitions, except accepting events.
//! - `background` polls, fetches offline events, reminds and sweeps.
//! - `reconcile` sets up bots, commands, connectors and bindings on a portal. Portals that cannot
//!   be reached wait here for the retry.
//!
//! [`Engine::accept`] is the only entry for events, however they came.
//!
//! A portal does not send a refused event again, so none is refused for lack of memory: a queue
//! holds little more than ids, and the store bounds the number of waiting events. The newest
//! [`DECODED_MAX`] events are kept decoded as well, so what is handled at once is never read back.
//! At most [`TURNS_MAX`] handlers and [`SENDS_MAX`] calls run at once.

mod accept;
mod background;
pub(crate) mod broadcasts;
mod counts;
mod handle;
mod health;
mod keyed_queues;
mod known_chats;
mod log_limit;
mod outcomes;
mod ownership;
mod part_rows;
pub(crate) mod pauses;
mod reconcile;
mod registry;
mod retry;
#[cfg(feature = "testing")]
mod seams;
mod send;
mod watch;
mod webhooks;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{Either, Ready, ready};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::{DecodeError, Delivery, Event, MemberId};
use crate::handler::{AnyBot, AnyConnector, AnyMiddleware, Signer, TurnServices};
use crate::portal::{Application, Http, Plan, Portal, Urgency};
use crate::store::{
    Access, Clock, Conversation, EventId, Installation, Limits, OrderingKey, PAUSED, Store,
    StoreError, StoreErrorKind, Time, TurnCommit,
};
use crate::tasks::Watch;

use accept::arrivals::Arrivals;
use accept::charset::Charsets;
use accept::payment::Payments;
use accept::proof_limits::ProofLimits;
use background::backlog::Backlog;
use background::offline_fetch::OfflineFetch;
use background::polling::Polling;
use broadcasts::{Broadcasts, JOB};
use handle::connectors::ConnectorEntry;
use health::HealthCheck;
use keyed_queues::{KeyedQueues, Next};
use known_chats::{KNOWN, KnownChats};
use outcomes::Outcomes;
use ownership::Owned;
use pauses::Pauses;
use registry::{Installed, Registry};
use send::QueuedSend;

pub use crate::tasks::TaskFailed;
pub use accept::Accepted;
pub use accept::hook_tokens::{HookTokenError, HookTokens};
pub use accept::install::InstallClaim;
pub use accept::install_queue::{
    INSTALL_KEPT, INSTALL_PATIENCE, INSTALLS_AT_ONCE_MAX, INSTALLS_MAX, INSTALLS_OF_ONE_MAX,
    INSTALLS_PER_MINUTE,
};
pub use accept::payment::PAYMENT_INTERVAL;
pub(crate) use accept::spare::OfferedTokens;
pub use accept::unproven::{UNPROVEN_BYTES_MAX, UNPROVEN_KEYS_MAX};
pub use background::polling::{ACTIVE_TIME, ChatLink, POLL_QUICK, POLL_SLOW};
pub use background::rivals::RIVAL_EVERY;
pub use background::{NOTICE_INTERVAL, SWEEP_INTERVAL};
pub use broadcasts::{
    BROADCAST_KEPT, BroadcastCounts, BroadcastState, BroadcastStatus, ChatResult, OUTSTANDING_MAX,
    PROGRESS_INTERVAL, SkipReason,
};
pub use counts::{Count, Counts};
pub(crate) use handle::connector_settings::{SettingsPage, SettingsRequest};
pub use handle::connectors::OUTSIDE_ATTEMPTS_MAX;
pub(crate) use handle::hooks::{HookSpec, user_in_query};
pub use health::Health;
pub use log_limit::LOG_LINES_MAX;
pub(crate) use log_limit::LogLimit;
pub use outcomes::RequestOutcome;
pub(crate) use outcomes::Watched;
pub use ownership::HAND_OVER_PATIENCE;
pub use pauses::REMINDER_POSTPONED;
#[cfg(feature = "cli")]
pub(crate) use reconcile::requirements::Requirement;
pub use reconcile::{Mode, START_PATIENCE, Step};
pub use retry::{ATTEMPTS_MAX, DELAY_ANNOUNCED_AFTER, PAUSE_MAX, PAUSE_MIN};
#[cfg(feature = "testing")]
pub(crate) use seams::Seams;
pub use send::{
    RepeatId, RestTransport, SEND_PATIENCE, SEND_PATIENCE_MIN, SENDS_OF_ONE_MAX, Transport,
};

/// Maximum number of waiting events that are kept decoded. Of further ones only the id is kept, and
/// they are read back.
pub const DECODED_MAX: usize = 2_000;
/// Maximum number of handlers that run at once. Further events wait in their queues.
pub const TURNS_MAX: usize = 4_096;
/// Maximum number of portals that are set up at once after an installation. Further ones wait.
const SETUPS_MAX: usize = 64;
/// Maximum number of calls that are made at once. Further calls wait in their queues.
pub const SENDS_MAX: usize = 4_096;
/// Time limit of a handler. Default of [`Options::turn_timeout`].
pub const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// Why an event is not handled, or a call not made, after its portal is gone.
const APPLICATION_REMOVED: &str = "the application was removed from the portal";

/// The parts and settings of an engine.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where events, turns, calls and installations are stored. It decides what survives a restart.
    pub store: Arc<dyn Store>,
    /// The HTTP client that all portals and the authorization server are called with.
    pub http: Http,
    /// The application's id and secret, to prove installations and renew tokens; `None` if all
    /// portals are reached by inbound webhooks.
    pub application: Option<Arc<Application>>,
    /// The portals that are reached by inbound webhooks
    /// ([`inbound_webhook`](crate::portal::inbound_webhook)). They are known from the settings,
    /// because no installation reports them.
    pub webhooks: Vec<Installation>,
    /// The tokens of outgoing webhooks, which are not the application's and so cannot be learned
    /// from an installation.
    pub hook_tokens: HookTokens,
    /// The address that portals post events to; `None` if they cannot, so that bots are polled for.
    pub handler_url: Option<String>,
    /// The source key of offline events (`auth_connector`); every call to a portal has it. Default:
    /// none.
    pub auth_connector: Option<String>,
    /// The address of the portal's script (`BX24`) for the installation page; the emulator serves
    /// one of its own.
    pub bx24_url: String,
    /// The rate limit of a portal's plan. Default: [`Plan::Standard`].
    pub plan: Plan,
    /// How messages are sent; tests and programs can record or send them another way. Default:
    /// [`RestTransport`].
    pub transport: Arc<dyn Transport>,
    /// Time limit of a handler, so that one that hangs does not stop its chat, unless the bot has
    /// one of its own ([`Profile::turn_timeout`](crate::Profile::turn_timeout)). Default:
    /// [`TURN_TIMEOUT`].
    pub turn_timeout: Duration,
    /// How often an event is tried before it becomes a dead letter. Default: [`ATTEMPTS_MAX`].
    pub attempts: u32,
    /// How long the store keeps what is done, so that it does not grow with time.
    pub limits: Limits,
    /// Interval between two polls of a bot while people talk to it. Default: [`POLL_QUICK`].
    pub poll_quick: Duration,
    /// Interval between two polls of a bot while nobody does. Default: [`POLL_SLOW`].
    pub poll_slow: Duration,
    /// The number of this deployment. A process with a lower number does not set up portals again
    /// that one with a higher number has set up. Default: 0.
    pub deployment: u64,
    /// The clock; tests use one that they control. Default: the system's.
    pub clock: Clock,
    /// What a test changes.
    #[cfg(feature = "testing")]
    pub(crate) seams: Seams,
}

/// The bots, hooks and connectors of one application, on all its portals.
///
/// [`serve`](crate::serve) runs one behind a web server. A program with a web server of its own
/// passes it the events:
///
/// ```no_run
/// use std::time::Duration;
///
/// use imbot::Config;
/// use imbot::prelude::*;
///
/// struct Greeter;
///
/// impl Bot for Greeter {
///     async fn message(&self, cx: &mut Context, _: Message) -> Result {
///         cx.say("Hello");
///         Ok(())
///     }
/// }
///
/// # async fn example(body: bytes::Bytes) -> Result {
/// let mut config = Config::default();
/// config.client_id = Some("local.1".into());
/// config.client_secret = Some("secret".to_owned().into());
/// config.public_url = Some("https://bots.example.com/".into());
/// let engine = App::new().bot(Greeter).engine(&config)?;
///
/// engine.start().await?; // continues what an earlier process left
/// engine.reconcile().await; // registers the bot on the portals that are known
/// engine.accept(body).await?; // for each event that a portal posts
/// engine.stop(Duration::from_secs(10)).await;
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    /// What the application and the settings chose; every stage reads them.
    options: Options,
    /// The bots in the application's order, which is also the order in which they are registered on
    /// a portal.
    bots: Vec<Arc<dyn AnyBot>>,
    /// What runs around the turns of the bots, outermost first.
    middleware: Vec<Arc<dyn AnyMiddleware>>,
    /// The hooks, each with the name under which its events are stored, so that it finds them after
    /// a restart.
    hooks: Vec<(Arc<str>, HookSpec)>,
    /// The connectors, each with the lines that it is joined to.
    connectors: Vec<ConnectorEntry>,
    /// The portals we are installed on: `accept` verifies against them, all later stages call them.
    registry: Registry,
    /// The stored events that wait to be handled, a queue for each chat, hook and application.
    events: Arc<KeyedQueues<OrderingKey, QueuedEvent>>,
    /// The committed calls that wait to be made, a queue for each chat.
    outbox: Arc<KeyedQueues<Conversation, QueuedSend>>,
    /// The portals that wait to be set up after an installation: one at a time for each portal.
    setups: Arc<KeyedQueues<MemberId, Portal>>,
    /// The installations and people's tokens that are being proven; bounded, because anybody can
    /// post them.
    proof_limits: ProofLimits,
    /// The payments that portals are being asked about.
    payments: Payments,
    /// The partitions of the store that this process owns: it works on their portals only.
    owned: Owned,
    /// Events in the store that are not in a queue yet. New events wait behind them.
    backlog: Backlog,
    /// What is known about the program's health, so that probes cost nothing.
    health: HealthCheck,
    /// The bots whose events are polled, so that each is polled once, and the bot of each portal
    /// that is next.
    polling: Polling,
    /// The portals whose offline events are fetched, so that each is fetched from once.
    offline_fetch: OfflineFetch,
    /// What turns use beside their event. Made by the first turn, since the store's secret belongs
    /// to it.
    services: OnceCell<Arc<TurnServices>>,
    /// Who waits for what became of a request.
    outcomes: Outcomes,
    /// The broadcasts that run on the portals of this process.
    broadcasts: Broadcasts,
    /// The chats in which a bot is paused, so that no turn has to read it.
    pauses: Pauses,
    /// The chats that were stored because their bot keeps its conversations.
    known_chats: KnownChats,
    /// Wakes the task that waits for the next reminder: a turn may have set an earlier one.
    reminders_changed: Arc<Notify>,
    /// What an operator should know about, for the operator's address and the log.
    counts: Counts,
    /// How often each event has arrived, until the store's counts are updated.
    arrivals: Arrivals,
    /// The portals whose events were not in UTF-8, so that each is logged once.
    charsets: Charsets,
    /// All tasks that a stop waits for.
    tasks: TaskTracker,
    /// Records the failure of a task that must not end; everything spawned is watched.
    watch: Watch,
    /// Set when the portals were reconciled: those that this process owns later are, too.
    reconciles: AtomicBool,
    /// Set by the first start, so that a second one has no effect.
    started: OnceCell<()>,
    /// Cancelled by a stop; everything that sleeps or retries ends then.
    stopped: CancellationToken,
}

/// A stored event in its queue.
#[derive(Debug)]
struct QueuedEvent {
    id: EventId,
    /// The event, if it arrived a moment ago; otherwise it is read from the store.
    decoded: Option<Box<(Delivery, Event)>>,
}

impl QueuedEvent {
    /// An event that is read from the store when it is handled.
    fn stored(id: EventId) -> Self {
        QueuedEvent { id, decoded: None }
    }
}

/// Why an event was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The body cannot be read.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It is not proven to be from a portal that the application is installed on. The text is the
    /// same in all cases.
    #[error("not an event of a portal that this application is installed on")]
    Unproven,
    /// Too many installations wait to be proven, or this one waited too long.
    #[error("too many installations are being proven; try again later")]
    Full,
    /// The authorization server or the portal did not answer about an installation.
    #[error("it cannot be verified now, because the other side does not answer")]
    Unreachable,
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// An engine for these bots, with this middleware around them, hooks and connectors.
    pub(crate) fn new(
        options: Options,
        bots: Vec<Arc<dyn AnyBot>>,
        middleware: Vec<Arc<dyn AnyMiddleware>>,
        hooks: Vec<HookSpec>,
        connectors: Vec<Arc<dyn AnyConnector>>,
    ) -> Arc<Self> {
        let (tasks, watch) = (TaskTracker::new(), Watch::default());
        Arc::new_cyclic(|engine: &Weak<Self>| {
            let handle = work_of(engine.clone(), Self::handle);
            let send = work_of(engine.clone(), Self::send);
            let set_up = work_of(engine.clone(), |engine, _, portal| {
                engine.set_up_installed(portal)
            });
            Engine {
                options,
                bots,
                middleware,
                hooks: handle::hooks::named(hooks),
                connectors: connectors.into_iter().map(ConnectorEntry::new).collect(),
                registry: Registry::new(),
                events: KeyedQueues::watched(
                    "turns",
                    watch.clone(),
                    tasks.clone(),
                    TURNS_MAX,
                    handle,
                ),
                outbox: KeyedQueues::watched(
                    "sender",
                    watch.clone(),
                    tasks.clone(),
                    SENDS_MAX,
                    send,
                ),
                setups: KeyedQueues::watched(
                    "setups",
                    watch.clone(),
                    tasks.clone(),
                    SETUPS_MAX,
                    set_up,
                ),
                proof_limits: ProofLimits::new(),
                payments: Payments::default(),
                owned: Owned::new(),
                backlog: Backlog::new(),
                health: HealthCheck::default(),
                polling: Polling::default(),
                offline_fetch: OfflineFetch::default(),
                services: OnceCell::new(),
                outcomes: Outcomes::default(),
                broadcasts: Broadcasts::default(),
                pauses: Pauses::default(),
                known_chats: KnownChats::default(),
                reminders_changed: Arc::default(),
                counts: Counts::default(),
                arrivals: Arrivals::default(),
                charsets: Charsets::default(),
                tasks,
                watch,
                reconciles: AtomicBool::new(false),
                started: OnceCell::new(),
                stopped: CancellationToken::new(),
            }
        })
    }

    /// Returns the ids of the known portals.
    pub fn portals(&self) -> Vec<MemberId> {
        self.registry.ids()
    }

    /// Returns the client for a known portal.
    pub fn portal(&self, id: &MemberId) -> Option<Portal> {
        self.registry.portal(id)
    }

    /// Returns how many installations this engine has set up: bots, commands and hooks are
    /// registered, or the failure is logged.
    pub fn setups(&self) -> usize {
        self.registry.setups()
    }

    /// Waits until this many installations have been set up.
    pub async fn until_set_up(&self, installations: usize) {
        self.registry.until_set_up(installations).await;
    }

    /// Waits until everything that an earlier process left is in its queue.
    pub async fn until_backlog_loaded(&self) {
        self.owned.until_loaded().await;
    }

    /// Returns how many events and how many calls wait or are being worked on.
    pub fn waiting(&self) -> (usize, usize) {
        let events = self.owned.deferred() + self.events.waiting();
        (events, self.outbox.waiting())
    }

    /// Returns what has happened since the program started.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.options.store
    }

    /// Stops handling and sending, and waits at most for `limit` until that is done. Returns true
    /// if it was. Each partition is given to other processes on the store as soon as the running
    /// work in it has ended.
    ///
    /// With a durable store, running turns and calls are ended and no more are started: the next
    /// process goes on. Without one, everything that was accepted is handled and sent first, unless
    /// the engine has [failed](Engine::failed). Events are still accepted meanwhile.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.health.note_stop();
        let end = tokio::time::Instant::now() + limit;
        if !self.options.store.is_durable() && self.watch.failure().is_none() {
            let idle = async {
                if self.started.initialized() {
                    self.until_backlog_loaded().await;
                }
                while self.waiting() != (0, 0) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let _ = tokio::time::timeout_at(end, idle).await; // what is left is logged below
        }
        self.stopped.cancel();
        self.events.close();
        self.outbox.close();
        self.setups.close();
        self.proof_limits.close();
        self.tasks.close();
        let ended = async {
            self.give_back_all().await;
            self.tasks.wait().await;
        };
        let is_done = tokio::time::timeout_at(end, ended).await.is_ok();
        if let Err(error) = self.arrivals.flush(&*self.options.store).await {
            tracing::warn!(%error, "the last events are not counted");
        }
        let (events, calls) = self.waiting();
        if !is_done {
            tracing::warn!(
                events,
                calls,
                ?limit,
                "stopped before all running work had ended"
            );
        } else if (events, calls) != (0, 0) {
            tracing::info!(events, calls, "the rest waits for the next start");
        }
        is_done
    }

    /// Returns the time of the engine's clock.
    pub(crate) fn now(&self) -> Time {
        self.options.clock.now()
    }

    /// Returns the default language of a portal, if it is known.
    pub(crate) fn language(&self, portal: &MemberId) -> Option<String> {
        self.registry.language(portal)
    }

    /// Returns the address of the portal's script for the installation page.
    pub(crate) fn bx24_url(&self) -> &str {
        &self.options.bx24_url
    }

    /// Returns the names of the bots, as people see them.
    pub(crate) fn bot_names(&self) -> Vec<&str> {
        self.bots.iter().map(|bot| bot.profile().name()).collect()
    }

    /// Returns the bot with this code. A program has few bots, so a search is quick enough.
    fn bot(&self, code: &str) -> Option<&Arc<dyn AnyBot>> {
        self.bots.iter().find(|bot| bot.profile().code() == code)
    }

    /// Returns what turns use beside their event.
    ///
    /// # Errors
    /// The secret of the store could not be read or stored.
    async fn services(&self) -> Result<Arc<TurnServices>, StoreError> {
        let make = async || {
            let signer = Signer::new(&self.options.store.secret().await?);
            let store = Arc::clone(&self.options.store);
            let answers = Arc::default();
            Ok(Arc::new(TurnServices {
                store,
                signer,
                answers,
            }))
        };
        self.services.get_or_try_init(make).await.cloned()
    }

    /// Reads the installation of a portal, which another process may have stored or removed.
    async fn read_portal(self: &Arc<Self>, id: &MemberId) -> Result<(), StoreError> {
        let _changing = self.registry.change(id).await;
        let known = self.portal(id);
        let Some(stored) = self.options.store.portal(id).await? else {
            if known.is_some() {
                tracing::info!(portal = %id, "the application was removed from the portal");
                self.registry.remove(id);
            }
            return Ok(());
        };
        let Some(portal) = known else {
            tracing::info!(portal = %id, "another process has installed the application on a portal");
            let portal = self.add_portal(stored).await;
            self.set_up_soon(portal);
            return Ok(());
        };
        let installed = portal.installation().await;
        let is_new = installed.application_token.expose_secret()
            != stored.application_token.expose_secret()
            || installed.installed_at != stored.installed_at;
        if is_new || !installed.is_same(&stored) {
            let portal = self.add_portal(stored).await;
            if is_new {
                self.set_up_soon(portal);
            }
        }
        Ok(())
    }

    /// Adds a portal to the registry, or gives a known one its new tokens, and returns its client.
    async fn add_portal(&self, installation: Installation) -> Portal {
        let known = self.portal(&installation.portal);
        let application_token = installation.application_token.clone();
        let installed_at = installation.installed_at;
        let is_webhook = matches!(installation.access, Access::Webhook(_));
        let id = installation.portal.clone();
        let portal = match known {
            Some(portal) => {
                portal.replace(installation).await;
                portal
            }
            None => self.client(installation),
        };
        portal.watch_with(&self.watch);
        let installed = Installed {
            application_token,
            installed_at,
            number: 0,
            is_webhook,
            portal: portal.clone(),
        };
        self.registry.insert(id, installed);
        let now = self.options.clock.now();
        portal.renew_old_tokens(now).await; // the age of these tokens counts from now on
        portal
    }

    /// Returns a client for the portal of an installation.
    fn client(&self, installation: Installation) -> Portal {
        let Options {
            http,
            application,
            store,
            plan,
            auth_connector,
            ..
        } = &self.options;
        let (http, application, store) = (http.clone(), application.clone(), store.clone());
        let portal = Portal::new(http, application, store, installation, *plan);
        portal.use_clock(&self.options.clock);
        match auth_connector {
            Some(source) => portal.with_source(source),
            None => portal,
        }
    }

    /// Commits a turn, then queues its calls. While the store cannot write, it retries: what a
    /// handler decided is not decided again. Returns false if the program stops before the turn is
    /// written.
    async fn commit(&self, turn: &TurnCommit) -> bool {
        self.commit_for(turn, Urgency::Answer).await
    }

    /// The same for calls that these people wait for.
    async fn commit_for(&self, turn: &TurnCommit, urgency: Urgency) -> bool {
        if !self.write(|store| store.commit(turn.clone())).await {
            return false;
        }
        self.outcomes.report_turn(turn);
        self.follow_parts(turn);
        for call in &turn.calls {
            let urgency = match call.to.connector() {
                Some(_) => Urgency::Visitor,
                None => urgency,
            };
            let queued = QueuedSend::new(call.id).with_urgency(urgency);
            self.outbox.push(call.to.clone(), queued);
        }
        if !turn.reminders.is_empty() {
            self.reminders_changed.notify_one();
        }
        true
    }

    /// Follows the parts that a turn has committed and that this process has in memory.
    fn follow_parts(&self, turn: &TurnCommit) {
        for (key, change) in &turn.parts {
            match key.as_part() {
                Some((_, PAUSED)) => self.on_pause_committed(key, change),
                Some((_, KNOWN)) => self.known_chats.note(key.whole(), turn.at),
                Some((_, JOB)) => self.broadcasts.names().insert(&key.whole(), false),
                _ => {}
            }
        }
    }

    /// Writes to the store, and retries until it is written. Returns false if the program stops
    /// before that.
    async fn write<'s, F>(&'s self, write: impl Fn(&'s dyn Store) -> F) -> bool
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        const PAUSE: Duration = Duration::from_secs(1);
        loop {
            let Err(error) = write(&*self.options.store).await else {
                return true;
            };
            if error.kind() == StoreErrorKind::NotOwner {
                // The store is about to say that the partition is lost, which ends this work.
                tracing::debug!(%error, "the store refuses what another process owns now");
            } else {
                tracing::error!(%error, "the store cannot write; retrying");
            }
            let pause = self.stopped.run_until_cancelled(tokio::time::sleep(PAUSE));
            if Box::pin(pause).await.is_none() {
                return false;
            }
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = self.bots.iter().map(|bot| bot.profile().code());
        f.debug_struct("Engine")
            .field("bots", &codes.collect::<Vec<_>>())
            .field("portals", &self.portals())
            .finish()
    }
}

/// Returns the work of queues that the engine owns: it ends with the engine.
fn work_of<K, T, F>(
    engine: Weak<Engine>,
    work: impl Fn(Arc<Engine>, K, T) -> F + Send + Sync + 'static,
) -> impl Fn(K, T) -> Either<F, Ready<Next<T>>> + Send + Sync + 'static
where
    K: 'static,
    T: 'static,
    F: Future<Output = Next<T>> + 'static,
{
    move |key, item| match engine.upgrade() {
        Some(engine) => Either::Left(work(engine, key, item)),
        None => Either::Right(ready(Next::Gone)),
    }
}

/// Locks a mutex, also after a panic: no code that holds these locks leaves anything half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
