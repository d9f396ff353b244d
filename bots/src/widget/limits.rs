//! Limits of visitors by what they cannot make up: the address they come from, and the line they
//! write to. A secret costs nothing, so limits of each visitor alone would bound nobody.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};
use imbot::event::MemberId;
use imbot::prelude::{Channel, LineId};

use super::refusal::Refused;

/// Maximum number of chats that the visitors of one address may begin in a minute.
pub const ADDRESS_CHATS_A_MINUTE_MAX: u32 = 20;
/// Maximum number of chats that visitors may begin on one line in a minute.
pub const LINE_CHATS_A_MINUTE_MAX: u32 = 60;
/// Maximum number of messages and files that the visitors of one address may send in a minute.
pub const ADDRESS_MESSAGES_A_MINUTE_MAX: u32 = 120;
/// Maximum number of messages and files that visitors may send to one line in a minute.
pub const LINE_MESSAGES_A_MINUTE_MAX: u32 = 300;
/// Maximum size of the files that the visitors of one address may send in a day, in kilobytes.
pub const ADDRESS_KILOBYTES_A_DAY_MAX: u32 = 100_000;
/// Maximum size of the files that visitors may send to one line in a day, in kilobytes.
pub const LINE_KILOBYTES_A_DAY_MAX: u32 = 500_000;
/// Maximum number of open streams of one address.
pub const ADDRESS_STREAMS_MAX: usize = 500;
/// Maximum number of simultaneous uploads of one address.
pub const ADDRESS_UPLOADS_MAX: usize = 8;
/// Maximum number of addresses that are counted at a time. Visitors of further addresses are
/// refused until the others have been silent for the period of the limit.
pub const ADDRESSES_MAX: usize = 100_000;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits of all visitors.
#[derive(Debug)]
pub(super) struct Limits {
    chats: Rate,
    messages: Rate,
    kilobytes: Rate,
    pub(super) streams: Arc<Shares>,
    pub(super) uploads: Arc<Shares>,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            chats: Rate::new(ADDRESS_CHATS_A_MINUTE_MAX, LINE_CHATS_A_MINUTE_MAX, MINUTE),
            messages: Rate::new(
                ADDRESS_MESSAGES_A_MINUTE_MAX,
                LINE_MESSAGES_A_MINUTE_MAX,
                MINUTE,
            ),
            kilobytes: Rate::new(ADDRESS_KILOBYTES_A_DAY_MAX, LINE_KILOBYTES_A_DAY_MAX, DAY),
            streams: Arc::new(Shares::new(ADDRESS_STREAMS_MAX)),
            uploads: Arc::new(Shares::new(ADDRESS_UPLOADS_MAX)),
        }
    }

    /// Counts a message to a line, and the chat if the message begins one.
    ///
    /// # Errors
    /// Too many were sent or begun from this address or on this line.
    pub(super) fn message(
        &self,
        source: IpAddr,
        channel: &Channel,
        begins_chat: bool,
    ) -> Result<(), Refused> {
        if begins_chat {
            self.chats.take(source, channel, NonZeroU32::MIN)?;
        }
        self.messages.take(source, channel, NonZeroU32::MIN)
    }

    /// Counts the bytes of a file that was sent to a line.
    ///
    /// # Errors
    /// Too many were sent from this address or to this line.
    pub(super) fn file(
        &self,
        source: IpAddr,
        channel: &Channel,
        bytes: u64,
    ) -> Result<(), Refused> {
        let kilobytes = u32::try_from(bytes.div_ceil(1_000)).unwrap_or(u32::MAX);
        match NonZeroU32::new(kilobytes) {
            Some(kilobytes) => self.kilobytes.take(source, channel, kilobytes),
            None => Ok(()),
        }
    }

    /// Drops the counts of addresses that were silent for long.
    pub(super) fn sweep(&self) {
        for rate in [&self.chats, &self.messages, &self.kilobytes] {
            rate.sweep();
        }
    }
}

/// A limit in a period, for each address and for each line.
struct Rate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    lines: DefaultKeyedRateLimiter<(MemberId, LineId)>,
}

impl Rate {
    fn new(of_address: u32, of_line: u32, period: Duration) -> Self {
        Self {
            addresses: DefaultKeyedRateLimiter::keyed(quota(of_address, period)),
            lines: DefaultKeyedRateLimiter::keyed(quota(of_line, period)),
        }
    }

    fn take(&self, source: IpAddr, channel: &Channel, amount: NonZeroU32) -> Result<(), Refused> {
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.retain_recent();
            if self.addresses.len() >= ADDRESSES_MAX {
                return Err(Refused::Busy);
            }
        }
        let line = (channel.portal().id().clone(), channel.line());
        let of_address = self.addresses.check_key_n(&source, amount);
        if !matches!(of_address, Ok(Ok(()))) {
            return Err(Refused::TooMuchFromAddress);
        }
        let of_line = self.lines.check_key_n(&line, amount);
        if !matches!(of_line, Ok(Ok(()))) {
            return Err(Refused::TooMuchOnLine);
        }
        Ok(())
    }

    fn sweep(&self) {
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
        self.lines.retain_recent();
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate")
            .field("addresses", &self.addresses.len())
            .field("lines", &self.lines.len())
            .finish()
    }
}

/// Returns the quota of an amount in a period, which may be taken at once.
fn quota(amount: u32, period: Duration) -> Quota {
    let amount = NonZeroU32::new(amount).unwrap_or(NonZeroU32::MIN);
    let one_per = Quota::with_period(period / amount.get());
    one_per
        .unwrap_or(Quota::per_minute(amount))
        .allow_burst(amount)
}

/// How much of something each address has at the moment.
#[derive(Debug)]
pub(super) struct Shares {
    of_each_max: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    fn new(of_each_max: usize) -> Self {
        Self {
            of_each_max,
            taken: Mutex::default(),
        }
    }

    /// Takes one, until the returned share is dropped. Returns `None` if this address has its
    /// maximum.
    pub(super) fn take(self: &Arc<Self>, source: IpAddr) -> Option<Share> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(source).or_default();
        if *count >= self.of_each_max {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: Arc::clone(self),
            source,
        })
    }
}

/// What one address has taken.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    source: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = self.shares.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn an_address_has_at_most_its_share_at_a_time() {
        let shares = Arc::new(Shares::new(2));
        let mut taken: Vec<_> = (0..2).map(|_| shares.take(address(1)).unwrap()).collect();
        assert!(shares.take(address(1)).is_none());
        assert!(shares.take(address(2)).is_some());
        taken.pop();
        assert!(shares.take(address(1)).is_some());
        taken.clear();
        assert!(shares.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn an_amount_may_be_taken_at_once_and_comes_back_over_the_period() {
        let day = quota(LINE_KILOBYTES_A_DAY_MAX, DAY);
        assert_eq!(day.burst_size().get(), LINE_KILOBYTES_A_DAY_MAX);
        assert_eq!(day.burst_size_replenished_in().as_secs(), DAY.as_secs());
        let minute = quota(LINE_CHATS_A_MINUTE_MAX, MINUTE);
        assert_eq!(minute.burst_size_replenished_in(), MINUTE);
    }
}
