//! The members: the processes that work on one store, and which of them owns what.
//!
//! A process that runs the bots is a member from its [`join`](Membership::join) to its end. The
//! keeper (`keeper.rs`) renews its lease and does what the lease decides (`lease.rs`), by an
//! assignment that all members compute alike (`assignment.rs`). Processes wake each other
//! (`wake.rs`), and read what the others appended for them (`arrivals.rs`, `window.rs`).

mod arrivals;
mod assignment;
mod instant;
mod keeper;
mod lease;
mod rows;
mod set;
mod status;
mod wake;
mod window;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::fault::Fault;
use super::fence::Holdings;
use super::link::{self, Link, Place};
use super::session::{Purpose, Session};
use super::{Postgres, number};
use crate::store::{EventId, Notice, OwnershipChanges, Partition, StoreError};
use crate::tasks::Watch;
use arrivals::{Appending, Arrivals};
use keeper::{Keeper, Request};
use lease::Lease;
use set::PartitionSet;
use wake::Wake;

pub use status::{MemberStatus, Members, PartitionStatus};

pub(super) use instant::Instant;

/// Maximum duration of a request that sends a call.
pub(super) const SEND_LIMIT: Duration = Duration::from_secs(10);

/// The trust that must be left when a request is sent.
const SEND_TRUST: Duration = Duration::from_secs(1);

/// Maximum time for the last wake-ups when the store is closed.
const CLOSE_MAX: Duration = Duration::from_secs(4);

/// This process among those that work on the store.
#[derive(Debug)]
pub(super) struct Membership {
    place: Place,
    name: String,
    watch: Watch,
    runtime: Handle,
    holdings: Arc<Holdings>,
    arrivals: Arc<Arrivals>,
    wake: Arc<Wake>,
    /// The session for reading what arrived, which also listens.
    reading: Arc<tokio::sync::Mutex<Link>>,
    requests: mpsc::UnboundedSender<Request>,
    /// Taken when this process joins.
    requested: Mutex<Option<mpsc::UnboundedReceiver<Request>>>,
    /// Taken when this process joins.
    lease: Mutex<Option<Session>>,
    sender: Mutex<Option<tokio::task::JoinHandle<()>>>,
    tasks: Mutex<Vec<AbortHandle>>,
    paused: watch::Sender<bool>,
}

/// The sessions of a process that joins the members.
pub(super) struct OwnSessions {
    pub(super) lease: Session,
    pub(super) listen: Session,
    pub(super) notify: Session,
}

impl Membership {
    /// A process that has not joined. It can wake others. `db` is any session. The tasks run where
    /// this is called. An operator's command has no sessions for it.
    pub(super) async fn new(
        place: &Place,
        holdings: &Arc<Holdings>,
        watch: &Watch,
        db: &Session,
        sessions: Option<OwnSessions>,
    ) -> Result<Self, Fault> {
        let wake = Arc::new(Wake::new(Arc::clone(holdings)));
        let (lease, listen, notify) = match sessions {
            Some(own) => (Some(own.lease), Some(own.listen), Some(own.notify)),
            None => (None, None, None),
        };
        let reading = Link::new(place, Purpose::Listen, listen);
        let reading = Arc::new(tokio::sync::Mutex::new(reading));
        tokio::spawn(link::give_way(place.clone(), Arc::downgrade(&reading)));
        let (requests, requested) = mpsc::unbounded_channel();
        let sender = Arc::clone(&wake).run_sender(Link::new(place, Purpose::Notify, notify));
        let sender = tokio::spawn(watch.watch("wake-ups of other processes", sender));
        let oldest = arrivals::oldest_transaction(db).await?;
        Ok(Self {
            place: place.clone(),
            name: default_name(),
            watch: watch.clone(),
            runtime: Handle::current(),
            arrivals: Arc::new(Arrivals::new(
                Arc::clone(holdings),
                Arc::clone(&wake),
                Arc::clone(&reading),
                oldest,
            )),
            holdings: Arc::clone(holdings),
            wake,
            reading,
            requests,
            requested: Mutex::new(Some(requested)),
            lease: Mutex::new(lease),
            tasks: Mutex::new(vec![sender.abort_handle()]),
            sender: Mutex::new(Some(sender)),
            paused: watch::Sender::new(false),
        })
    }

    /// Joins the members. Calling it again gives no changes.
    pub(super) fn join(&self) -> OwnershipChanges {
        let (changes, changed) = mpsc::unbounded_channel();
        if let Some(requested) = lock(&self.requested).take() {
            let keeper = Keeper {
                name: self.name.clone(),
                link: Link::new(&self.place, Purpose::Lease, lock(&self.lease).take()),
                holdings: Arc::clone(&self.holdings),
                arrivals: Arc::clone(&self.arrivals),
                wake: Arc::clone(&self.wake),
                changes,
                paused: self.paused.subscribe(),
                lease: Lease::new(self.holdings.member()),
                status: keeper::Status::default(),
            };
            let listener = Arc::clone(&self.wake).run_listener(Arc::clone(&self.reading));
            let listener = self.watch.watch("wake-ups by other processes", listener);
            let keeper = self
                .watch
                .watch("the lease of the store", keeper.run(requested));
            let mut tasks = lock(&self.tasks);
            tasks.push(self.runtime.spawn(listener).abort_handle());
            tasks.push(self.runtime.spawn(keeper).abort_handle());
        }
        OwnershipChanges::new(changed)
    }

    /// Returns true if this process has joined.
    pub(super) fn has_joined(&self) -> bool {
        lock(&self.requested).is_none()
    }

    pub(super) fn owns(&self, partition: Partition) -> bool {
        self.holdings.epoch(partition).is_some()
    }

