//! Reads bodies within a limit each, and within a limit of memory for all of them.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use poem::Body;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::source::Source;
use crate::engine::LogLimit;

/// Maximum memory of all bodies that are arriving or being worked on, in bytes. One address has at
/// most half of it. Bodies of up to [`BODY_BYTES_FREE`] bytes are not counted.
///
/// While it is used up, the newest body of the address that has the most makes room for those of
/// addresses that have less. Further bodies wait for [`BODY_PATIENCE`], and are then refused with
/// 503.
pub const BODIES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Size of a body that needs no memory but that of its connection, in bytes: most events are
/// shorter.
pub const BODY_BYTES_FREE: usize = 8 * 1024;
/// Maximum time for which a body waits for memory.
pub const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two attempts to get memory.
const PAUSE: Duration = Duration::from_millis(50);
/// Memory is counted in steps of this size, in bytes.
const STEP: usize = 64 * 1024;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is longer than its limit.
    TooLong,
    /// It ended early.
    Ended,
    /// There is no memory for it.
    NoMemory,
}

/// A body that is arriving.
pub(super) struct Arriving<'a> {
    pub(super) body: Body,
    pub(super) source: Source,
    pub(super) memory: &'a Arc<BodyMemory>,
}

/// A body, and the memory that it uses for as long as this value lives.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) bytes: Bytes,
    _memory: Option<Reserved>,
}

/// The memory for bodies.
#[derive(Debug, Default)]
pub(super) struct BodyMemory {
    used: Mutex<Used>,
    refused: LogLimit,
}

/// The used memory, in bytes.
#[derive(Debug, Default)]
struct Used {
    all: usize,
    by: HashMap<IpAddr, Share>,
}

/// The memory of one address.
#[derive(Debug, Default)]
struct Share {
    bytes: usize,
    /// The bodies that are arriving and have memory, oldest first. Each can be cancelled.
    arriving: Vec<CancellationToken>,
}

impl Used {
    fn of(&self, address: IpAddr) -> usize {
        self.by.get(&address).map_or(0, |share| share.bytes)
    }

    /// Cancels the newest arriving body of the address that has the most, if it has more than so
    /// many bytes. Its memory is free a moment later.
    fn make_room(&mut self, bytes: usize) {
        let larger = self.by.values_mut();
        let larger = larger.filter(|share| share.bytes > bytes && !share.arriving.is_empty());
        if let Some(newest) = larger
            .max_by_key(|share| share.bytes)
            .and_then(|share| share.arriving.pop())
        {
            newest.cancel();
        }
    }
}

/// A part of the memory.
#[derive(Debug)]
struct Reserved {
    memory: Arc<BodyMemory>,
    address: IpAddr,
    bytes: usize,
    /// Cancelled when it makes room for others.
    cancelled: CancellationToken,
}

impl Arriving<'_> {
    /// Returns the whole body. Most bodies arrive in one piece, which is returned without a copy.
    pub(super) async fn read(self, limit: usize) -> Result<Arrived, BodyError> {
        let mut pieces = pin!(self.body.into_bytes_stream());
        let mut whole = Bytes::new();
        let mut memory = None;
        while let Some(piece) = next_piece(&mut pieces, memory.as_ref()).await? {
            let length = whole.len() + piece.len();
            if length > limit {
                return Err(BodyError::TooLong);
            }
            if length > BODY_BYTES_FREE {
                let memory = memory.get_or_insert_with(|| Reserved::none(self.memory, self.source));
                Box::pin(memory.grow_to(length)).await?;
            }
            whole = if whole.is_empty() {
                piece
            } else {
                let mut longer = BytesMut::from(whole); // copied once, when the second piece arrives
                longer.extend_from_slice(&piece);
                longer.freeze()
            };
        }
        if let Some(memory) = &memory {
            memory.has_arrived();
        }
        Ok(Arrived {
            bytes: whole,
            _memory: memory,
        })
    }
}

/// Returns the next piece of a body, unless it has to make room for others.
async fn next_piece(
    pieces: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin),
    memory: Option<&Reserved>,
) -> Result<Option<Bytes>, BodyError> {
    let next = pieces.try_next();
    let next = match memory {
        Some(memory) => {
            let next = memory.cancelled.run_until_cancelled(next).await;
            next.ok_or(BodyError::NoMemory)?
        }
        None => next.await,
    };
    next.map_err(|_| BodyError::Ended)
}

impl BodyMemory {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved {
    fn none(memory: &Arc<BodyMemory>, source: Source) -> Self {
        Self {
            memory: Arc::clone(memory),
            address: source.bucket(),
            bytes: 0,
            cancelled: CancellationToken::new(),
        }
    }

