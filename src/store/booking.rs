//! A portal's time, which all processes on one store share: no two requests have the same part of it.
//!
//! A portal that takes two requests a second has half a second for each. So its limit is one moment, until which its time
//! is booked; who wants to call books more of it, behind that moment. What nobody uses passes by itself, also when a
//! process dies, so that nobody has to give anything back.

use std::ops::Range;
use std::time::Duration;

use super::Time;

/// How far beyond [`Booking::by`] a portal's time can be booked: by one request of each process that waits. What is booked
/// further was booked before the clock was set back.
const BEYOND_MAX: Duration = Duration::from_secs(60);

/// A wish for some of a portal's time.
#[derive(Clone, Copy, Debug)]
pub struct Booking {
    /// It begins at this moment, or when everything that is booked is over.
    pub from: Time,
    /// How much of it one request takes.
    pub each: Duration,
    /// For how many requests it is, at most.
    pub most: u32,
    /// The moment at which it ends at the latest, except that it is always for one.
    pub by: Time,
}

impl Booking {
    /// What this wish gets where everything is booked until a moment.
    pub(crate) fn after(self, booked: Time) -> Range<Time> {
        let Booking {
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
