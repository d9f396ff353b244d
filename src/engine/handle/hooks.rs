//! Hooks, which receive every event that is not a bot's, and the application's own events.

use std::sync::Arc;

use super::{CurrentEvent, Unhandled};
use crate::engine::accept::decode;
use crate::engine::accept::occurrence;
use crate::engine::keyed_queues::Next;
use crate::engine::{Engine, QueuedEvent};
use crate::event::{AppEvent, Delivery, Event, MemberId, Source, UserId};
use crate::handler::{Error, Hook, HookEvent, HookRequests, Pattern, Result, guarded};
use crate::portal::Portal;
use crate::portal::methods::app::AppInfo;

/// A hook, and the events that it is for. While an application is put together, `H` may be
/// something that becomes a hook.
pub(crate) struct HookSpec<H = Arc<dyn Hook>> {
    /// The events that it is for.
    pub(crate) pattern: Pattern,
    /// Whether the portal keeps its events until they are fetched.
    pub(crate) is_offline: bool,
    /// The user whose tokens and rights its events have; 0 for the one who caused them.
    pub(crate) user: UserId,
    /// The hook itself.
    pub(crate) hook: H,
}

impl<H> HookSpec<H> {
    /// Returns the same with another hook.
    pub(crate) fn map<T>(self, hook: impl FnOnce(H) -> T) -> HookSpec<T> {
        HookSpec {
            pattern: self.pattern,
            is_offline: self.is_offline,
            user: self.user,
            hook: hook(self.hook),
        }
    }
}

/// Names hooks by their patterns; of several with the same pattern, the second is `… #2`. Their
/// events are stored under these names, so that they find their hook after a restart.
pub(in crate::engine) fn named(hooks: Vec<HookSpec>) -> Vec<(Arc<str>, HookSpec)> {
    let mut named: Vec<(Arc<str>, HookSpec)> = Vec::with_capacity(hooks.len());
    for hook in hooks {
        let is_same = |(_, other): &&(Arc<str>, HookSpec)| {
            other.pattern == hook.pattern && other.is_offline == hook.is_offline
        };
        let before = named.iter().filter(is_same).count();
        let mut name = hook.pattern.to_string();
        if hook.is_offline {
            name.push_str(" offline");
        }
        if before > 0 {
            name.push_str(&format!(" #{}", before + 1));
        }
        named.push((name.into(), hook));
    }
    named
}

/// The event after which a portal has no installation. Its hooks run nevertheless.
const UNINSTALLED: &str = "ONAPPUNINSTALL";

/// The parameter of our address that names the user whom a binding is for.
const AS_USER: &str = "as_user=";

/// Returns the address for the events of bindings for one user; 0 for the one who caused an event.
///
/// An event with a binding for each of several users is posted once for each. The body does
/// not show for which: `auth[user_id]` of a binding without a user may be any of these users.
pub(in crate::engine) fn address_for(url: &str, user: UserId) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    match user {
        UserId(0) => url.to_owned(),
        user => format!("{url}{joint}{AS_USER}{user}"),
    }
}

/// Returns true if a handler is this address, for whichever user.
pub(in crate::engine) fn is_at(url: &str, handler: &str) -> bool {
    handler.strip_prefix(url).is_some_and(|rest| {
        let user = rest.strip_prefix(['?', '&']);
        let user = user.and_then(|user| user.strip_prefix(AS_USER));
        rest.is_empty() || user.is_some_and(|user| user.parse::<u64>().is_ok())
    })
}

/// Returns the user in the query of an address that an event was posted to; 0 without one.
pub(crate) fn user_in_query(query: Option<&str>) -> UserId {
    let mut parts = query.unwrap_or_default().split('&');
    let user = parts.find_map(|part| part.strip_prefix(AS_USER)?.parse().ok());
    UserId(user.unwrap_or(0))
}

