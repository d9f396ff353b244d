//! The queue of installations that wait to be proven.
//!
//! Anybody can post an installation, and each one costs a call to the authorization server. So the
//! number that waits, the number of calls at once and the number of calls a minute are bounded. The
//! addresses that installations come from take turns, and none can hold more than half of the
//! places, so a flood from one address does not keep out those from others. Behind it at the same
//! address, an installation waits and is not refused.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use foldhash::quality::RandomState;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::install::InstallClaim;
use crate::engine::{AcceptError, lock};

/// Maximum number of installations that wait to be proven. When it is reached, the newest of the
/// address with the most is refused with [`AcceptError::Full`].
pub const INSTALLS_MAX: usize = 1_024;
/// Maximum number of installations that wait and come from one address. Further ones take the place
/// of one whose sender has gone, or are refused with [`AcceptError::Full`].
pub const INSTALLS_OF_ONE_MAX: usize = INSTALLS_MAX / 2;
/// Maximum number of installations that are being proven at once. Further ones wait.
pub const INSTALLS_AT_ONCE_MAX: usize = 16;
/// Maximum number of installations that are proven in a minute, which is the number of calls to the
/// authorization server that strangers can cause. Further ones wait.
pub const INSTALLS_PER_MINUTE: u32 = 1_500;
/// Number of installations that are proven without a pause after a quiet time.
const INSTALLS_BURST: u32 = 60;
/// Maximum time that the sender of an installation waits until it is being proven.
///
/// After it, the sender gets [`AcceptError::Full`]. It is less than the time after which the server
/// closes a connection without an answer. The installation keeps its place, because a portal
/// announces it only once.
pub const INSTALL_PATIENCE: Duration = Duration::from_secs(15);
/// Maximum time that an installation waits in the queue. After it, it is dropped.
pub const INSTALL_KEPT: Duration = Duration::from_secs(60);

/// Minimum interval of two proofs, once the burst is used up.
const INTERVAL: Duration = Duration::from_millis(60_000 / INSTALLS_PER_MINUTE as u64);

/// An installation in the queue, and where its result goes.
#[derive(Debug)]
pub(in crate::engine) struct PendingInstall {
    pub(super) claim: InstallClaim,
    answer: oneshot::Sender<Result<(), AcceptError>>,
    is_started: Arc<AtomicBool>,
    since: Instant,
}

impl PendingInstall {
    /// Returns the result to the sender, who may be gone.
    pub(super) fn answer(self, result: Result<(), AcceptError>) {
        let _ = self.answer.send(result);
    }

    fn is_late(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= INSTALL_KEPT
    }
}

/// The place of an installation in the queue, where its result comes.
#[derive(Debug)]
pub(super) struct Place {
    answered: oneshot::Receiver<Result<(), AcceptError>>,
    is_started: Arc<AtomicBool>,
}

impl Place {
    /// Waits for the result.
    pub(super) async fn result(mut self) -> Result<(), AcceptError> {
        let full = |_| Err(AcceptError::Full); // another took the place, or the program stops
        match timeout(INSTALL_PATIENCE, &mut self.answered).await {
            Ok(answer) => answer.unwrap_or_else(full),
            Err(_) if self.is_started.load(Ordering::Relaxed) => {
                self.answered.await.unwrap_or_else(full)
            }
            Err(_) => Err(AcceptError::Full), // it may be proven later
        }
    }
}

/// The installations that wait to be proven, by the address that they come from.
#[derive(Debug, Default)]
pub(in crate::engine) struct InstallQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The waiting installations of each address, oldest first. No queue is empty.
    queues: HashMap<Option<IpAddr>, VecDeque<PendingInstall>, RandomState>,
    /// The addresses in the order of their turns.
    turns: VecDeque<Option<IpAddr>>,
    waiting: usize,
    /// How many workers take from the queue.
    workers: usize,
    /// When the next proof would be due if there were no burst.
    due: Option<Instant>,
    is_closed: bool,
}

impl InstallQueue {
    /// Queues an installation from an address.
    ///
    /// # Errors
    /// [`AcceptError::Full`] if there is no place for it, or the program stops.
    pub(super) fn push(
        &self,
        claim: InstallClaim,
        from: Option<IpAddr>,
    ) -> Result<Place, AcceptError> {
        let (answer, answered) = oneshot::channel();
        let is_started = Arc::new(AtomicBool::new(false));
        let pending = PendingInstall {
            claim,
            answer,
            is_started: Arc::clone(&is_started),
            since: Instant::now(),
        };
        let mut state = self.state();
        if state.is_closed || !state.make_room(from) {
            return Err(AcceptError::Full);
        }
        state.insert(from, pending);
        Ok(Place {
            answered,
            is_started,
        })
    }

    /// Returns true if one more worker should take from the queue, and counts it.
    pub(super) fn add_worker(&self) -> bool {
        let mut state = self.state();
        let is_needed = state.workers < INSTALLS_AT_ONCE_MAX && !state.is_closed;
        state.workers += usize::from(is_needed);
        is_needed
    }

