//! Calling a portal: the only part on the road that names reqwest.
//!
//! [`Portal`] speaks for the application on one portal. [`Portal::call`] reads as one sentence: wait for the limit, take
//! the token, send, decode; it repeats only what was certainly not done. Addresses come from a proven installation and
//! from the configured authorization server, never from an event.

#![doc = include_str!("guide.md")]

mod api;
mod auth;
mod error;
mod http;
pub mod methods;
mod schedule;

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use foldhash::quality::FixedState;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

use crate::event::MemberId;
use crate::store::{Installation, Store};
use auth::tokens::Credentials;
use http::answer::Answer;
use schedule::breaker::{Breaker, Transition};
use schedule::queue::Slot;
use schedule::{Permit, Scheduler};

pub use api::batch::{Answers, Batch, Command, Reference};
pub use api::bindings::Binding;
pub use api::bot::{BotClient, Status};
pub use api::bots_v2::{BotInfo, CommandInfo, EVENTS_MAX};
pub use api::files::FILE_BYTES_MAX;
pub use api::offline::{OFFLINE_MAX, OfflineBatch};
pub use auth::oauth::{Application, Grant, OAUTH_URL};
pub use auth::webhook::{AddressError, inbound};
pub use error::Error;
pub(crate) use http::answer::number;
#[cfg(feature = "cli")]
pub(crate) use http::certificate::Validity;
pub use http::client::{ANSWER_BYTES_MAX, CALL_TIMEOUT, Http, HttpOptions};
pub use http::forward::{FORWARD_BYTES_MAX, FORWARD_TIMEOUT};
#[cfg(feature = "cli")]
pub(crate) use http::probe::Probe;
pub use http::redirect::HOPS_MAX;
pub use http::signature::{SECRET_BYTES_MIN, SIGNATURE_TOLERANCE, SecretError, Signer, Unsigned};
pub use schedule::bucket::Plan;
pub use schedule::queue::{BATCH_MAX, QUEUE_MAX, Urgency};

/// How often a call is repeated that the portal refused for its limits before running it, or that never reached it.
pub const REPEATS_MAX: u32 = 6;
/// How long a call waits for a method that has used up its running time; if it takes longer, the call fails with
/// `OPERATION_TIME_LIMIT` and tells how long ([`Error::retry_after`]).
pub const OPERATING_PATIENCE: Duration = Duration::from_secs(30);
/// The pause before a portal that could not be reached is tried again; every further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The application on one portal. Cheap to clone.
///
/// All clones share one limit, and so do all processes on one store. When it is reached, answers to people go first, lanes take turns, and calls that may go
/// together go in one `batch`; a call that waits alone is not delayed for that.
#[derive(Clone, Debug)]
pub struct Portal {
    inner: Arc<Inner>,
    slot: Slot,
}

#[derive(Debug)]
struct Inner {
    id: MemberId,
    endpoint: RwLock<String>,
    http: Http,
    application: Option<Arc<Application>>,
    store: Arc<dyn Store>,
    scheduler: std::sync::Mutex<Scheduler>,
    /// Told when a call that somebody waits for stands in the line.
    asked: Notify,
    breaker: std::sync::Mutex<Breaker>,
    /// Locked while the tokens are renewed, so that many callers who find them expired renew them once.
    credentials: Mutex<Credentials>,
    /// How many calls are under way or wait.
    busy: AtomicUsize,
}

/// Counts a call as long as it lives.
struct Busy<'p>(&'p AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Portal {
    /// The application on the portal of this installation. Only one that calls by inbound webhooks may be none.
    pub fn new(
        http: Http,
        application: Option<Arc<Application>>,
        store: Arc<dyn Store>,
        installation: Installation,
        plan: Plan,
    ) -> Portal {
        let inner = Inner {
            id: installation.portal.clone(),
            endpoint: RwLock::new(installation.endpoint.clone()),
            http,
            application,
            store,
            scheduler: std::sync::Mutex::new(Scheduler::new(plan)),
            asked: Notify::new(),
            breaker: std::sync::Mutex::default(),
            credentials: Mutex::new(Credentials::new(installation)),
            busy: AtomicUsize::new(0),
        };
        Portal {
            inner: Arc::new(inner),
            slot: Slot::default(),
        }
    }

