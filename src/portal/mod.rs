//! Calls a portal: the only part on the way of an event that names reqwest.
//!
//! [`Portal`] is the application on one portal. [`Portal::call`] is the road of a call: pass the
//! breaker, acquire a permit, take the tokens, send, decode; only what was certainly not run is
//! repeated. Addresses come from a proven installation and from the configured authorization
//! server, never from an event.
//!
//! - `api` holds what can be called: bots, batches, bindings, files, lists.
//! - `methods` lists the REST methods as types.
//! - `schedule` decides when a call is made.
//! - `auth` provides the tokens.
//! - `http` sends the request and reads the answer.
//! - `error` classifies what can fail.

mod api;
mod auth;
mod error;
mod http;
pub mod methods;
mod schedule;

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use foldhash::quality::FixedState;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::event::MemberId;
use crate::store::{Clock, Installation, Store, Time};
use crate::tasks::Watch;
use auth::token_renewal::Credentials;
use http::answer::Answer;
use http::request::RestVersion;
use methods::Method;
use schedule::acquire::{Permit, Scheduler};
use schedule::breaker::{Breaker, Transition};
use schedule::queue::Slot;

pub use api::batch::{Answers, Batch, Command, Reference};
pub use api::bot_client::{BotClient, Status};
pub use api::bots::EVENTS_MAX;
pub use api::files::FILE_BYTES_MAX;
pub use api::offline::{OFFLINE_MAX, OfflineBatch};
pub(crate) use auth::administrator::{Proof, Proven};
pub use auth::token_exchange::{Application, Grant, OAUTH_URL};
pub use auth::webhook::{AddressError, inbound_webhook};
pub use error::Error;
#[cfg(feature = "cli")]
pub(crate) use error::Reason;
pub(crate) use http::answer::number;
#[cfg(feature = "cli")]
pub(crate) use http::certificate::Validity;
pub use http::client::{ANSWER_BYTES_MAX, CALL_TIMEOUT, Http, HttpOptions};
pub use http::file::{FileContent, FileHeader};
pub use http::forward::{FORWARD_BYTES_MAX, FORWARD_TIMEOUT};
#[cfg(feature = "cli")]
pub(crate) use http::probe::Probe;
pub use http::redirect::HOPS_MAX;
#[cfg(feature = "testing")]
pub(crate) use http::sender::Cut;
pub use http::signature::{
    SECRET_BYTES_MIN, SIGNATURE_TOLERANCE, SecretError, SignatureError, Signer,
};
pub use methods::event::Binding;
pub use methods::imbot_v2::{BotInfo, CommandInfo};
pub use schedule::breaker::PROBE_MAX;
pub use schedule::bucket::Plan;
pub use schedule::queue::{BATCH_MAX, QUEUE_MAX, Urgency};

/// Maximum number of times a call is repeated that never reached the portal, or that the portal
/// refused for its limits before running it.
pub const REPEATS_MAX: u32 = 6;
/// Maximum time a call waits for a method that has used up its running time. If the block lasts
/// longer, the call fails with `OPERATION_TIME_LIMIT` and [`Error::retry_after`].
pub const OPERATING_PATIENCE: Duration = Duration::from_secs(30);
/// The pause before a portal that could not be reached is tried again; every further pause is twice
/// as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The application on one portal. Cheap to clone.
///
/// All clones share one rate limit, and so do all processes on one store. When it is reached,
/// answers to people go first, keys alternate ([`with_key`](Portal::with_key)), and calls that can
/// be batched go in one `batch`. A call that waits alone is not delayed for that.
///
/// ```no_run
/// use imbot::event::BotId;
/// use imbot::portal::Portal;
/// use imbot::portal::methods::imbot_v2;
///
/// # async fn example(portal: Portal) -> Result<(), imbot::portal::Error> {
/// // A method from the table: its parameters and its answer have types.
/// let bots = portal.run(imbot_v2::BotList::new()).await?.bots;
/// // Any other method, by name.
/// let scopes: Vec<String> = portal.call("scope", &serde_json::json!({})).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Portal {
    inner: Arc<Inner>,
    slot: Slot,
    /// How its calls differ from others; `None` for most.
    variant: Option<Arc<Variant>>,
}

