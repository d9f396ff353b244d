//! Events that wait in memory until they are proven: installations and payments. Anybody can post
//! them, so only short ones wait.

use bytes::Bytes;
use memchr::memchr_iter;

use crate::engine::AcceptError;
use crate::event::Delivery;

/// Maximum size of an event that waits until it is proven, in bytes. Those of real portals are
/// shorter than a kilobyte.
pub const UNPROVEN_BYTES_MAX: usize = 8 * 1024;
/// Maximum number of keys of such an event.
pub const UNPROVEN_KEYS_MAX: usize = 200;

/// Returns a copy of a short event, which does not keep the memory in which the request arrived.
///
/// # Errors
/// [`AcceptError::Unproven`] if it is too long, whatever portal it names.
pub(super) fn copy(delivery: &Delivery) -> Result<Delivery, AcceptError> {
    let body = delivery.body();
    if body.len() > UNPROVEN_BYTES_MAX || memchr_iter(b'&', &body).count() >= UNPROVEN_KEYS_MAX {
        return Err(AcceptError::Unproven);
    }
    Ok(Delivery::from_form(Bytes::copy_from_slice(&body))?)
}

#[cfg(test)]
mod tests {
    use crate::engine::accept::unproven::*;

    #[test]
    fn a_long_event_and_one_of_many_keys_do_not_wait() {
        let copied = |rest: &str| {
            let body = format!("event=ONAPPINSTALL&data[VERSION]=1{rest}");
            copy(&Delivery::from_form(body).unwrap()).map(|it| it.body().len())
        };
        assert_eq!(copied("&ts=7").unwrap(), 39);
        let long = format!("&pad={}", "x".repeat(UNPROVEN_BYTES_MAX));
        assert!(matches!(copied(&long), Err(AcceptError::Unproven)));
        assert!(matches!(
            copied(&"&a=1".repeat(199)),
            Err(AcceptError::Unproven)
        ));
        assert!(copied(&"&a=1".repeat(198)).is_ok());
    }
}
