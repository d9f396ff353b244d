//! The clock of a test: it moves only while the test waits, and never while a handler runs.
//!
//! Tokio's paused clock jumps to the next timer whenever nothing can run. A task of the blocking
//! pool prevents the jump: one such task holds the clock while the test itself runs, and one while
//! a handler runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use crate::store::{Clock, Time};

/// A clock that stands still unless it is released.
pub(super) struct HeldClock {
    hold: Mutex<Option<Hold>>,
    /// How many waits have released it.
    releases: AtomicUsize,
    began: (Time, Instant),
}

impl HeldClock {
    /// Pauses the clock of this runtime, and holds it. It shows this time now.
    ///
    /// # Panics
    /// The runtime has several threads.
    pub(super) fn new(time: Time) -> Self {
        let flavor = Handle::current().runtime_flavor();
        assert!(
            flavor == RuntimeFlavor::CurrentThread,
            "the test kit needs a runtime of one thread: use #[tokio::test] without `flavor`"
        );
        if !is_paused() {
            tokio::time::pause();
        }
        Self {
            hold: Mutex::new(Some(Hold::new(None))),
            releases: AtomicUsize::new(0),
            began: (time, Instant::now()),
        }
    }

    /// Returns the time of the test as a clock.
    pub(super) fn as_clock(&self) -> Clock {
        let (time, instant) = self.began;
        Clock::new(move || time + instant.elapsed())
    }

    /// Lets the clock move while `work` waits.
    pub(super) async fn released<F: Future>(&self, work: F) -> F::Output {
        let _released = Released::new(self);
        work.await
    }

    /// Holds the clock until the returned value is dropped, or this real time is over.
    pub(super) fn hold_for_at_most(time: Duration) -> Hold {
        Hold::new(Some(time))
    }

    fn hold(&self) -> MutexGuard<'_, Option<Hold>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock moves until this is dropped.
struct Released<'c>(&'c HeldClock);

impl<'c> Released<'c> {
    fn new(clock: &'c HeldClock) -> Self {
        if clock.releases.fetch_add(1, Ordering::Relaxed) == 0 {
            *clock.hold() = None;
        }
        Self(clock)
    }
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        if self.0.releases.fetch_sub(1, Ordering::Relaxed) == 1 && Handle::try_current().is_ok() {
            *self.0.hold() = Some(Hold::new(None));
        }
    }
}

/// Holds the clock until it is dropped, or a real time is over.
pub(super) struct Hold {
    /// Its end wakes the task that holds the clock.
    _end: Sender<()>,
}

impl Hold {
    fn new(limit: Option<Duration>) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || match limit {
            Some(limit) => ended.recv_timeout(limit),
            None => ended.recv().map_err(|_| RecvTimeoutError::Disconnected),
        });
        Self { _end: end }
    }
}

/// Returns true if the clock of this runtime stands still.
fn is_paused() -> bool {
    let before = Instant::now();
    thread::sleep(Duration::from_micros(1));
    Instant::now() == before
}