/// How the calls of one clone of a portal differ.
#[derive(Clone, Debug, Default)]
struct Variant {
    /// The access token in place of the installation's.
    token: Option<SecretString>,
    /// `auth_connector` of every call.
    source: Option<String>,
    /// Whether they are only made while this process owns the portal.
    is_owners: bool,
}

#[derive(Debug)]
struct Inner {
    id: MemberId,
    address: RwLock<Address>,
    http: Http,
    application: Option<Arc<Application>>,
    store: Arc<dyn Store>,
    scheduler: std::sync::Mutex<Scheduler>,
    /// Notified when a call that somebody waits for enters the queue.
    answer_queued: Notify,
    breaker: std::sync::Mutex<Breaker>,
    /// Locked while the tokens are renewed, so that many callers that find them expired renew them
    /// once.
    credentials: Mutex<Credentials>,
    /// Whether the portal is away or blocked, for those who wait for it.
    is_away: watch::Sender<bool>,
    /// The same, for those who do not wait.
    is_away_now: AtomicBool,
    /// Locked by the caller that is next to try a portal that is away, so that one timer runs and
    /// not one for each caller.
    next_probe: Mutex<()>,
    /// Notified when a call failed while the portal is away: the next try has another time then.
    probe_failed: Notify,
    /// Calls that run or wait.
    busy: AtomicUsize,
    /// Records the failure of the tasks that make calls wait; the first engine's.
    watch: OnceLock<Watch>,
    /// The clock, if it is not the system's.
    clock: OnceLock<Clock>,
}

/// Where a portal is reached, and was before.
#[derive(Debug)]
struct Address {
    /// The address of its REST methods.
    endpoint: String,
    /// All its hosts, the present one last.
    hosts: Vec<String>,
}

impl Address {
    fn of(installation: &Installation) -> Self {
        Self {
            endpoint: installation.endpoint.clone(),
            hosts: installation.hosts(),
        }
    }
}

/// Counts a call while it lives.
struct Busy<'p>(&'p AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Portal {
    /// The application on the portal of this installation. `application` may be `None` only if the
    /// portal is called by an inbound webhook.
    pub fn new(
        http: Http,
        application: Option<Arc<Application>>,
        store: Arc<dyn Store>,
        installation: Installation,
        plan: Plan,
    ) -> Self {
        let inner = Inner {
            id: installation.portal.clone(),
            address: RwLock::new(Address::of(&installation)),
            http,
            application,
            store,
            scheduler: std::sync::Mutex::new(Scheduler::new(plan)),
            answer_queued: Notify::new(),
            breaker: std::sync::Mutex::default(),
            credentials: Mutex::new(Credentials::new(installation)),
            is_away: watch::Sender::new(false),
            is_away_now: AtomicBool::new(false),
            next_probe: Mutex::default(),
            probe_failed: Notify::new(),
            busy: AtomicUsize::new(0),
            watch: OnceLock::new(),
            clock: OnceLock::new(),
        };
        Self {
            inner: Arc::new(inner),
            slot: Slot::default(),
            variant: None,
        }
    }

    /// Reports the failure of the portal's own tasks to this watch, unless it has one.
    pub(crate) fn watch_with(&self, watch: &Watch) {
        let _ = self.inner.watch.set(watch.clone());
    }

    fn watch(&self) -> &Watch {
        self.inner.watch.get_or_init(Watch::default)
    }

    /// The portal's own id.
    pub fn id(&self) -> &MemberId {
        &self.inner.id
    }

    /// The address of its REST methods, such as `https://example.bitrix24.com/rest/`. A portal may
    /// move.
    pub fn endpoint(&self) -> String {
        let address = self.inner.address.read();
        let address = address.unwrap_or_else(PoisonError::into_inner);
        address.endpoint.clone()
    }

