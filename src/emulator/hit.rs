//! A hit: one request the portal handles, in its own word for it.
//!
//! A hit knows who acts and how long the chain of events behind it is. What it has to tell the outside is collected
//! and leaves when the hit is over, as on the portal, where events go out after the answer.

use super::courier::Delivery;
use super::live::News;
use super::world::World;

/// The world in the hands of one request.
pub(crate) struct Hit<'a> {
    pub(crate) world: &'a mut World,
    /// Who acts: a person, or the bot that a call lets act.
    pub(crate) user: u64,
    /// Who is authorized, `0` for nobody: their tokens are the ones in `auth` of the events that follow.
    pub(crate) local_user: u64,
    /// Links left before the portal cuts a chain of events and calls.
    pub(crate) hops: u8,
    /// Events to be posted.
    pub(crate) outgoing: Vec<Delivery>,
    /// What the web pages are shown.
    pub(crate) news: Vec<News>,
}

impl<'a> Hit<'a> {
    pub(crate) fn new(world: &'a mut World, user: u64, hops: u8) -> Self {
        Hit {
            world,
            user,
            local_user: user,
            hops,
            outgoing: Vec::new(),
            news: Vec::new(),
        }
    }
}
