//! Hooks: handlers of events that do not belong to a bot.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{RestCall, Result};
use crate::event::{Category, Delivery, Node};
use crate::portal::Portal;

/// A handler of events that do not belong to a bot. Functions `async fn(HookEvent) -> Result` are
/// hooks.
pub trait Hook: Send + Sync + 'static {
    /// Handles an event.
    ///
    /// # Errors
    /// After an error it is called again, with growing pauses. In the end the event is a dead
    /// letter. Other hooks and the bots go on meanwhile.
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

/// An event for a hook: a [`Delivery`] and its portal.
///
/// An event carries little more than an id, typed in [`payload`](crate::event::payload):
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
    pub(crate) fn new(delivery: Delivery, portal: Portal, id: String) -> Self {
        Self {
            delivery,
            portal,
            id,
        }
    }

    /// Returns the id of this event among all events of this hook. It is the same on every attempt,
    /// also after a restart: store it to do something only once.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Calls any REST method of the portal. The result is decoded to the type you ask for.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<String>) -> RestCall<T> {
        RestCall::new(self.portal.clone(), method.into())
    }

    /// Returns the client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// Returns the event as JSON for other programs, without tokens.
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

/// The events that a hook gets.
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
#[non_exhaustive]
pub enum Pattern {
    /// The event of this name.
    Name(String),
    /// Events whose names begin with this.
    Prefix(String),
    /// Events of this category.
    Category(Category),
}

impl Pattern {
    /// Whether an event of this name and category matches.
    pub fn matches(&self, name: &str, category: Category) -> bool {
        match self {
            Self::Name(own) => own.eq_ignore_ascii_case(name),
            Self::Prefix(own) => name
                .get(..own.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(own)),
            Self::Category(own) => *own == category,
        }
    }
}

impl fmt::Display for Pattern {
    /// Writes it as it is passed to [`App::hook`](crate::App::hook).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(start) => write!(f, "{start}*"),
            Self::Category(category) => write!(f, "{category:?}"),
        }
    }
}

impl From<&str> for Pattern {
    /// Parses a name, or the beginning of a name followed by `*`.
    fn from(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(start) => Self::Prefix(start.to_ascii_uppercase()),
            None => Self::Name(text.to_ascii_uppercase()),
        }
    }
}

impl From<Category> for Pattern {
    fn from(category: Category) -> Self {
        Self::Category(category)
    }
}
