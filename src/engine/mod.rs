//! From event to answer: verify, decode, write down, handle in order, commit, send.
//!
//! [`Engine::accept`] is the single door for events, however they came. Behind it every chat and every hook has a lane of
//! its own: one lane's events are handled one at a time in the order accepted, lanes run side by side. What a turn says
//! goes out the same way, a lane per chat.
//!
//! What waits is bounded by the store and not by memory, since a portal does not send again what was refused: a lane
//! holds little more than numbers. Of the newest events [`FRESH_MAX`] are kept decoded, too, so that what is handled at
//! once is never read back. At most [`TURNS_MAX`] handlers and [`SENDS_MAX`] calls run at once.

mod accept;
mod background;
mod counts;
mod handle;
mod keyed_queues;
mod reconcile;
mod retry;
mod send;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::{DashMap, DashSet};
use foldhash::quality::RandomState;
use secrecy::SecretString;
use tokio::sync::{Notify, OnceCell, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::{BotId, BotRef, DecodeError, Delivery, Event, MemberId};
use crate::handler::{AnyBot, AnyConnector};
use crate::portal::{Application, Http, Plan, Portal};
use crate::store::{
    Clock, Conversation, EventId, Installation, Limits, OrderingKey, Store, StoreError, TurnCommit,
};

use accept::arrivals::Arrivals;
use accept::install::Claim;
use accept::payment;
use handle::connectors::JoinableConnector;
use handle::hooks;
use handle::hooks::RegisteredHook;
use keyed_queues::KeyedQueues;
use send::QueuedSend;

pub use accept::hook_tokens::{HookTokenError, HookTokens};
pub use background::polling::{ChatLink, POLL_QUICK, POLL_SLOW, RIVAL_EVERY, TALK};
pub use background::{LOOK_INTERVAL, SWEEP_INTERVAL};
pub use counts::Counts;
pub(crate) use handle::connector_settings::{Opened, Settings};
pub use handle::connectors::OUTSIDE_ATTEMPTS_MAX;
pub(crate) use handle::hooks::HookSpec;
#[cfg(feature = "cli")]
pub(crate) use reconcile::requirements::Requirement;
pub use reconcile::{Mode, START_PATIENCE, Step};
pub use retry::{ATTEMPTS_MAX, PAUSE_MAX, PAUSE_MIN};
pub use send::{Once, RestTransport, SEND_PATIENCE, SENDS_OF_ONE_MAX, Speech, Transport};

/// The most events that are kept decoded while they wait; of others only the number is, and they are read back.
pub const FRESH_MAX: usize = 2_000;
/// The most handlers that run at once.
pub const TURNS_MAX: usize = 4_096;
/// The most calls that are being made at once.
pub const SENDS_MAX: usize = 4_096;
/// How long a handler may take. Default of [`Options::turn_timeout`].
pub const TURN_TIMEOUT: Duration = Duration::from_secs(60);
/// The most claims that wait for one portal's installation to be proven.
const CLAIMS_MAX: usize = 4;
/// The most installations that are being proven at once.
pub const INSTALLS_MAX: usize = 64;

/// What the engine is made of.
#[derive(Debug)]
pub struct Options {
    /// Where it remembers.
    pub store: Arc<dyn Store>,
    /// What it calls portals with.
    pub http: Http,
    /// The application that it is; nothing if portals are reached by inbound webhooks only.
    pub application: Option<Arc<Application>>,
    /// The portals that are reached by inbound webhooks ([`inbound`](crate::portal::inbound)).
    pub webhooks: Vec<Installation>,
    /// The tokens of outgoing webhooks.
    pub hook_tokens: HookTokens,
    /// Where portals post events, as they see it; nothing if they cannot.
    pub handler_url: Option<String>,
    /// The portal's script for applications with an interface.
    pub bx24_url: String,
    /// How quickly portals may be called. Default: [`Plan::Standard`].
    pub plan: Plan,
    /// How messages go out. Default: [`Rest`].
    pub speaker: Arc<dyn Transport>,
    /// How long a handler may take. Default: [`TURN_TIMEOUT`].
    pub turn_timeout: Duration,
    /// How often an event is tried. Default: [`ATTEMPTS_MAX`].
    pub attempts: u32,
    /// How long things are kept that are of no use any more.
    pub limits: Limits,
    /// How often a bot whose events are polled is asked for while people talk to it. Default: [`POLL_QUICK`].
    pub poll_quick: Duration,
    /// How often in silence. Default: [`POLL_SLOW`].
    pub poll_slow: Duration,
    /// What time it is. Default: the system's clock.
    pub clock: Clock,
}

/// The bots and hooks of one application, on all its portals.
pub struct Engine {
    options: Options,
    /// As the application has them, and so as people see them on the portal.
    bots: Vec<Arc<dyn AnyBot>>,
    hooks: Vec<RegisteredHook>,
    connectors: Vec<JoinableConnector>,
    portals: DashMap<MemberId, Known, RandomState>,
    events: Arc<KeyedQueues<OrderingKey, Job>>,
    outbox: Arc<KeyedQueues<Conversation, QueuedSend>>,
    installs: Arc<KeyedQueues<MemberId, Claim>>,
    /// Events that came while an earlier life's are still being taken up; nothing once those are.
    held: Mutex<Option<Vec<(EventId, OrderingKey)>>>,
    /// Whether the store had to spool events that are not in their lanes yet.
    has_spooled: AtomicBool,
    /// Held while news are taken over from the store.
    looking: tokio::sync::Mutex<()>,
    /// Lanes that wait for an operator.
    blocked: Mutex<HashSet<OrderingKey>>,
    /// The bots of this program on each portal that they were registered on.
    registered: DashMap<MemberId, Vec<BotRef>, RandomState>,
    /// The bots that are polled for.
    polled: DashMap<(MemberId, BotId), String>,
    /// The portals whose offline events are fetched.
    fetching_offline: DashSet<MemberId>,
    /// When each portal may be polled next.
    poll_turns: DashMap<MemberId, Arc<tokio::sync::Mutex<Option<Instant>>>>,
    /// Told when a reminder is set.
    reminded: Arc<Notify>,
    counts: Counts,
    arrivals: Arrivals,
    /// Taken while a payment is compared with what its portal tells.
    payments: Semaphore,
    /// How many installations have been set up so far.
    set_ups: watch::Sender<usize>,
    tasks: TaskTracker,
    started: OnceCell<()>,
    /// Cancelled when everything that an earlier life left is in the lanes.
    taken_up: CancellationToken,
    stopped: CancellationToken,
}

/// An event in its lane.
#[derive(Debug)]
struct Job {
    id: EventId,
    /// What it is, if it came a moment ago.
    fresh: Option<Box<(Delivery, Event)>>,
}

impl Job {
    /// An event that is in the store.
    fn stored(id: EventId) -> Job {
        Job { id, fresh: None }
    }
}

/// A portal that we are installed on.
#[derive(Clone)]
struct Known {
    application_token: SecretString,
    portal: Portal,
}

/// What an installation claims, to be proven by exchanging its refresh token.
#[derive(Debug)]
pub struct Proof {
    /// The portal that it claims to be.
    pub portal: MemberId,
    /// What its events will carry.
    pub application_token: SecretString,
    /// What the authorization server knows to be this portal's, if it is.
    pub refresh_token: SecretString,
    /// The event that claims it, for the hooks; an installation page is none.
    pub event: Option<Delivery>,
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It does not prove that it is from a portal that we are installed on. More is not told.
    #[error("not an event of a portal that this application is installed on")]
    Unproven,
    /// Too many installations or payments are being proven.
    #[error("too many events that show nothing for themselves are being proven")]
    Full,
    /// The authorization server could not be asked whether an installation is one, or the portal about a payment.
    #[error("whether it is true cannot be asked")]
    Unreachable,
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// An engine for these bots and hooks.
    pub(crate) fn new(
        options: Options,
        bots: Vec<Arc<dyn AnyBot>>,
        hooks: Vec<HookSpec>,
        connectors: Vec<Arc<dyn AnyConnector>>,
    ) -> Arc<Engine> {
        let tasks = TaskTracker::new();
        Arc::new_cyclic(|engine: &std::sync::Weak<Engine>| {
            let lanes = || (engine.clone(), tasks.clone());
            Engine {
                options,
                bots,
                hooks: hooks::named(hooks),
                connectors: connectors.into_iter().map(JoinableConnector::new).collect(),
                portals: DashMap::default(),
                events: KeyedQueues::new(lanes(), TURNS_MAX, Engine::handle),
                outbox: KeyedQueues::new(lanes(), SENDS_MAX, Engine::send),
                installs: KeyedQueues::new(lanes(), INSTALLS_MAX, |engine, _, claim| {
                    engine.prove(claim)
                }),
                held: Mutex::new(Some(Vec::new())),
                has_spooled: AtomicBool::new(false),
                looking: tokio::sync::Mutex::default(),
                blocked: Mutex::default(),
                registered: DashMap::default(),
                polled: DashMap::new(),
                fetching_offline: DashSet::new(),
                poll_turns: DashMap::new(),
                reminded: Arc::default(),
                counts: Counts::default(),
                arrivals: Arrivals::default(),
                payments: Semaphore::new(payment::COMPARED_MAX),
                set_ups: watch::Sender::new(0),
                tasks: tasks.clone(),
                started: OnceCell::new(),
                taken_up: CancellationToken::new(),
                stopped: CancellationToken::new(),
            }
        })
    }

    /// Tells the portals that are known, for `/health` and the log.
    pub fn portals(&self) -> Vec<MemberId> {
        self.portals
            .iter()
            .map(|known| known.key().clone())
            .collect()
    }

    /// How many installations this engine has set up: bots, commands and hooks registered, or the failure logged.
    pub fn set_ups(&self) -> usize {
        *self.set_ups.borrow()
    }

    /// Waits until so many installations are set up.
    pub async fn until_set_up(&self, installations: usize) {
        let mut set_ups = self.set_ups.subscribe();
        drop(set_ups.wait_for(|done| *done >= installations).await); // the sender lives as long as the engine
    }

    /// Waits until everything that an earlier process left is in its lane.
    pub async fn until_taken_up(&self) {
        self.taken_up.cancelled().await;
    }

    /// How many events wait, and how many calls.
    pub fn waiting(&self) -> (usize, usize) {
        let held = lock(&self.held).as_ref().map_or(0, Vec::len);
        (held + self.events.waiting(), self.outbox.waiting())
    }

    /// What has happened since the program began.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Begins no more turns and calls, and waits until those that are begun end, at most for `limit`. Says whether they
    /// did. Events are still taken in: a store that outlives the process keeps them for the next one.
    ///
    /// With a store that does not, everything that was taken in is handled and sent first.
    pub async fn stop(&self, limit: Duration) -> bool {
        let end = tokio::time::Instant::now() + limit;
        if !self.options.store.is_durable() {
            let idle = async {
                if self.started.initialized() {
                    self.until_taken_up().await;
                }
                while self.waiting() != (0, 0) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            drop(tokio::time::timeout_at(end, idle).await); // what is left is told below
        }
        self.stopped.cancel();
        self.events.close();
        self.outbox.close();
        self.installs.close();
        self.tasks.close();
        let is_done = tokio::time::timeout_at(end, self.tasks.wait())
            .await
            .is_ok();
        if let Err(error) = self.add_up_arrivals().await {
            tracing::warn!(%error, "the last events are not counted");
        }
        let (events, calls) = self.waiting();
        if !is_done {
            tracing::warn!(
                events,
                calls,
                ?limit,
                "stopped before everything that was begun had ended"
            );
        } else if (events, calls) != (0, 0) {
            tracing::info!(events, calls, "the rest waits for the next start");
        }
        is_done
    }

    /// The portal's script that the installation page loads.
    pub(crate) fn bx24_url(&self) -> &str {
        &self.options.bx24_url
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.options.store
    }

    /// The client for a portal that we are installed on.
    pub fn portal(&self, id: &MemberId) -> Option<Portal> {
        self.portals.get(id).map(|known| known.portal.clone())
    }

    /// The bot of this code. A program has a handful, so looking through them is as quick as anything.
    fn bot(&self, code: &str) -> Option<&Arc<dyn AnyBot>> {
        self.bots.iter().find(|bot| bot.profile().code() == code)
    }

    async fn know(&self, installation: Installation) -> Portal {
        let known = self.portal(&installation.portal);
        let token = installation.application_token.clone();
        let id = installation.portal.clone();
        let portal = match known {
            Some(portal) => {
                portal.renew(installation).await;
                portal
            }
            None => {
                let Options {
                    http,
                    application,
                    store,
                    ..
                } = &self.options;
                Portal::new(
                    http.clone(),
                    application.clone(),
                    store.clone(),
                    installation,
                    self.options.plan,
                )
            }
        };
        self.portals.insert(
            id,
            Known {
                application_token: token,
                portal: portal.clone(),
            },
        );
        portal
    }

    /// Ends a turn, then hands its calls to the sender. A store that cannot write now is asked again and again: what was
    /// decided is not decided anew for its sake. Says whether the turn is written.
    async fn commit(&self, turn: &TurnCommit) -> bool {
        if !self.write(|store| store.commit(turn.clone())).await {
            return false;
        }
        for call in &turn.calls {
            self.outbox.push(call.to.clone(), QueuedSend::new(call.id));
        }
        if !turn.reminders.is_empty() {
            self.reminded.notify_one();
        }
        true
    }

    /// Writes something, again and again until it is written or the program stops. Says whether it is.
    async fn write<'s, F>(&'s self, write: impl Fn(&'s dyn Store) -> F) -> bool
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        const PAUSE: Duration = Duration::from_secs(1);
        loop {
            let Err(error) = write(&*self.options.store).await else {
                return true;
            };
            tracing::error!(%error, "the store cannot write; it is tried again");
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

/// A panic while the lock was held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
