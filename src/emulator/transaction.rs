//! A transaction: one request that the portal handles, with exclusive access to the world.
//!
//! A transaction knows who acts and the length of the chain of events behind it. It collects its
//! events and updates; they leave when it is over, as on the portal, where events are sent after
//! the answer.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::sync::oneshot;

use super::updates::Update;
use super::world::World;

/// The world during one request.
pub(crate) struct Transaction<'a> {
    pub(crate) world: &'a mut World,
    /// The acting user: a person, or the bot of a call.
    pub(crate) user: u64,
    /// The authorized user, `0` for none: the `auth` of the events that follow has their tokens.
    pub(crate) local_user: u64,
    /// Links left before the portal cuts a chain of events and calls.
    pub(crate) hops: u8,
    /// The application behind the changes, if it is a call.
    pub(crate) origin: Origin,
    /// Applications whose queues of stored events have grown, by client id.
    pub(crate) queued: BTreeSet<String>,
    /// Events to be posted.
    pub(crate) outgoing: Vec<Delivery>,
    /// Updates for the web pages.
    pub(crate) updates: Vec<Update>,
}

/// An event to be delivered to a handler.
pub(crate) struct Delivery {
    pub(crate) url: String,
    /// The application's name in the traffic log.
    pub(crate) app: Option<String>,
    /// The body, before encoding.
    pub(crate) tree: Value,
    /// Notified when the handler has answered or failed to.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// Returns a copy that notifies nobody.
    pub(super) fn duplicate(&self) -> Self {
        Delivery {
            url: self.url.clone(),
            app: self.app.clone(),
            tree: self.tree.clone(),
            done: None,
        }
    }
}

/// The application that makes a change, and the source it names: events it causes itself are not
/// stored for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client id; `None` for people and inbound webhooks.
    pub(crate) app: Option<String>,
    /// `auth_connector`; empty if it was not given.
    pub(crate) source: String,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(world: &'a mut World, user: u64, hops: u8) -> Self {
        Transaction {
            world,
            user,
            local_user: user,
            hops,
            origin: Origin::default(),
            queued: BTreeSet::new(),
            outgoing: Vec::new(),
            updates: Vec::new(),
        }
    }
}
