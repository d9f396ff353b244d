//! Portals with an installation of the application.

use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Booking, Stored, Time};
use crate::event::{MemberId, UserId};

/// Maximum number of stored addresses of this program. The oldest are dropped first.
pub const ADDRESSES_MAX: usize = 32;

/// Maximum number of stored former hosts of a portal. The oldest are dropped first.
pub const FORMER_HOSTS_MAX: usize = 16;

/// Adds an address as the newest. Returns true if the list has changed.
pub(super) fn add_address(known: &mut Vec<String>, now: Option<&str>) -> bool {
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

/// The installation of the application on one portal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Installation {
    /// The portal: its `member_id`, or, behind an inbound webhook, the host that it had first.
    pub portal: MemberId,
    /// The address of its REST methods, such as `https://example.bitrix24.com/rest/`.
    pub endpoint: String,
    /// The token that proves that an event comes from this portal.
    pub application_token: SecretString,
    /// The credentials for calls to the portal.
    pub access: Access,
    /// Hosts that the portal had before it was renamed, oldest first, at most
    /// [`FORMER_HOSTS_MAX`]. Default: none.
    pub former_hosts: Vec<String>,
    /// When the portal announced the installation, in Unix seconds on its own clock (`ts` of
    /// `ONAPPINSTALL`); `None` if nothing announced it. Default: `None`.
    pub installed_at: Option<u64>,
    /// The tokens of another administrator, for the time when the person who installed the
    /// application is gone. Default: none.
    pub spare: Option<Spare>,
}

/// The tokens of an administrator who opened the application, other than the person who installed
/// it.
///
/// They are used while the portal refuses the installation's own tokens because that person was
/// dismissed (protocol/auth.md 4). A new installation removes them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Spare {
    /// The administrator.
    pub user: UserId,
    /// The administrator's tokens.
    pub tokens: Tokens,
}

impl Spare {
    /// Returns these tokens of an administrator.
    pub fn new(user: UserId, tokens: Tokens) -> Self {
        Self { user, tokens }
    }
}

impl Installation {
    /// An installation on a portal that was never renamed.
    pub fn new(
        portal: MemberId,
        endpoint: String,
        application_token: SecretString,
        access: Access,
    ) -> Self {
        Self {
            portal,
            endpoint,
            application_token,
            access,
            former_hosts: Vec::new(),
            installed_at: None,
            spare: None,
        }
    }

    /// Returns true if both have the same address and credentials.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let spare = |of: &Self| of.spare.as_ref().map(|spare| spare.tokens.access.clone());
        let secret =
            |token: Option<SecretString>| token.map(|token| token.expose_secret().to_owned());
        self.endpoint == other.endpoint
            && self.access.is_same(&other.access)
            && secret(spare(self)) == secret(spare(other))
    }

    /// Returns all known hosts of the portal, the present one last. Each has its port, if it is not
    /// the default one.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let now = host_of(&self.endpoint).to_ascii_lowercase();
        let mut hosts = self.former_hosts.clone();
        if matches!(self.access, Access::Webhook(_)) {
            let first = self.portal.as_str().to_ascii_lowercase();
            hosts.retain(|host| *host != first);
            hosts.insert(0, first);
        }
        hosts.retain(|host| *host != now);
        hosts.push(now);
        hosts
    }

    /// Sets the address of the REST methods, and keeps the host of the former one.
    pub(crate) fn move_to(&mut self, endpoint: &str) {
        let before = host_of(&self.endpoint).to_ascii_lowercase();
        let now = host_of(endpoint).to_ascii_lowercase();
        if before != now {
            self.former_hosts
                .retain(|host| *host != before && *host != now);
            self.former_hosts.push(before);
            let surplus = self.former_hosts.len().saturating_sub(FORMER_HOSTS_MAX);
            self.former_hosts.drain(..surplus);
        }
        endpoint.clone_into(&mut self.endpoint);
    }
}

/// Returns the host of an address, with its port if it has one.
pub(crate) fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// The result of [`Portals::claim`].
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whether the caller has the claim. If not, another process has it.
    pub is_granted: bool,
    /// The stored installation, which another process may have renewed.
    pub installation: Installation,
}

/// The credentials for calls to a portal.
#[derive(Clone, Debug)]
pub enum Access {
    /// The tokens of an application (OAuth).
    Tokens(Tokens),
    /// An inbound webhook.
    Webhook(Webhook),
}

impl Access {
    /// Returns true if both have the same access token or webhook code.
    pub fn is_same(&self, other: &Self) -> bool {
        let secret = |access: &Self| match access {
            Self::Tokens(tokens) => tokens.access.clone(),
            Self::Webhook(hook) => hook.code.clone(),
        };
        secret(self).expose_secret() == secret(other).expose_secret()
    }

    /// Returns the credentials in the columns of a row. An inbound webhook has a person, and its
    /// column `refresh` holds the token of our bots.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn from_columns(
        access: SecretString,
        refresh: SecretString,
        user: Option<UserId>,
    ) -> Self {
        match user {
            None => Self::Tokens(Tokens { access, refresh }),
            Some(user) => Self::Webhook(Webhook {
                user,
                code: access,
                bot_token: refresh,
            }),
        }
    }

    /// Returns the tokens of an application. Returns `None` for a webhook.
    pub fn tokens(&self) -> Option<&Tokens> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::Webhook(_) => None,
        }
    }
}

/// An inbound webhook, which acts as the person who created it and needs no application.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The person who created it.
    pub user: UserId,
    /// The secret in its address.
    pub code: SecretString,
    /// The token that identifies our bots among those of other programs (`botToken`, at most 40
    /// characters).
    pub bot_token: SecretString,
}

/// A pair of OAuth tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token, valid for an hour.
    pub access: SecretString,
    /// The refresh token, valid for 180 days and for one use.
    pub refresh: SecretString,
}

/// The portals of a store: installations, and what several processes share about a portal.
pub trait Portals {
    /// Returns all installations of the application.
    ///
    /// # Errors
    /// The installations could not be read.
    fn portals(&self) -> Stored<'_, Vec<Installation>>;

    /// Returns the installation on a portal. Returns `None` if the application is not installed
    /// there.
    ///
    /// # Errors
    /// The installation could not be read.
    fn portal(&self, portal: &MemberId) -> Stored<'_, Option<Installation>>;

    /// Stores an installation and ends a [claim](Portals::claim) on its portal. It replaces an
    /// earlier installation on the same portal.
    ///
    /// # Errors
    /// The installation could not be stored. An earlier one is unchanged then.
    fn install(&self, installation: Installation) -> Stored<'_, ()>;

    /// Claims the right to renew a portal's tokens until `until`. One holder has the claim at a
    /// time, and may extend it by another call. Returns `None` if the application is not installed
    /// on that portal.
    ///
    /// If several processes claim at once, one of them gets the claim.
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

    /// Books time for requests to a portal, after all time that any process has booked. Returns the
    /// booked time.
    ///
    /// No two bookings overlap.
    ///
    /// # Errors
    /// The booking could not be stored.
    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>>;

    /// Removes an installation. With `forget`, removes all conversations and reminders on that
    /// portal in the same step.
    ///
    /// # Errors
    /// The change could not be stored. Nothing is removed then.
    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()>;

    /// Stores the current address of this program, if one is given. Returns all known addresses,
    /// oldest first, at most [`ADDRESSES_MAX`].
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