    /// Waits until one more may be proven, and takes it: the oldest of the address whose turn it
    /// is. Returns `None` if nothing waits; the worker is not counted any more then.
    pub(super) async fn take(&self) -> Option<PendingInstall> {
        loop {
            let due = {
                let mut state = self.state();
                if state.waiting == 0 || state.is_closed {
                    state.workers -= 1;
                    return None;
                }
                state.book(Instant::now())
            };
            tokio::time::sleep_until(due).await;
            // The newest state decides whose turn it is.
            if let Some(pending) = self.state().pop(Instant::now()) {
                pending.is_started.store(true, Ordering::Relaxed);
                return Some(pending);
            }
        }
    }

    /// Refuses all that wait, and starts no more proofs.
    pub(in crate::engine) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.queues.clear();
        state.turns.clear();
        state.waiting = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn len_of(&self, from: &Option<IpAddr>) -> usize {
        self.queues.get(from).map_or(0, VecDeque::len)
    }

    fn insert(&mut self, from: Option<IpAddr>, pending: PendingInstall) {
        let queue = self.queues.entry(from).or_default();
        if queue.is_empty() {
            self.turns.push_back(from);
        }
        queue.push_back(pending);
        self.waiting += 1;
    }

    /// Returns true if there is a place for one more from this address. One whose sender has gone
    /// loses its place, and so does the newest of the address with the most.
    fn make_room(&mut self, from: Option<IpAddr>) -> bool {
        let own = self.len_of(&from);
        if own >= INSTALLS_OF_ONE_MAX {
            return self.remove(from, |queue| {
                let is_gone = |pending: &PendingInstall| pending.answer.is_closed();
                queue.iter().position(is_gone)
            });
        }
        if self.waiting < INSTALLS_MAX {
            return true;
        }
        let largest = self.queues.iter().max_by_key(|(_, queue)| queue.len());
        let Some((largest, len)) = largest.map(|(from, queue)| (*from, queue.len())) else {
            return true;
        };
        len > own + 1 && self.remove(largest, |queue| queue.len().checked_sub(1))
    }

    /// Removes one installation of an address, which is refused. Returns true if there was one.
    fn remove(
        &mut self,
        from: Option<IpAddr>,
        which: impl FnOnce(&VecDeque<PendingInstall>) -> Option<usize>,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(&from) else {
            return false;
        };
        let removed = which(queue).and_then(|index| queue.remove(index));
        if queue.is_empty() {
            self.queues.remove(&from);
            self.turns.retain(|other| *other != from);
        }
        self.waiting -= usize::from(removed.is_some());
        removed.is_some()
    }

