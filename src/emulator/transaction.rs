//! A hit: one request the portal handles, in its own word for it.
//!
//! A hit knows who acts and how long the chain of events behind it is. What it has to tell the outside is collected
//! and leaves when the hit is over, as on the portal, where events go out after the answer.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::sync::oneshot;

use super::updates::Update;
use super::world::World;

/// The world in the hands of one request.
pub(crate) struct Transaction<'a> {
    pub(crate) world: &'a mut World,
    /// Who acts: a person, or the bot that a call lets act.
    pub(crate) user: u64,
    /// Who is authorized, `0` for nobody: their tokens are the ones in `auth` of the events that follow.
    pub(crate) local_user: u64,
    /// Links left before the portal cuts a chain of events and calls.
    pub(crate) hops: u8,
    /// On whose behalf things change: nobody's, unless it is a call.
    pub(crate) origin: Origin,
    /// The applications whose queues have grown, by client id.
    pub(crate) queued: BTreeSet<String>,
    /// Events to be posted.
    pub(crate) outgoing: Vec<Delivery>,
    /// What the web pages are shown.
    pub(crate) updates: Vec<Update>,
}

/// An event on its way to a handler.
pub(crate) struct Delivery {
    pub(crate) url: String,
    /// The application, as the wire log names it.
    pub(crate) app: Option<String>,
    /// The whole body, not yet encoded.
    pub(crate) tree: Value,
    /// Told when the handler has answered, or did not.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// The same once more; nobody waits for it.
    pub(super) fn duplicate(&self) -> Delivery {
        Delivery {
            url: self.url.clone(),
            app: self.app.clone(),
            tree: self.tree.clone(),
            done: None,
        }
    }
}

/// The application that makes a change, and the source it names: what it causes itself is not kept for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client id; none for people and inbound webhooks.
    pub(crate) app: Option<String>,
    /// `auth_connector`; empty if there is none.
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