    /// The portal's own id.
    pub fn id(&self) -> &MemberId {
        &self.inner.id
    }

    /// Where its REST methods are called, such as `https://example.bitrix24.com/rest/`; a portal may move.
    pub fn endpoint(&self) -> String {
        let endpoint = self.inner.endpoint.read();
        endpoint.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_endpoint(&self, endpoint: &str) {
        let own = self.inner.endpoint.write();
        endpoint.clone_into(&mut own.unwrap_or_else(PoisonError::into_inner));
    }

    /// The same portal for calls that nobody waits for ([`Urgency::Bulk`]): answers to people go first.
    #[must_use]
    pub fn in_bulk(&self) -> Portal {
        let mut portal = self.clone();
        portal.slot.urgency = Urgency::Bulk;
        portal
    }

    /// The same portal for the calls of one chat, or of whatever else is to have its turn beside the others. Default: one
    /// lane for all.
    #[must_use]
    pub fn with_key(&self, lane: &impl Hash) -> Portal {
        let mut portal = self.clone();
        portal.slot.key = FixedState::default().hash_one(lane);
        portal
    }

    /// Calls a REST method and decodes its result.
    ///
    /// It waits while the portal's limits are reached, and is repeated, at most [`REPEATS_MAX`] times, where it certainly
    /// was not run.
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// let deal: serde_json::Value = portal.call("crm.deal.get", &serde_json::json!({ "ID": 7 })).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The portal refused ([`Error::code`] tells why), could not be reached, or answered something else than `T`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
    ) -> Result<T, Error> {
        let answer = self.answer(method, params).await?;
        serde_json::from_value(answer.result).map_err(|source| Error::answer(method, source))
    }

    /// How many calls are under way or wait for the limit.
    pub fn busy(&self) -> usize {
        self.inner.busy.load(Ordering::Relaxed)
    }

    /// Calls a method until it is run, or it is clear that it will not be.
    async fn answer(&self, method: &str, params: &Value) -> Result<Answer, Error> {
        self.inner.busy.fetch_add(1, Ordering::Relaxed);
        let _busy = Busy(&self.inner.busy);
        let mut repeats = 0;
        loop {
            self.open(method).await?;
            let answer = match self.acquire(method, params).await? {
                Permit::Granted => self.request(method, params).await,
                Permit::Answered(answer) => answer,
            };
            self.learn(method, &answer);
            match answer {
                Err(error) if error.is_worth_repeating() && repeats < REPEATS_MAX => {
                    repeats += 1;
                    tracing::debug!(portal = %self.id(), method, %error, repeats, "the call is repeated");
                    if error.code().is_none() {
                        sleep(PAUSE_MIN * 2u32.pow(repeats - 1)).await; // limits have pauses of their own
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Waits for a method that is closed for a moment; is an error if that takes longer.
    async fn open(&self, method: &str) -> Result<(), Error> {
        loop {
            let Some(closed) = self.breaker().closed(method, Instant::now()) else {
                return Ok(());
            };
            match closed.retry_after() {
                Some(left) if closed.is_rate_limited() && left <= OPERATING_PATIENCE => {
                    sleep(left).await;
                }
                _ => return Err(closed),
            }
        }
    }

    fn learn(&self, method: &str, answer: &Result<Answer, Error>) {
        let news = self.breaker().learn(method, answer, Instant::now());
        match (news, answer) {
            (Some(Transition::Suspended), Err(error)) => {
                tracing::error!(portal = %self.id(), %error, "the portal does not let the application act; it is called now and then");
            }
            (Some(Transition::Unreachable), Err(error)) => {
                let error: &dyn std::error::Error = error; // with what was in the way
                tracing::warn!(portal = %self.id(), error, "the portal cannot be reached; it is tried again");
            }
            (Some(Transition::Resumed), _) => {
                tracing::info!(portal = %self.id(), "the portal takes calls again");
            }
            _ => {}
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        let breaker = self.inner.breaker.lock();
        breaker.unwrap_or_else(PoisonError::into_inner) // a panic leaves nothing half done
    }
}