    /// Returns the hosts that the portal has and had, the present one last.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let address = self.inner.address.read();
        let address = address.unwrap_or_else(PoisonError::into_inner);
        address.hosts.clone()
    }

    fn set_address(&self, installation: &Installation) {
        let address = self.inner.address.write();
        *address.unwrap_or_else(PoisonError::into_inner) = Address::of(installation);
    }

    /// The same portal for calls that nobody waits for ([`Urgency::Bulk`]): answers to people go
    /// first.
    #[must_use]
    pub fn in_bulk(&self) -> Self {
        let mut portal = self.clone();
        portal.slot.urgency = Urgency::Bulk;
        portal
    }

    /// Returns how urgent its calls are.
    pub fn urgency(&self) -> Urgency {
        self.slot.urgency
    }

    /// The same portal for answers to a visitor ([`Urgency::Visitor`]): answers to portal users go
    /// first.
    #[must_use]
    pub fn for_visitor(&self) -> Self {
        let mut portal = self.clone();
        portal.slot.urgency = Urgency::Visitor;
        portal
    }

    /// The same portal for the calls of one key, such as a chat. While calls wait, keys alternate.
    /// Default: one key for all calls.
    #[must_use]
    pub fn with_key(&self, key: &impl Hash) -> Self {
        let mut portal = self.clone();
        portal.slot.key = FixedState::default().hash_one(key);
        portal
    }

    /// The same portal for calls with this access token, such as an event's
    /// ([`Auth::access_token`](crate::event::Auth::access_token)), and so with the rights of its
    /// user. They share the rate limit with all others, and are never sent in one batch with them.
    ///
    /// The token is not renewed: when it expires, an hour after it was issued, the portal refuses
    /// with `expired_token`.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        self.with_variant(|variant| variant.token = Some(token))
    }

    /// The same portal for calls that only the process may make that owns the portal
    /// ([`may_send`](crate::store::Ownership::may_send)). Each is checked when its request is
    /// written.
    #[must_use]
    pub(crate) fn while_owned(&self) -> Self {
        if self.inner.store.send_limit().is_none() {
            return self.clone(); // no other process may make them
        }
        self.with_variant(|variant| variant.is_owners = true)
    }

    /// Returns true if a call may be made now, as far as it depends on who owns the portal.
    fn may_send(&self) -> bool {
        let is_owners = self.variant.as_ref().is_some_and(|own| own.is_owners);
        !is_owners || self.owner_may_send()
    }

    fn owner_may_send(&self) -> bool {
        let store = &self.inner.store;
        store.may_send(store.partition(self.id()))
    }

    /// Uses this clock for times that other processes on the store see. Default: the system's.
    pub(crate) fn use_clock(&self, clock: &Clock) {
        let _ = self.inner.clock.set(clock.clone()); // the first one stays
    }

    pub(in crate::portal) fn now(&self) -> Time {
        self.inner
            .clock
            .get()
            .map_or_else(|| Clock::default().now(), Clock::now)
    }

    /// The same portal for calls with this `auth_connector`; an empty one is none.
    #[must_use]
    pub(crate) fn with_source(&self, source: &str) -> Self {
        let source = (!source.is_empty()).then(|| source.to_owned());
        self.with_variant(|variant| variant.source = source)
    }

    /// Returns `auth_connector` of the calls; empty for none.
    pub(crate) fn source(&self) -> &str {
        let source = self.variant.as_ref().and_then(|own| own.source.as_deref());
        source.unwrap_or_default()
    }

    /// The same portal for calls with the installation's own tokens.
    fn as_installed(&self) -> Self {
        match self.token() {
            None => self.clone(),
            Some(_) => self.with_variant(|variant| variant.token = None),
        }
    }

    fn token(&self) -> Option<&SecretString> {
        self.variant.as_ref()?.token.as_ref()
    }

    fn with_variant(&self, change: impl FnOnce(&mut Variant)) -> Self {
        let mut variant = self.variant.as_deref().cloned().unwrap_or_default();
        change(&mut variant);
        let mut portal = self.clone();
        portal.variant = Some(Arc::new(variant));
        portal
    }

    /// Returns how many calls run or wait.
    pub fn busy(&self) -> usize {
        self.inner.busy.load(Ordering::Relaxed)
    }

    /// Returns true if the portal is away: several calls in a row had no answer, or it refuses all
    /// calls. Then one call at a time should try it ([`until_worth_trying`]), and the others wait.
    ///
    /// [`until_worth_trying`]: Portal::until_worth_trying
    pub(crate) fn is_away(&self) -> bool {
        self.inner.is_away_now.load(Ordering::Relaxed)
    }

    /// Waits while the portal is away, until a call is worth trying. Returns true if the caller is
    /// the one that tries it now, and false if the portal is back.
    pub(crate) async fn until_worth_trying(&self) -> bool {
        let mut is_away = self.inner.is_away.subscribe();
        tokio::select! {
            biased;
            _ = is_away.wait_for(|is_away| !is_away) => false,
            () = self.until_next_probe() => true,
        }
    }

    /// Waits while the portal is away.
    pub(crate) async fn until_back(&self) {
        let mut is_away = self.inner.is_away.subscribe();
        let _ = is_away.wait_for(|is_away| !is_away).await; // fails only without a sender
    }

    async fn until_next_probe(&self) {
        let _next = self.inner.next_probe.lock().await;
        loop {
            let now = Instant::now();
            let at = self.breaker().claim_probe(now);
            if at <= now {
                return;
            }
            tokio::select! {
                () = sleep_until(at) => {}
                () = self.inner.probe_failed.notified() => {}
            }
        }
    }

    /// Calls a REST method and decodes its result.
    ///
    /// Waits while the portal's limits are reached, and repeats the call, at most [`REPEATS_MAX`]
    /// times, if it was certainly not run.
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// use serde_json::{Value, json};
    ///
    /// let deal: Value = portal.call("crm.deal.get", &json!({ "ID": 7 })).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// - The portal refused: see [`Error::code`].
    /// - The portal or its authorization server could not be reached.
    /// - The answer is not a `T`.
    /// - [`QUEUE_MAX`] calls wait already.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
    ) -> Result<T, Error> {
        let answer = self.answer(method, params).await?;
        serde_json::from_value(answer.result).map_err(|source| Error::answer(method, source))
    }

    /// Calls a method of REST version 3 and decodes its result, such as `{"item": {…}}`.
    ///
    /// Version 3 has an address of its own on the portal, and other names of parameters and codes
    /// (protocol/rest.md 7). It has some modules only, and no bots. Such a call is never batched;
    /// otherwise it is made like any other [`call`](Portal::call).
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// use serde_json::{Value, json};
    ///
    /// let params = json!({ "id": 7, "select": ["id", "title"] });
    /// let task: Value = portal.call_rest_v3("tasks.task.get", &params).await?;
    /// println!("{}", task["item"]["title"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`call`](Portal::call). Codes of version 3 begin with `BITRIX_REST_V3_EXCEPTION_`;
    /// [`Error::description`] contains the fields that are not valid.
    pub async fn call_rest_v3<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
    ) -> Result<T, Error> {
        let answer = self.answer_by(RestVersion::V3, method, params).await?;
        serde_json::from_value(answer.result).map_err(|source| Error::answer(method, source))
    }

    /// Calls a method of the [table](methods).
    ///
    /// # Errors
    /// Those that the method's documentation lists, and those of every [`call`](Portal::call).
    pub async fn run<M: Method>(&self, method: M) -> Result<M::Answer, Error> {
        self.call(M::NAME, &method.params()).await
    }

    /// Calls a method, again if it was certainly not run.
    async fn answer(&self, method: &str, params: &Value) -> Result<Answer, Error> {
        self.answer_by(RestVersion::Classic, method, params).await
    }

    async fn answer_by(
        &self,
        version: RestVersion,
        method: &str,
        params: &Value,
    ) -> Result<Answer, Error> {
        self.inner.busy.fetch_add(1, Ordering::Relaxed);
        let _busy = Busy(&self.inner.busy);
        let (mut repeats, mut last) = (0, None);
        loop {
            if let Some(error) = last.take()
                && !self.pause_before_repeat(repeats).await
            {
                if repeats == REPEATS_MAX {
                    return Err(error);
                }
                (repeats, last) = (repeats + 1, Some(error)); // another caller tries the portal
                continue;
            }
            self.pass_breaker(method).await?;
            let permit = match version {
                RestVersion::Classic => self.acquire(method, params).await?,
                RestVersion::V3 => {
                    self.acquire_one(method).await?;
                    Permit::Granted
                }
            };
            let answer = match permit {
                Permit::Granted => self.request(version, method, params).await,
                Permit::Answered(answer) => answer,
            };
            // A refusal of another token says nothing about the installation's.
            let is_of_token = answer
                .as_ref()
                .is_err_and(|error| error.is_access_revoked() || error.is_user_gone());
            if self.token().is_none() || !is_of_token {
                self.record(method, &answer);
            }
            match answer {
                Err(error) if error.is_retryable() && repeats < REPEATS_MAX => {
                    repeats += 1;
                    tracing::debug!(portal = %self.id(), method, %error, repeats, "repeating the call");
                    if error.code().is_none() {
                        last = Some(error); // limits have pauses of their own
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Waits before a call is repeated that did not reach the portal. Returns false if the portal
    /// is away and it is another caller's turn to try it.
    async fn pause_before_repeat(&self, repeats: u32) -> bool {
        let pause = PAUSE_MIN * 2u32.pow(repeats - 1);
        if self.is_away() {
            return timeout(pause, self.until_worth_trying()).await.is_ok();
        }
        sleep(pause).await;
        true
    }

    /// Removes all blocks: the application has new tokens.
    fn reset_breaker(&self) {
        let mut breaker = self.breaker();
        breaker.reset();
        self.set_away(false);
    }

    /// Wakes those who wait for the portal, if it is back. The breaker is locked meanwhile.
    fn set_away(&self, is_away: bool) {
        if is_away != self.is_away() {
            self.inner.is_away_now.store(is_away, Ordering::Relaxed);
            self.inner.is_away.send_replace(is_away);
        }
    }

    /// Waits for a method that is blocked for a short time; fails if the block lasts longer.
    async fn pass_breaker(&self, method: &str) -> Result<(), Error> {
        loop {
            let Some(refusal) = self.breaker().refusal(method, Instant::now()) else {
                return Ok(());
            };
            match refusal.retry_after() {
                Some(left) if refusal.is_rate_limited() && left <= OPERATING_PATIENCE => {
                    sleep(left).await;
                }
                _ => return Err(refusal),
            }
        }
    }

    fn record(&self, method: &str, answer: &Result<Answer, Error>) {
        let transition = {
            let mut breaker = self.breaker();
            let transition = breaker.record(method, answer, Instant::now());
            self.set_away(breaker.is_away());
            if breaker.is_away() {
                self.inner.probe_failed.notify_one();
            }
            transition
        };
        match (transition, answer) {
            (Some(Transition::Suspended), Err(error)) => {
                tracing::error!(portal = %self.id(), %error, "the portal rejects the application; retrying later");
            }
            (Some(Transition::Unreachable), Err(error)) => {
                let error: &dyn std::error::Error = error; // logged with its causes
                tracing::warn!(portal = %self.id(), error, "the portal cannot be reached; retrying");
            }
            (Some(Transition::Resumed), _) => {
                tracing::info!(portal = %self.id(), "the portal accepts calls again");
            }
            _ => {}
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        let breaker = self.inner.breaker.lock();
        breaker.unwrap_or_else(PoisonError::into_inner) // no panic can leave it inconsistent
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use crate::portal::*;
    use crate::store::Memory;
    use crate::store::contract::sample;

    #[tokio::test(start_paused = true)]
    async fn the_callers_that_wait_try_a_portal_in_turn_after_the_pauses_of_the_breaker() {
        let portal = Portal::new(
            Http::new([]).unwrap(),
            None,
            Arc::new(Memory::new()),
            sample::installation("portal", "token"),
            Plan::OnPremise,
        );
        let fail = || portal.record("m", &Err(Error::not_json("m", 502, "<html>".to_owned())));
        (0..3).for_each(|_| fail());
        let (trying, mut tries) = mpsc::unbounded_channel();
        for _ in 0..5 {
            let (portal, trying) = (portal.clone(), trying.clone());
            tokio::spawn(async move {
                let is_probe = portal.until_worth_trying().await;
                let _ = trying.send((is_probe, Instant::now()));
            });
        }
        let mut last = Instant::now();
        for pause in [1, 2, 4, 8] {
            let (is_probe, at) = tries.recv().await.unwrap();
            assert!(is_probe);
            assert_eq!((at - last).as_secs(), pause, "{:?}", at - last);
            last = at;
            fail();
        }
    }
}
