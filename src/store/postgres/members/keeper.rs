//! The task that keeps the lease: it renews, reads, decides, and does what was decided, one after
//! the other, so it never sees its own changes late.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant as Timer, sleep_until, timeout};
use uuid::Uuid;

use super::arrivals::Arrivals;
use super::instant::Instant;
use super::lease::{Decision, Lease, RENEWAL, TRUST};
use super::rows;
use super::wake::Wake;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::fence::Holdings;
use crate::store::postgres::link::{Link, jitter};
use crate::store::postgres::session::Session;
use crate::store::{OwnershipChange, Partition};

/// Maximum time for renewing, reading and acting once. Longer than that, the trust would end before
/// another try.
const TICK_MAX: Duration = Duration::from_millis(1_500);

/// Maximum time to give everything up at the end. After it, the others notice the silence.
const CLOSE_MAX: Duration = Duration::from_secs(3);

/// Maximum number of partitions that are taken at once while other members live, so that no single
/// one takes all.
const TAKEN_AT_ONCE: usize = 4;

/// Time until rows that were locked are tried again.
const LOCKED: Duration = Duration::from_millis(50);

/// Time without a renewal that is left for taking something up.
const TRUST_MIN: Duration = Duration::from_secs(1);

/// Interval in which evicted members are removed.
const CLEAN: Duration = Duration::from_secs(60 * 60);

/// A request to the task.
#[derive(Debug)]
pub(super) enum Request {
    Release(Partition, Release),
    Leave,
    Close(oneshot::Sender<()>),
}

/// The channel for the result of giving a partition up.
type Release = oneshot::Sender<Result<(), Fault>>;

/// The task that keeps the lease.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) holdings: Arc<Holdings>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) wake: Arc<Wake>,
    pub(super) changes: mpsc::UnboundedSender<OwnershipChange>,
    /// True while a test pauses this task.
    pub(super) paused: watch::Receiver<bool>,
    pub(super) lease: Lease,
    pub(super) status: Status,
}

/// What this task has done so far.
#[derive(Debug, Default)]
pub(super) struct Status {
    has_joined: bool,
    is_leaving: bool,
    /// Partitions whose release was reported as failed.
    unreleased: Vec<Partition>,
    cleaned: Option<Timer>,
    /// Whether the end of the trust was logged.
    is_untrusted: bool,
}

