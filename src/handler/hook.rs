//! Hooks: handlers of events that do not belong to a bot.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Error, HookBot, HookRequests, RestCall, Result};
use crate::event::{Category, Delivery, Node};
use crate::portal::Portal;

/// A handler of events that do not belong to a bot. Functions `async fn(HookEvent) -> Result` are
/// hooks, and so are closures. A closure is called for every event, so it clones what it shares:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use imbot::prelude::*;
///
/// let deals = Arc::new(AtomicU64::new(0));
/// let app = App::new().hook("ONCRMDEALADD", move |_| {
///     let deals = Arc::clone(&deals);
///     async move {
///         deals.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// });
/// # let _ = app;
/// ```
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
///     tracing::info!(title = ?fields["TITLE"], "a deal");
///     Ok(())
/// }
/// # let _ = App::new().hook("ONCRMDEALADD", deal_added);
/// ```
#[derive(Clone, Debug)]
pub struct HookEvent {
    delivery: Delivery,
    portal: Portal,
    requests: HookRequests,
}

impl HookEvent {
    pub(crate) fn new(delivery: Delivery, portal: Portal, requests: HookRequests) -> Self {
        Self {
            delivery,
            portal,
            requests,
        }
    }

    /// Returns the id of this event among all events of this hook. It is the same on every attempt,
    /// also after a restart: store it to do something only once.
    pub fn id(&self) -> &str {
        self.requests.event()
    }

    /// Returns a bot of the program, to speak for it on this portal.
    ///
    /// # Errors
    /// No bot with this code is registered on the portal, or not yet.
    pub fn bot(&self, code: &str) -> Result<HookBot> {
        self.requests.bot(code)
    }

    /// Calls any REST method of the portal. The result is decoded to the type you ask for.
    ///
    /// The call has the installation's authorisation, so usually the rights of an administrator,
    /// whoever caused the event and whatever [`hook_as`](crate::App::hook_as) says. With it a hook
    /// can call itself for ever: nothing stops a hook for `ONCRMDEALUPDATE` that updates deals.
    /// [`as_user`](HookEvent::as_user) gives the event's own authorisation.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<String>) -> RestCall<T> {
        RestCall::new(self.portal.clone(), method.into())
    }

    /// Returns the same event with its own authorisation: its calls have the rights of the user who
    /// caused it, or of the one that [`hook_as`](crate::App::hook_as) names.
    ///
    /// ```
    /// # use imbot::prelude::*;
    /// async fn deal_changed(event: HookEvent) -> Result {
    ///     let event = event.as_user()?;
    ///     let deal: serde_json::Value = event.call("crm.deal.get").with("ID", 7).await?;
    ///     tracing::info!(title = ?deal["TITLE"], "this user may read it");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The authorisation is valid for an hour from the event on; a retry after that fails with
    /// `expired_token`. It counts the steps of the portal's loop guard: an event that such a call
    /// causes carries tokens with one step less, and after seven steps (event, call, event, …) the
    /// portal sends no more events (protocol/server-behaviour.md 1.3). Calls with the
    /// installation's authorisation start at the first step each time.
    ///
    /// # Errors
    /// The event has no authorisation: nobody caused it, or it came by an outgoing webhook or as an
    /// offline event. A number in its `auth` is not a number.
    pub fn as_user(&self) -> Result<Self> {
        let token = self.auth()?.access_token.ok_or_else(|| {
            Error::failed(format_args!(
                "the event {} has no authorisation: nobody caused it, or it came by an outgoing webhook or as an offline \
                 event; `call` it with the installation's, or name a user with `App::hook_as`",
                self.name
            ))
        })?;
        let portal = self.portal.with_token(token);
        Ok(Self {
            portal,
            ..self.clone()
        })
    }

    /// Returns the client for this portal. Its calls have the same authorisation as
    /// [`call`](HookEvent::call).
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
