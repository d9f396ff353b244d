//! Calls and reminders as numbers in the tables.

use crate::store::{CallId, EventId, ReminderId};

/// Maximum number of calls, and of reminders, of an event.
const PER_EVENT: u64 = 1 << 16;

/// Returns the number of a call in its table.
pub(super) fn call_number(id: CallId) -> u64 {
    id.event.0 * PER_EVENT + u64::from(id.index)
}

/// Returns the call of a number.
pub(super) fn call_id(number: u64) -> CallId {
    let (event, index) = split(number);
    CallId { event, index }
}

/// Returns the number of a reminder in its table.
pub(super) fn reminder_number(id: ReminderId) -> u64 {
    id.event.0 * PER_EVENT + u64::from(id.index)
}

fn split(number: u64) -> (EventId, u16) {
    let index = u16::try_from(number % PER_EVENT).expect("a remainder of 65536 fits into 16 bits");
    (EventId(number / PER_EVENT), index)
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::number::*;

    #[test]
    fn the_number_of_a_call_gives_the_call_again() {
        for (event, index) in [(1, 0), (1, u16::MAX), (1 << 40, 3)] {
            let id = CallId {
                event: EventId(event),
                index,
            };
            assert_eq!(call_id(call_number(id)), id);
        }
    }
}