    /// Books the next proof, and returns when it may begin.
    fn book(&mut self, now: Instant) -> Instant {
        let burst = INTERVAL * (INSTALLS_BURST - 1);
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + INTERVAL);
        due.checked_sub(burst).unwrap_or(now).max(now)
    }

    /// Takes the oldest installation of the address whose turn it is. Those that waited too long
    /// are dropped; their senders have an answer already.
    fn pop(&mut self, now: Instant) -> Option<PendingInstall> {
        while let Some(from) = self.turns.pop_front() {
            let Some(queue) = self.queues.get_mut(&from) else {
                continue;
            };
            let mut next = None;
            while next.is_none()
                && let Some(pending) = queue.pop_front()
            {
                self.waiting -= 1;
                next = Some(pending).filter(|pending| !pending.is_late(now));
            }
            if queue.is_empty() {
                self.queues.remove(&from);
            } else {
                self.turns.push_back(from);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::AtomicU32;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use crate::engine::accept::install_queue::*;
    use crate::event::MemberId;

    fn claim(name: &str) -> InstallClaim {
        InstallClaim::new(MemberId::new(name), "a".into(), "r".into())
    }

    fn address(number: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, number).into())
    }

    /// A queue, and how many genuine installations were proven.
    #[derive(Clone, Default)]
    struct Stage {
        queue: Arc<InstallQueue>,
        proven: Arc<AtomicU32>,
    }

    impl Stage {
        /// Posts an installation, and returns whether the answer is that it was proven.
        async fn post(&self, name: &str, from: Option<IpAddr>) -> bool {
            let Ok(place) = self.queue.push(claim(name), from) else {
                return false;
            };
            if self.queue.add_worker() {
                tokio::spawn(self.clone().work());
            }
            place.result().await.is_ok()
        }

        async fn work(self) {
            while let Some(pending) = self.queue.take().await {
                sleep(Duration::from_millis(300)).await; // the authorization server
                let is_genuine = pending.claim.portal.as_str() == "genuine";
                self.proven
                    .fetch_add(u32::from(is_genuine), Ordering::Relaxed);
                pending.answer(is_genuine.then_some(()).ok_or(AcceptError::Unproven));
            }
        }

        /// Starts a flood from an address: as many connections, each posts again once it is
        /// answered.
        fn flood(&self, connections: usize, from: Option<IpAddr>) {
            for _ in 0..connections {
                let stage = self.clone();
                tokio::spawn(async move {
                    loop {
                        stage.post("forged", from).await;
                        sleep(Duration::from_secs(1)).await;
                    }
                });
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn genuine_installations_get_through_a_flood_from_another_address() {
        let stage = Stage::default();
        stage.flood(1_000, address(1));
        sleep(Duration::from_secs(60)).await;
        let genuine = (0..15).map(|_| stage.post("genuine", address(2)));
        assert_eq!(join_all(genuine).await, [true; 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn genuine_installations_get_through_a_flood_of_300_from_the_same_address() {
        let stage = Stage::default();
        stage.flood(300, address(1));
        sleep(Duration::from_secs(60)).await;
        let genuine = (0..15).map(|_| stage.post("genuine", address(1)));
        assert_eq!(join_all(genuine).await, [true; 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_installation_whose_sender_has_hung_up_is_proven_nevertheless() {
        let stage = Stage::default();
        stage.flood(300, address(1));
        sleep(Duration::from_secs(60)).await;
        let hung_up = timeout(Duration::from_secs(1), stage.post("genuine", address(1)));
        assert!(hung_up.await.is_err());
        sleep(INSTALL_KEPT).await;
        assert_eq!(stage.proven.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cause_a_bounded_number_of_calls_a_minute() {
        let stage = Stage::default();
        stage.flood(300, address(1));
        let queue = &stage.queue;
        let calls = Arc::new(AtomicU32::new(0));
        for _ in 0..INSTALLS_AT_ONCE_MAX {
            assert!(queue.add_worker(), "the flood has no worker yet");
            let (queue, calls) = (Arc::clone(queue), Arc::clone(&calls));
            tokio::spawn(async move {
                while let Some(pending) = queue.take().await {
                    calls.fetch_add(1, Ordering::Relaxed);
                    pending.answer(Err(AcceptError::Unproven));
                }
            });
        }
        sleep(Duration::from_secs(600)).await;
        let calls = calls.load(Ordering::Relaxed);
        let max = INSTALLS_PER_MINUTE * 10 + INSTALLS_BURST;
        assert!(calls <= max && calls > max / 2, "{calls}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused_and_keeps_the_place_for_a_while() {
        let queue = InstallQueue::default();
        for is_kept in [true, false] {
            let place = queue.push(claim("genuine"), address(1)).unwrap();
            assert!(matches!(place.result().await, Err(AcceptError::Full)));
            if !is_kept {
                sleep(INSTALL_KEPT).await;
            }
            let kept = queue.state().pop(Instant::now());
            assert_eq!(kept.is_some(), is_kept);
        }
        assert_eq!(queue.state().waiting, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_proven_is_waited_for() {
        let queue = Arc::new(InstallQueue::default());
        let place = queue.push(claim("genuine"), address(1)).unwrap();
        assert!(queue.add_worker());
        let pending = queue.take().await.unwrap();
        let answer = async {
            sleep(INSTALL_PATIENCE * 2).await;
            pending.answer(Ok(()));
        };
        let (result, ()) = tokio::join!(place.result(), answer);
        assert!(result.is_ok());
    }

    #[tokio::test]
    async fn one_address_cannot_hold_more_than_its_share() {
        let queue = InstallQueue::default();
        let push = |from| queue.push(claim("forged"), from);
        let mut places: Vec<_> = (0..INSTALLS_OF_ONE_MAX)
            .map(|_| push(address(1)).unwrap())
            .collect();
        assert!(matches!(push(address(1)), Err(AcceptError::Full)));
        assert!(push(address(2)).is_ok());
        places.swap_remove(0); // its sender hangs up
        assert!(push(address(1)).is_ok());
        assert_eq!(queue.state().waiting, INSTALLS_OF_ONE_MAX + 1);
    }

    #[tokio::test]
    async fn a_new_address_takes_a_place_of_the_address_with_the_most() {
        let queue = InstallQueue::default();
        let push = |from| queue.push(claim("forged"), from);
        let places: Vec<_> = (0..INSTALLS_MAX)
            .map(|number| push(address(1 + (number % 2) as u8)).unwrap())
            .collect();
        let genuine = push(address(3)).unwrap();
        assert_eq!(queue.state().waiting, INSTALLS_MAX);
        let next = (0..3).filter_map(|_| queue.state().pop(Instant::now()));
        let answered = next.map(|pending| pending.answer(Ok(()))).count();
        assert_eq!(answered, 3, "the addresses take turns");
        assert!(genuine.result().await.is_ok());
        drop(places);
    }

    #[tokio::test]
    async fn a_stop_refuses_what_waits() {
        let queue = InstallQueue::default();
        let place = queue.push(claim("genuine"), address(1)).unwrap();
        queue.close();
        assert!(matches!(place.result().await, Err(AcceptError::Full)));
        assert!(queue.push(claim("genuine"), address(1)).is_err());
    }
}
