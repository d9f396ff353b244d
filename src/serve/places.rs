//! The places for open connections: how many there are, and how many one address may take.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::LogLimit;

/// Maximum number of open connections; more of them wait in the system's queue.
///
/// A connection with half a request takes up to 30 KB, so those of one address, at most half, take
/// 120 MB. It is lower where the system's limit of open files is.
pub const CONNECTIONS_MAX: usize = 8_000;
/// Open files that are not for connections to this program: the store, calls to portals, logs.
const FILES_RESERVED: usize = 256;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// How many places each address has taken.
#[derive(Debug)]
struct Shares {
    max: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
    refused: LogLimit,
}

/// A taken place of an address. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    address: Option<IpAddr>,
}

/// A taken place.
pub(super) type Place = (OwnedSemaphorePermit, Share);

impl Default for Places {
    /// As many places as the system's limit of open files allows.
    fn default() -> Self {
        Self::new(CONNECTIONS_MAX.min(files_max().map_or(CONNECTIONS_MAX, for_connections)))
    }
}

impl Places {
    /// Returns so many places. One address may take half of them.
    pub(super) fn new(connections: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            shares: Shares::new(connections.div_ceil(2)),
        }
    }

    /// Sets how many places one address may take.
    pub(super) fn per_address(mut self, connections: usize) -> Self {
        self.shares = Shares::new(connections);
        self
    }

    /// Waits for a free place.
    pub(super) async fn free(&self) -> io::Result<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free).acquire_owned();
        free.await.map_err(io::Error::other)
    }

    /// Takes a place of this address's share. Returns `None` if it has none left. `None` as the
    /// address has no limit.
    pub(super) fn share(&self, address: Option<IpAddr>) -> Option<Share> {
        let shares = &self.shares;
        let Some(key) = address else {
            return Some(self.shares.taken_by(None));
        };
        {
            let mut taken = shares.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let places = taken.entry(key).or_default();
            if *places < shares.max {
                *places += 1;
                return Some(shares.taken_by(address));
            }
        }
        if shares
            .refused
            .allows("connections of one address were closed")
        {
            tracing::warn!(
                address = %key,
                limit = shares.max,
                "an address has all the connections that it may have; more are closed (--connections-per-address)"
            );
        }
        None
    }
}

impl Shares {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.max(1), // so that an entry that was just made is never refused and left
            taken: Mutex::default(),
            refused: LogLimit::default(),
        })
    }

    fn taken_by(self: &Arc<Self>, address: Option<IpAddr>) -> Share {
        Share {
            shares: Arc::clone(self),
            address,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(address) = self.address else {
            return;
        };
        let taken = self.shares.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = taken.get_mut(&address) {
            *places -= 1;
            if *places == 0 {
                taken.remove(&address);
            }
        }
    }
}

/// Returns how many connections fit into this limit of open files.
fn for_connections(files: usize) -> usize {
    files.saturating_sub(FILES_RESERVED.min(files / 4)).max(1)
}

/// Raises this process's limit of open files as far as the system allows, and logs a warning if not
/// all connections fit into it.
#[cfg(feature = "cli")]
pub(crate) fn raise_files_max() {
    raise();
    let Some(files) = files_max() else {
        return;
    };
    let connections = for_connections(files);
    if connections < CONNECTIONS_MAX {
        tracing::warn!(
            files,
            connections,
            wanted = CONNECTIONS_MAX + FILES_RESERVED,
            "the system's limit of open files (ulimit -n) bounds the connections"
        );
    }
}

/// Returns the limit of open files, if there is one.
#[cfg(unix)]
fn files_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current?;
    files.try_into().ok()
}

#[cfg(all(unix, feature = "cli"))]
fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
}

#[cfg(not(unix))]
fn files_max() -> Option<usize> {
    None
}

#[cfg(all(not(unix), feature = "cli"))]
fn raise() {}

#[cfg(test)]
mod tests {
    use crate::serve::places::*;

    #[tokio::test]
    async fn one_address_takes_half_of_the_places_and_gets_them_back() {
        let places = Places::new(4);
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let first = places.share(Some(one));
        let second = places.share(Some(one));
        assert!(first.is_some() && second.is_some());
        assert!(places.share(Some(one)).is_none());
        assert!(places.share(Some(other)).is_some());
        drop(first);
        assert!(places.share(Some(one)).is_some());
        drop(second);
        assert!(places.shares.taken.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn peers_without_a_limit_take_any_number_of_places() {
        let places = Places::new(2);
        let shares: Vec<_> = (0..9).map(|_| places.share(None)).collect();
        assert!(shares.iter().all(Option::is_some));
    }

    #[test]
    fn connections_leave_files_for_the_rest_of_the_program() {
        assert_eq!(for_connections(64), 48);
        assert_eq!(for_connections(1_024), 768);
        assert_eq!(for_connections(20_000), 19_744);
        assert_eq!(for_connections(0), 1);
    }
}