impl Keeper {
    /// Runs until a request to close.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        let mut renewal = Timer::now();
        loop {
            let is_due = renewal <= Timer::now();
            if is_due {
                renewal = Timer::now() + RENEWAL;
            }
            // Connecting may take longer than a tick: until then there is nothing to lose.
            let connected = tokio::select! {
                connected = self.link.session() => connected,
                Some(request) = requests.recv() => {
                    if self.answer(request, &mut requests).await {
                        return;
                    }
                    continue;
                }
            };
            let ticked = match connected {
                Ok(session) => {
                    let tick = timeout(TICK_MAX, self.tick(&session, is_due)).await;
                    tick.unwrap_or(Err(Fault::Slow))
                }
                Err(fault) => Err(fault),
            };
            let mut next = renewal;
            match &ticked {
                Ok(true) => {}
                Ok(false) => next = Timer::now() + LOCKED,
                Err(fault) => {
                    self.link.apply(fault);
                    next = Timer::now() + jitter(RENEWAL);
                    renewal = next;
                }
            }
            self.note(ticked.err().as_ref());
            if let Some(silence) = self.lease.silence_in(Instant::now()) {
                next = next.min(Timer::now() + silence.max(LOCKED));
            }
            let wake = Arc::clone(&self.wake);
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => if self.answer(request, &mut requests).await {
                        return;
                    },
                    None => return,
                },
                () = wake.until_members() => {}
                () = sleep_until(next) => {}
            }
            let _ = self.paused.wait_for(|paused| !paused).await; // a closed channel is no pause
        }
    }

    /// Logs when this process has no lease any more, and when it has one again.
    fn note(&mut self, fault: Option<&Fault>) {
        let is_trusted = !self.holdings.trust_left().is_zero();
        if is_trusted && std::mem::take(&mut self.status.is_untrusted) {
            tracing::info!(member = %self.holdings.member(), "the lease of this process is renewed again");
        }
        let Some(fault) = fault else { return };
        tracing::debug!(%fault, "the lease was not renewed");
        let has_lost = self.status.has_joined && !is_trusted;
        if has_lost && !std::mem::replace(&mut self.status.is_untrusted, true) {
            tracing::error!(member = %self.holdings.member(), %fault, "this process cannot renew its lease; it sends nothing until it can, and others may take its portals over");
        }
    }

    /// Renews if that is due, reads the rows, and acts. Returns false if there is more to do soon.
    async fn tick(&mut self, session: &Session, is_due: bool) -> Result<bool, Fault> {
        if self.status.is_leaving && !self.status.has_joined {
            return Ok(true); // there is nothing to leave
        }
        let started = Instant::now();
        let me = self.holdings.member();
        if !self.status.has_joined {
            rows::join(session, me, &self.name).await?;
            self.status.has_joined = true;
            self.holdings.trust_until(started.after(TRUST));
            tracing::info!(member = %me, name = self.name, "joined the processes of this store");
        } else if is_due && rows::renew(session, me).await? {
            self.holdings.trust_until(started.after(TRUST));
        }
        if self.status.is_leaving {
            rows::leave(session, me).await?;
        }
        self.clean(session).await?;
        let read = Instant::now();
        let view = rows::view(session).await?;
        let holdings = Arc::clone(&self.holdings);
        let owned = |partition| holdings.epoch(partition);
        let decision = self.lease.decide(&view, owned, read, Instant::now());
        if decision.is_out {
            self.rejoin();
            return Ok(false);
        }
        self.act(session, me, decision).await
    }

    /// Does what was decided.
    async fn act(&mut self, db: &Session, me: Uuid, decision: Decision) -> Result<bool, Fault> {
        for partition in decision.lost {
            tracing::warn!(%partition, "another process has taken a partition over");
            self.lose(partition);
        }
        for (partition, epoch) in decision.found {
            self.gain(partition, epoch);
        }
        for partition in decision.wanted {
            self.send(OwnershipChange::Wanted(partition));
        }
        if !decision.unreleased.is_empty() {
            rows::release(db, me, &decision.unreleased).await?;
            self.wake.members();
        }
        // The rows show that these are released by now, or it was just done.
        for partition in std::mem::take(&mut self.status.unreleased) {
            self.send(OwnershipChange::Lost(partition));
        }
        let mut is_done = true;
        for (member, beat) in decision.silent {
            if rows::evict(db, member, beat).await? {
                tracing::warn!(%member, "evicted a process that does not renew its lease; its partitions are taken over");
                self.wake.members();
            }
            is_done = false; // its partitions are free now
        }
        if !decision.want.is_empty() && rows::want(db, me, &decision.want).await? > 0 {
            self.wake.members();
        }
        let at_once = if decision.is_alone {
            usize::MAX
        } else {
            TAKEN_AT_ONCE
        };
        for partitions in decision.take.chunks(at_once) {
            if self.holdings.trust_left() < TRUST_MIN {
                return Ok(true); // the next renewal comes first
            }
            let taken = rows::take(db, me, partitions).await?;
            is_done &= taken.len() == partitions.len();
            for (partition, epoch) in taken {
                self.gain(partition, epoch);
            }
        }
        Ok(is_done)
    }

    fn gain(&self, partition: Partition, epoch: i64) {
        self.arrivals.gained(partition, epoch);
        self.holdings.gain(partition, epoch);
        self.send(OwnershipChange::Gained(partition));
    }

    fn lose(&self, partition: Partition) {
        self.holdings.lose(partition);
        self.arrivals.lost(partition);
        self.send(OwnershipChange::Lost(partition));
    }

    fn send(&self, change: OwnershipChange) {
        let _ = self.changes.send(change); // the engine may have ended
    }

    /// Gives everything up and starts again as another member: this one was evicted.
    fn rejoin(&mut self) {
        let owned = self.holdings.owned();
        tracing::warn!(member = %self.holdings.member(), partitions = owned.len(), "this process did not renew its lease in time and has lost its partitions");
        let me = Uuid::new_v4();
        self.holdings.rejoin(me);
        self.lease = Lease::new(me);
        self.status.has_joined = false;
        let unreleased = std::mem::take(&mut self.status.unreleased);
        let lost = owned.into_iter().map(|(partition, _)| partition);
        for partition in lost.chain(unreleased) {
            self.arrivals.lost(partition);
            self.send(OwnershipChange::Lost(partition));
        }
    }

    /// Answers a request and those that wait behind it. Returns true if this task is to end.
    async fn answer(
        &mut self,
        first: Request,
        requests: &mut mpsc::UnboundedReceiver<Request>,
    ) -> bool {
        let (mut next, mut releases) = (Some(first), Vec::new());
        while let Some(request) = next {
            match request {
                Request::Release(partition, reply) => releases.push((partition, reply)),
                Request::Leave => self.leave().await,
                Request::Close(reply) => {
                    self.release(releases).await;
                    self.close().await;
                    let _ = reply.send(()); // the caller may have stopped waiting
                    return true;
                }
            }
            next = requests.try_recv().ok();
        }
        self.release(releases).await;
        false
    }

    /// Gives up partitions. If that fails, the next tick tries it again.
    async fn release(&mut self, partitions: Vec<(Partition, Release)>) {
        let mut owned = Vec::new();
        for (partition, _) in &partitions {
            if let Some(epoch) = self.holdings.epoch(*partition) {
                owned.push((*partition, epoch));
                self.lease.released(*partition, epoch);
                self.holdings.lose(*partition);
                self.arrivals.lost(*partition);
            }
        }
        let mut released = Ok(());
        if !owned.is_empty() {
            let release = self.act_once(async |db, me| rows::release(db, me, &owned).await);
            released = release.await;
        }
        for (partition, reply) in partitions {
            let is_owned = owned.iter().any(|(own, _)| *own == partition);
            let answer = if is_owned { released.clone() } else { Ok(()) };
            if answer.is_err() {
                self.status.unreleased.push(partition);
            }
            let _ = reply.send(answer); // the caller may have stopped waiting
        }
    }

    /// Announces that this process is about to stop. If that fails, the next tick tries it again.
    async fn leave(&mut self) {
        self.status.is_leaving = true;
        let _ = self
            .act_once(async |db, me| rows::leave(db, me).await)
            .await;
    }

    /// Gives everything up.
    async fn close(&mut self) {
        if !self.status.has_joined {
            return;
        }
        for (partition, _) in self.holdings.owned() {
            self.lose(partition);
        }
        let removed = self.act_once(async |db, me| rows::remove(db, me).await);
        if let Ok(Err(fault)) | Err(fault) =
            timeout(CLOSE_MAX, removed).await.map_err(|_| Fault::Slow)
        {
            tracing::warn!(%fault, "the partitions of this process were not given up; the others take them over in some seconds");
        }
    }

    /// Changes rows and wakes the others.
    async fn act_once(
        &mut self,
        act: impl AsyncFnOnce(&Session, Uuid) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let me = self.holdings.member();
        let acted = timeout(TICK_MAX, async {
            let session = self.link.session().await?;
            act(&session, me).await
        });
        let acted = acted.await.unwrap_or(Err(Fault::Slow));
        match &acted {
            Ok(()) => self.wake.members(),
            Err(fault) => self.link.apply(fault),
        }
        acted
    }

    /// Removes rows that nobody needs any more.
    async fn clean(&mut self, db: &Session) -> Result<(), Fault> {
        let now = Timer::now();
        if self.status.cleaned.is_some_and(|last| now - last < CLEAN) {
            return Ok(());
        }
        self.status.cleaned = Some(now);
        rows::remove_dead(db).await
    }
}