    pub(super) fn may_send(&self, partition: Partition) -> bool {
        self.owns(partition) && self.holdings.trust_left() >= SEND_TRUST
    }

    pub(super) fn leave(&self) {
        let _ = self.requests.send(Request::Leave); // the keeper may have ended
    }

    pub(super) async fn release(&self, partition: Partition) -> Result<(), Fault> {
        let (reply, released) = oneshot::channel();
        if self
            .requests
            .send(Request::Release(partition, reply))
            .is_err()
        {
            return Ok(()); // everything was given up
        }
        released.await.unwrap_or(Ok(()))
    }

    /// Marks an append of this process until its result is dropped, also the making of events of
    /// due reminders: before it is sent, until [`appended`](Self::appended) was called. `body` is
    /// the id of a delivery's body.
    pub(super) fn appending(&self, body: Option<Uuid>) -> Appending<'_> {
        self.arrivals.appending(body)
    }

    /// Events were appended: wakes the owners of those that are not this process's. Of the others,
    /// the engine gets the numbers.
    pub(super) fn appended(&self, events: impl IntoIterator<Item = EventId>) {
        let (own, others): (Vec<_>, Vec<_>) = events
            .into_iter()
            .partition(|id| self.owns(number::partition_of_event(*id)));
        self.arrivals.know(own.into_iter());
        self.changed(others.into_iter().map(number::partition_of_event));
    }

    /// Notices were stored for these partitions: wakes their owners.
    pub(super) fn changed(&self, partitions: impl IntoIterator<Item = Partition>) {
        self.wake.arrived(partitions);
    }

    /// An installation was stored or removed: wakes all processes.
    pub(super) fn portal_changed(&self) {
        self.wake.portals();
    }

    /// The engine gets a page of what waits in a partition. `epoch` is its epoch when the page was
    /// asked for.
    pub(super) fn loaded(
        &self,
        partition: Partition,
        epoch: Option<i64>,
        after: Option<EventId>,
        page: &[EventId],
        limit: usize,
    ) {
        let is_last = page.len() < limit;
        self.arrivals.loaded(partition, epoch, after, page, is_last);
    }

    /// Reads what other processes have appended and changed. The result stays here until
    /// [`take_arrivals`](Self::take_arrivals).
    pub(super) async fn read_arrivals(&self) -> Result<(), Fault> {
        self.read_more(PartitionSet::default()).await
    }

    /// The same, whether this process was woken or not.
    pub(super) async fn read_all_arrivals(&self) -> Result<(), Fault> {
        self.read_more(PartitionSet::ALL).await
    }

    async fn read_more(&self, more: PartitionSet) -> Result<(), Fault> {
        let arrivals = Arc::clone(&self.arrivals);
        let read = self
            .runtime
            .spawn(async move { arrivals.read(&more).await });
        read.await.unwrap_or(Err(Fault::Panicked))
    }

    /// Returns what was read, without events that are among the stored notices.
    pub(super) async fn take_arrivals(&self, notices: &[Notice]) -> Vec<Notice> {
        let revived: Vec<EventId> = notices.iter().filter_map(event).collect();
        self.arrivals.know(revived.iter().copied());
        let mut arrivals = self.arrivals.take().await;
        arrivals.retain(|notice| event(notice).is_none_or(|id| !revived.contains(&id)));
        arrivals
    }

    pub(super) async fn until_notices(&self) {
        self.wake.until_notices().await;
    }

    /// Gives up all partitions, leaves, and wakes the others. Calling it again has no effect.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.has_joined() && self.requests.send(Request::Close(reply)).is_ok() {
            let _ = timeout(CLOSE_MAX, closed).await; // a lease that is stuck ends with the process
        }
        self.wake.close();
        let sender = lock(&self.sender).take();
        if let Some(sender) = sender {
            let _ = timeout(CLOSE_MAX, sender).await; // wake-ups are only hints
        }
    }
}

impl Postgres {
    /// Sets the name of this process, by which operators know it. Two processes should not have the
    /// same name. Default: the name of the machine and the number of the process.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.members.name);
        self
    }

    /// Returns the processes that work on the store, and what each owns.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn members(&self) -> Result<Members, StoreError> {
        let read = self.read.run((), |db, ()| Box::pin(status::read(db)));
        read.await.map_err(|fault| self.failed(fault))
    }

    /// Moves a partition to the process of this name. It stays there as long as a process of this
    /// name lives. With `None`, it goes where all processes have a fair share. Returns false, and
    /// changes nothing, if no process of this name lives.
    ///
    /// # Errors
    /// The change could not be stored.
    pub async fn move_partition(
        &self,
        partition: Partition,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let pinned = self.job(to.map(str::to_owned), move |db, name| {
            Box::pin(rows::pin(db, partition, name.as_deref()))
        });
        let is_moved = pinned.await.map_err(|fault| self.failed(fault))?;
        self.members.wake.members();
        Ok(is_moved)
    }

    /// Pauses or continues the renewals of this process, as if it was suspended.
    #[cfg(feature = "testing")]
    pub fn pause_lease(&self, is_paused: bool) {
        self.members.paused.send_replace(is_paused);
    }
}

/// Returns the name of the machine and the number of the process.
fn default_name() -> String {
    #[cfg(unix)]
    let machine = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let machine = std::env::var("COMPUTERNAME").unwrap_or_default();
    format!("{machine}-{}", std::process::id())
}

fn event(notice: &Notice) -> Option<EventId> {
    match notice {
        Notice::Event(id, _) => Some(*id),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // no change is left half done
}

impl Drop for Membership {
    /// Ends the tasks. The partitions stay with this process, as after a crash, unless it was
    /// closed.
    fn drop(&mut self) {
        for task in lock(&self.tasks).iter() {
            task.abort();
        }
    }
}
