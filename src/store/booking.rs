//! A portal's time, which all processes on one store share.
//!
//! A portal that accepts two requests a second has half a second for each. So a portal's limit is
//! stored as one moment: the end of all booked time. A process that wants to send requests books
//! the time after that moment. No two requests get the same time. Unused time simply passes, also
//! after a crash, so nothing has to be released.

use std::ops::Range;
use std::time::Duration;

use super::Time;

/// Maximum time that is booked after [`Booking::by`]: one request of each waiting process. A
/// booking further ahead was made before the clock was set back.
const BEYOND_MAX: Duration = Duration::from_secs(60);

/// A request for some of a portal's time.
#[derive(Clone, Copy, Debug)]
pub struct Booking {
    /// The earliest start. The booking starts later if other time is booked before it.
    pub from: Time,
    /// The time that one request takes.
    pub each: Duration,
    /// The maximum number of requests.
    pub most: u32,
    /// The latest end. One request is always booked, even if it ends later.
    pub by: Time,
}

impl Booking {
    /// Returns the time to book when everything until `booked` is taken.
    pub(crate) fn after(self, booked: Time) -> Range<Time> {
        let Self {
            from,
            each,
            most,
            by,
        } = self;
        let is_sound = booked <= by + BEYOND_MAX;
        let start = from.max(if is_sound { booked } else { by });
        let fit = by.since(start).as_millis() / each.as_millis().max(1);
        let requests = u32::try_from(fit).unwrap_or(most).min(most).max(1);
        start..start + each * requests
    }
}