    /// Waits until there is memory for so many bytes.
    async fn grow_to(&mut self, length: usize) -> Result<(), BodyError> {
        if length <= self.bytes {
            return Ok(());
        }
        let more = length.next_multiple_of(STEP) - self.bytes;
        let end = Instant::now() + BODY_PATIENCE;
        while !self.grow(more) {
            if Instant::now() >= end || self.cancelled.is_cancelled() {
                if self
                    .memory
                    .refused
                    .allows("bodies were refused for lack of memory")
                {
                    tracing::warn!(address = %self.address, "a body is refused: too many long ones are arriving");
                }
                return Err(BodyError::NoMemory);
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn grow(&mut self, more: usize) -> bool {
        let mut used = self.memory.used();
        let of_address = used.of(self.address) + more;
        if of_address > BODIES_BYTES_MAX / 2 {
            return false;
        }
        if used.all + more > BODIES_BYTES_MAX {
            used.make_room(of_address);
            return false;
        }
        used.all += more;
        let share = used.by.entry(self.address).or_default();
        share.bytes += more;
        if self.bytes == 0 {
            share.arriving.push(self.cancelled.clone());
        }
        self.bytes += more;
        true
    }

    /// Keeps the memory from now on: the body is worked on.
    fn has_arrived(&self) {
        if let Some(share) = self.memory.used().by.get_mut(&self.address) {
            share.arriving.retain(|other| *other != self.cancelled);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.has_arrived();
        let mut used = self.memory.used();
        used.all -= self.bytes;
        if let Some(share) = used.by.get_mut(&self.address) {
            share.bytes -= self.bytes;
            if share.bytes == 0 {
                used.by.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use crate::serve::body::*;

    fn reserved(memory: &Arc<BodyMemory>, address: [u8; 4]) -> Reserved {
        Reserved::none(memory, IpAddr::from(address).into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_gets_half_of_the_memory_and_gives_it_back() {
        let memory = Arc::new(BodyMemory::default());
        let mut one = reserved(&memory, [192, 0, 2, 1]);
        let mut same = reserved(&memory, [192, 0, 2, 1]);
        let mut other = reserved(&memory, [192, 0, 2, 2]);
        one.grow_to(BODIES_BYTES_MAX / 2).await.unwrap();
        assert_eq!(same.grow_to(1).await, Err(BodyError::NoMemory));
        other.grow_to(BODIES_BYTES_MAX / 2).await.unwrap();
        let mut third = reserved(&memory, [192, 0, 2, 3]);
        assert_eq!(third.grow_to(1).await, Err(BodyError::NoMemory));
        drop(one);
        same.grow_to(1).await.unwrap();
        drop((same, other, third));
        let used = memory.used();
        assert!(used.all == 0 && used.by.is_empty(), "{used:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_the_address_with_the_most_makes_room_for_those_of_others() {
        let memory = Arc::new(BodyMemory::default());
        let read = |address: u8, length: usize, is_whole: bool| {
            let memory = Arc::clone(&memory);
            let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from(vec![b'x'; length]))]);
            let body = if is_whole {
                Body::from_bytes_stream(pieces)
            } else {
                Body::from_bytes_stream(pieces.chain(stream::pending()))
            };
            tokio::spawn(async move {
                let source = IpAddr::from([192, 0, 2, address]).into();
                let arriving = Arriving {
                    body,
                    source,
                    memory: &memory,
                };
                arriving
                    .read(BODIES_BYTES_MAX)
                    .await
                    .map(|it| it.bytes.len())
            })
        };
        let held: Vec<_> = (0..16)
            .map(|number| read(number % 2, BODIES_BYTES_MAX / 16, false))
            .collect();
        sleep(PAUSE).await;
        assert_eq!(memory.used().all, BODIES_BYTES_MAX);
        assert_eq!(read(2, 100_000, true).await.unwrap(), Ok(100_000));
        assert_eq!(held.iter().filter(|it| it.is_finished()).count(), 1);
    }

    #[tokio::test]
    async fn a_short_body_uses_no_memory() {
        let memory = Arc::new(BodyMemory::default());
        let read = |length: usize| {
            let arriving = Arriving {
                body: vec![b'x'; length].into(),
                source: IpAddr::from([192, 0, 2, 1]).into(),
                memory: &memory,
            };
            arriving.read(1_000_000)
        };
        let short = read(BODY_BYTES_FREE).await.unwrap();
        assert_eq!(short.bytes.len(), BODY_BYTES_FREE);
        assert_eq!(memory.used().all, 0);
        let long = read(BODY_BYTES_FREE + 1).await.unwrap();
        assert_eq!(memory.used().all, STEP);
        drop(long);
        assert_eq!(memory.used().all, 0);
        assert_eq!(read(1_000_001).await.unwrap_err(), BodyError::TooLong);
    }
}
