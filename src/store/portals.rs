//! The portals that the application is installed on.

use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};

use uuid::Uuid;

use super::{Booking, Stored, Time};
use crate::event::{MemberId, UserId};

/// The most addresses of this program that are remembered; older ones are forgotten first.
pub const ADDRESSES_MAX: usize = 32;

/// Notes an address among those that were noted before. Says whether that changed anything.
pub(super) fn note_address(known: &mut Vec<String>, now: Option<&str>) -> bool {
    let Some(now) = now else { return false };
    if known.last().is_some_and(|last| last == now) {
        return false;
    }
    known.retain(|address| address != now);
    known.push(now.to_owned());
    let surplus = known.len().saturating_sub(ADDRESSES_MAX);
    known.drain(..surplus);
    true
}

/// The application as it is installed on one portal.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The portal.
    pub portal: MemberId,
    /// Where its REST methods are called, such as `https://example.bitrix24.com/rest/`.
    pub endpoint: String,
    /// What proves that an event is this portal's.
    pub application_token: SecretString,
    /// What proves that a call is ours.
    pub access: Access,
}

/// What came of asking for the right to renew a portal's tokens.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whether it was given, or another process has it.
    pub is_granted: bool,
    /// The installation as it is stored: another process may have renewed it.
    pub installation: Installation,
}

/// What proves that a call is ours.
#[derive(Clone, Debug)]
pub enum Access {
    /// The tokens of an application (OAuth).
    Tokens(Tokens),
    /// An inbound webhook.
    Webhook(Webhook),
}

impl Access {
    /// Whether these are the same tokens, or the same webhook.
    pub fn is_same(&self, other: &Access) -> bool {
        let secret = |access: &Access| match access {
            Access::Tokens(tokens) => tokens.access.clone(),
            Access::Webhook(hook) => hook.code.clone(),
        };
        secret(self).expose_secret() == secret(other).expose_secret()
    }

    /// The tokens of an application, if it is one.
    pub fn tokens(&self) -> Option<&Tokens> {
        match self {
            Access::Tokens(tokens) => Some(tokens),
            Access::Webhook(_) => None,
        }
    }
}

/// An inbound webhook: it acts as the person who made it, and needs no application.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Who made it.
    pub user: UserId,
    /// Its secret, as it stands in its address.
    pub code: SecretString,
    /// What tells our bots from those of other programs (`botToken`, at most 40 characters).
    pub bot_token: SecretString,
}

/// A pair of OAuth tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Good for an hour.
    pub access: SecretString,
    /// Good for 180 days, and for one use.
    pub refresh: SecretString,
}

/// The portals of a store: installations, and what several processes share about a portal.
pub trait Portals {
    /// Returns all installations of the application.
    ///
    /// # Errors
    /// The installations could not be read.
    fn portals(&self) -> Stored<'_, Vec<Installation>>;

    /// Stores an installation and ends a [claim](Portals::claim) on its portal. It replaces an earlier
    /// installation on the same portal.
    ///
    /// # Errors
    /// The installation could not be stored. An earlier one is unchanged then.
    fn install(&self, installation: Installation) -> Stored<'_, ()>;

    /// Claims the right to renew a portal's tokens until a moment. One holder has it at a time; it may
    /// claim it again. Returns `None` if the application is not installed on that portal.
    ///
    /// Of several processes that claim at once, one gets it.
    ///
    /// # Errors
    /// The claim could not be stored.
    fn claim(
        &self,
        portal: &MemberId,
        holder: Uuid,
        now: Time,
        until: Time,
    ) -> Stored<'_, Option<Claim>>;

    /// Books some of a portal's time for requests to it, after everything that any process has booked.
    /// Returns the time that is booked.
    ///
    /// No two bookings overlap.
    ///
    /// # Errors
    /// The booking could not be stored.
    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>>;

    /// Removes an installation. With `forget`, removes all conversations and reminders on that portal
    /// in the same step.
    ///
    /// # Errors
    /// The change could not be stored. Nothing is removed then.
    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()>;

    /// Stores the address at which portals reach this program now, if one is given. Returns all
    /// addresses known, oldest first, at most [`ADDRESSES_MAX`].
    ///
    /// # Errors
    /// The addresses could not be stored or read.
    fn addresses(&self, now: Option<&str>) -> Stored<'_, Vec<String>>;

    /// Returns the note of this name about a portal, if there is one.
    ///
    /// # Errors
    /// The note could not be read.
    fn note(&self, portal: &MemberId, name: &str) -> Stored<'_, Option<String>>;

    /// Stores a note about what was set up on a portal, in place of the one with the same name: the
    /// portal does not report all of it. A few kilobytes for each bot. Removed by
    /// [`uninstall`](Portals::uninstall).
    ///
    /// # Errors
    /// The note could not be stored.
    fn set_note(&self, portal: &MemberId, name: &str, note: String) -> Stored<'_, ()>;
}
