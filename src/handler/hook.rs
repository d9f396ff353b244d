//! Hooks: code for every event that is not a bot's.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{RestCall, Result};
use crate::event::{Category, Delivery, Node};
use crate::portal::Portal;

/// Code for events that are not a bot's. Functions `async fn(HookEvent) -> Result` are hooks.
pub trait Hook: Send + Sync + 'static {
    /// Handles an event. After an error it is called again, with growing pauses, and in the end the event rests among the
    /// dead letters; neither harms the other hooks or the bots.
    fn event(&self, event: HookEvent) -> Pin<Box<dyn Future<Output = Result> + Send + '_>>;
}

impl<F, R> Hook for F
where
    F: Fn(HookEvent) -> R + Send + Sync + 'static,
    R: Future<Output = Result> + Send + 'static,
{
    fn event(&self, event: HookEvent) -> Pin<Box<dyn Future<Output = Result> + Send + '_>> {
        Box::pin(self(event))
    }
}

/// An event for a hook: a [`Delivery`], and the portal it came from.
///
/// What it carries is little more than an id, typed in [`payload`](crate::event::payload):
///
/// ```
/// use imbot::event::payload::crm;
/// use imbot::prelude::*;
///
/// async fn deal_added(event: HookEvent) -> Result {
///     let deal: crm::Item = event.read()?;
///     let fields: serde_json::Value = event.call("crm.deal.get").with("ID", deal.id).await?;
///     println!("{}", fields["TITLE"]);
///     Ok(())
/// }
/// # let _ = App::new().hook("ONCRMDEALADD", deal_added);
/// ```
#[derive(Clone, Debug)]
pub struct HookEvent {
    delivery: Delivery,
    portal: Portal,
    id: String,
}

impl HookEvent {
    pub(crate) fn new(delivery: Delivery, portal: Portal, id: String) -> HookEvent {
        HookEvent {
            delivery,
            portal,
            id,
        }
    }

    /// What tells this event from all others of this hook. It is the same each time that the event is tried, also after a
    /// restart: who does something that must not be done twice can remember it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Calls any REST method of the portal.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<String>) -> RestCall<T> {
        RestCall::new(self.portal.clone(), method.into())
    }

    /// The client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The event as JSON for other programs: no tokens.
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.name,
            "portal": self.portal.id(),
            "ts": self.ts,
            "data": self.data().map(Node::to_json),
        })
    }
}

impl Deref for HookEvent {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.delivery
    }
}

/// Which events a hook is for.
///
/// ```
/// use imbot::{Pattern, event::Category};
///
/// assert!(Pattern::from("onCrmDealAdd").matches("ONCRMDEALADD", Category::Crm));
/// assert!(Pattern::from("ONTASK*").matches("ONTASKUPDATE", Category::Tasks));
/// assert!(Pattern::from(Category::Calendar).matches("ONCALENDARENTRYADD", Category::Calendar));
/// assert!(Pattern::from("*").matches("ONSOMETHINGNEW", Category::Unknown));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The event of this name.
    Name(String),
    /// Events whose names begin so.
    Prefix(String),
    /// Events about this.
    Category(Category),
}

impl Pattern {
    /// Whether an event of this name and category is meant.
    pub fn matches(&self, name: &str, category: Category) -> bool {
        match self {
            Pattern::Name(own) => own.eq_ignore_ascii_case(name),
            Pattern::Prefix(own) => name
                .get(..own.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(own)),
            Pattern::Category(own) => *own == category,
        }
    }
}

impl fmt::Display for Pattern {
    /// As one writes it for [`App::hook`](crate::App::hook).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Name(name) => f.write_str(name),
            Pattern::Prefix(start) => write!(f, "{start}*"),
            Pattern::Category(category) => write!(f, "{category:?}"),
        }
    }
}

impl From<&str> for Pattern {
    /// A name, or its beginning with a star at the end.
    fn from(text: &str) -> Pattern {
        match text.strip_suffix('*') {
            Some(start) => Pattern::Prefix(start.to_ascii_uppercase()),
            None => Pattern::Name(text.to_ascii_uppercase()),
        }
    }
}

impl From<Category> for Pattern {
    fn from(category: Category) -> Pattern {
        Pattern::Category(category)
    }
}