impl Engine {
    /// Returns the hooks that an event is for.
    ///
    /// If its binding is known, these are the hooks of the binding's user. If no hook is for this
    /// user, it is an event of the application's own, or the binding is an earlier program's: then
    /// all hooks for the event get it.
    pub(in crate::engine) fn hooks_for<'e>(
        &'e self,
        delivery: &'e Delivery,
    ) -> impl Iterator<Item = &'e (Arc<str>, HookSpec)> {
        let is_offline = delivery.source == Source::Fetch;
        let matches = move |hook: &HookSpec| {
            hook.is_offline == is_offline && hook.pattern.matches(&delivery.name, delivery.category)
        };
        let names_users = || self.hooks.iter().any(|(_, hook)| hook.user != UserId(0));
        let user = delivery
            .bound_for
            .filter(|_| names_users())
            .filter(|user| *user != UserId(0) || !self.is_own_event(&delivery.name))
            .filter(|user| {
                let mut hooks = self.hooks.iter();
                hooks.any(|(_, hook)| hook.user == *user && matches(hook))
            });
        self.hooks
            .iter()
            .filter(move |(_, hook)| user.is_none_or(|user| hook.user == user) && matches(hook))
    }

    /// Runs a hook on one event.
    pub(super) async fn run_hook(
        self: &Arc<Self>,
        current: CurrentEvent<'_>,
        name: &str,
        delivery: Delivery,
    ) -> Next<QueuedEvent> {
        let Some((_, hook)) = self.hooks.iter().find(|(other, _)| **other == *name) else {
            let error = format!("this program has no hook `{name}` any more");
            return self.end_unhandled(current, Unhandled::Failed(error)).await;
        };
        let id = current.key.portal();
        let removed = || {
            self.registry
                .removed(id)
                .ok_or(Unhandled::ApplicationRemoved)
        };
        let portal = match self.portal_of(current) {
            Err(_) if delivery.name == UNINSTALLED => removed(),
            portal => portal,
        };
        let portal = match portal {
            Ok(portal) => portal,
            Err(why) => return self.end_unhandled(current, why).await,
        };
        let id = format!("{:032x}", occurrence::of(current.key, &delivery, None).0);
        let requests = HookRequests::new(self.bots_on(portal.id()), id);
        let event = HookEvent::new(delivery, portal.in_bulk(), requests.clone()); // answers to people go first
        self.attempt(current, async || {
            guarded(self.options.turn_timeout, hook.hook.event(event)).await?;
            for request in requests.take()? {
                self.request(portal.id(), request).await?;
            }
            Ok(())
        })
        .await
    }

    /// Handles an event of the application's own queue.
    pub(super) async fn run_application(
        self: &Arc<Self>,
        current: CurrentEvent<'_>,
        delivery: Delivery,
        event: Event,
    ) -> Next<QueuedEvent> {
        let portal = current.key.portal();
        self.attempt(current, async || match event {
            Event::Removed(bot) => {
                tracing::info!(%portal, bot = bot.code, "the bot was removed from the portal");
                match self.bot(&bot.code) {
                    Some(found) => guarded(self.options.turn_timeout, found.removed(bot)).await,
                    None => Ok(()),
                }
            }
            Event::App(AppEvent::Uninstalled { clean, .. }) => {
                self.uninstall(portal, delivery, clean).await
            }
            Event::Session(change) => self.queue_for_bots(portal, delivery, &change).await,
            // It could not be decoded when it came, and an operator retries it with a version that
            // can.
            _ => self.route_again(portal, delivery).await,
        })
        .await
    }

    /// Removes the installation that an uninstallation is about, once the portal has confirmed that
    /// the application is gone. The event does not prove it: each person who opened the application
    /// has its token. And the portal queues its events without an order
    /// (protocol/server-behaviour.md 2), so this one may arrive after the application was installed
    /// again.
    async fn uninstall(
        self: &Arc<Self>,
        portal: &MemberId,
        delivery: Delivery,
        forget: bool,
    ) -> Result {
        let Some(client) = self.portal(portal) else {
            return Ok(()); // a repeat
        };
        let installed = self.registry.installation(portal);
        let is_late = |(at, uninstalled_at)| at > uninstalled_at;
        let times = installed.and_then(|(at, _)| at).zip(delivery.ts);
        if times.is_some_and(is_late) || !self.is_gone(&client).await? {
            tracing::warn!(%portal, "an uninstallation is ignored: the application is installed");
            return Ok(());
        }
        self.queue_for_hooks(&client, delivery).await;
        let _changing = self.registry.change(portal).await;
        if self.registry.installation(portal) != installed {
            tracing::warn!(%portal, "the application was installed again meanwhile; its uninstallation is ignored");
            return Ok(());
        }
        client.remove(forget).await?;
        self.registry.remove(portal);
        tracing::info!(%portal, forget, "the application was removed from the portal");
        Ok(())
    }

    /// Returns true if the portal does not accept the tokens of the application any more, as after
    /// an uninstallation.
    ///
    /// # Errors
    /// The portal or the authorization server could not be reached, or the answer proves neither.
    async fn is_gone(&self, client: &Portal) -> Result<bool> {
        if client.installation().await.access.tokens().is_none() {
            return Ok(false); // an inbound webhook is removed in the settings
        }
        match client.in_bulk().run(AppInfo::new()).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_access_revoked() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn route_again(self: &Arc<Self>, portal: &MemberId, delivery: Delivery) -> Result {
        let events = decode(&delivery).map_err(Error::failed)?;
        let events = self.route(portal, &delivery, events);
        self.append(portal.clone(), &delivery, events, None).await?;
        Ok(())
    }

    /// Queues the event of a proven installation or uninstallation for the hooks like any other
    /// event, and counts the installation.
    pub(in crate::engine) async fn queue_for_hooks(
        self: &Arc<Self>,
        portal: &Portal,
        delivery: Delivery,
    ) {
        if delivery.name != UNINSTALLED {
            let now = self.options.clock.now();
            self.arrivals.count(delivery.name.clone(), now); // the other was counted when it arrived
        }
        let events = self.route(portal.id(), &delivery, vec![Event::Other]);
        if let Err(error) = self
            .append(portal.id().clone(), &delivery, events, None)
            .await
        {
            tracing::error!(portal = %portal.id(), %error, "the event of an installation cannot be stored for the hooks");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::handle::hooks::*;

    fn spec(pattern: &str, is_offline: bool) -> HookSpec {
        HookSpec {
            pattern: pattern.into(),
            is_offline,
            user: UserId(0),
            hook: Arc::new(|_: HookEvent| std::future::ready(Ok(()))),
        }
    }

    #[test]
    fn the_address_of_a_binding_names_its_user() {
        let of = |url, user| address_for(url, UserId(user));
        assert_eq!(of("https://a.example/", 0), "https://a.example/");
        assert_eq!(of("https://a.example/", 7), "https://a.example/?as_user=7");
        assert_eq!(
            of("https://a.example/?x=1", 7),
            "https://a.example/?x=1&as_user=7"
        );
        for (query, user) in [
            (None, 0),
            (Some("x=1"), 0),
            (Some("as_user=7"), 7),
            (Some("x=1&as_user=7"), 7),
            (Some("as_user=x"), 0),
        ] {
            assert_eq!(user_in_query(query), UserId(user), "{query:?}");
        }
    }

    #[test]
    fn an_address_is_ours_with_a_user_and_with_nothing_else() {
        for (handler, is_ours) in [
            ("https://a.example/", true),
            ("https://a.example/?as_user=7", true),
            ("https://a.example/other?as_user=7", false),
            ("https://a.example/?as_user=x", false),
            ("https://a.example/other", false),
        ] {
            assert_eq!(is_at("https://a.example/", handler), is_ours, "{handler}");
        }
    }

    #[test]
    fn hooks_of_one_pattern_have_names_of_their_own() {
        let hooks = [("*", false), ("*", false), ("*", true), ("ONTASK*", false)];
        let hooks = hooks.map(|(pattern, is_offline)| spec(pattern, is_offline));
        let named = named(hooks.into_iter().collect());
        let names: Vec<&str> = named.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["*", "* #2", "* offline", "ONTASK*"]);
    }
}
