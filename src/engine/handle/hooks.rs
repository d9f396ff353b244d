//! Hooks, which see every event that is not a bot's, and what the application does itself with events of its own life.

use std::sync::Arc;

use crate::engine::accept::decode;
use crate::engine::accept::occurrence;
use crate::engine::keyed_queues::Next;
use crate::engine::{Engine, Job};
use crate::event::{AppEvent, Delivery, Event, MemberId, Source, UserId};
use crate::handler::{Error, Hook, HookEvent, Pattern, Result, guarded};
use crate::portal::Portal;
use crate::store::{EventId, OrderingKey};

/// A hook as the application has it.
pub(crate) struct HookSpec {
    pub(crate) pattern: Pattern,
    /// Whether the portal keeps its events until they are fetched.
    pub(crate) is_offline: bool,
    /// As whom its events come; 0 for who caused them.
    pub(crate) user: UserId,
    pub(crate) hook: Arc<dyn Hook>,
}

/// A hook, and the name under which its events are stored: it must find them again after a restart.
pub(in crate::engine) struct RegisteredHook {
    pub(in crate::engine) name: Arc<str>,
    pub(in crate::engine) pattern: Pattern,
    pub(in crate::engine) is_offline: bool,
    pub(in crate::engine) user: UserId,
    pub(in crate::engine) hook: Arc<dyn Hook>,
}

impl RegisteredHook {
    /// Its lane on a portal.
    pub(in crate::engine) fn lane(&self, portal: &MemberId) -> OrderingKey {
        OrderingKey::Hook {
            portal: portal.clone(),
            hook: Arc::clone(&self.name),
        }
    }
}

/// Names hooks by what they want: the second of those that want the same is `… #2`.
pub(in crate::engine) fn named(hooks: Vec<HookSpec>) -> Vec<RegisteredHook> {
    let mut named: Vec<RegisteredHook> = Vec::with_capacity(hooks.len());
    for HookSpec {
        pattern,
        is_offline,
        user,
        hook,
    } in hooks
    {
        let is_same =
            |other: &&RegisteredHook| other.pattern == pattern && other.is_offline == is_offline;
        let before = named.iter().filter(is_same).count();
        let mut name = pattern.to_string();
        if is_offline {
            name.push_str(" offline");
        }
        if before > 0 {
            name.push_str(&format!(" #{}", before + 1));
        }
        named.push(RegisteredHook {
            name: name.into(),
            pattern,
            is_offline,
            user,
            hook,
        });
    }
    named
}

impl Engine {
    /// The hooks that want an event.
    pub(in crate::engine) fn hooks_for<'e>(
        &'e self,
        delivery: &'e Delivery,
    ) -> impl Iterator<Item = &'e RegisteredHook> {
        let is_offline = delivery.source == Source::Fetch;
        self.hooks.iter().filter(move |hook| {
            hook.is_offline == is_offline && hook.pattern.matches(&delivery.name, delivery.category)
        })
    }

    /// Runs a hook on one event.
    pub(in crate::engine) async fn run_hook(
        self: &Arc<Self>,
        lane: &OrderingKey,
        name: &str,
        id: EventId,
        delivery: Delivery,
    ) -> Next<Job> {
        let Some(hook) = self.hooks.iter().find(|hook| *hook.name == *name) else {
            let error = format!("this program has no hook `{name}` any more");
            return self.give_up(lane, id, error).await;
        };
        let Some(portal) = self.portal(lane.portal()) else {
            let error = "the application was removed from the portal".to_owned();
            return self.give_up(lane, id, error).await;
        };
        let key = format!("{:032x}", occurrence::key(lane, &delivery, None).0);
        let event = HookEvent::new(delivery, portal.in_bulk(), key); // nobody waits for a hook
        self.attempt(lane, id, async || {
            guarded(self.options.turn_timeout, hook.hook.event(event)).await
        })
        .await
    }

    /// What the application does itself.
    pub(in crate::engine) async fn run_application(
        self: &Arc<Self>,
        lane: &OrderingKey,
        id: EventId,
        delivery: Delivery,
        event: Event,
    ) -> Next<Job> {
        self.attempt(lane, id, async || match event {
            Event::Removed(bot) => {
                tracing::info!(portal = %lane.portal(), bot = bot.code, "the bot was removed from the portal");
                match self.bot(&bot.code) {
                    Some(any) => guarded(self.options.turn_timeout, any.removed(bot)).await,
                    None => Ok(()),
                }
            }
            Event::App(AppEvent::Uninstalled { clean, .. }) => {
                self.uninstall(lane.portal(), clean).await
            }
            Event::Session(change) => self.tell_bots(lane.portal(), delivery, &change).await,
            // It could not be decoded when it came; now it can.
            _ => self.address_again(lane.portal(), delivery).await,
        })
        .await
    }

    async fn uninstall(&self, portal: &MemberId, forget: bool) -> Result {
        self.portals.remove(portal);
        self.options.store.uninstall(portal, forget).await?;
        tracing::info!(%portal, forget, "the application was removed from the portal");
        Ok(())
    }

    async fn address_again(self: &Arc<Self>, portal: &MemberId, delivery: Delivery) -> Result {
        let events = decode(&delivery).map_err(Error::failed)?;
        let events = self.address(portal, &delivery, events);
        self.append(portal.clone(), &delivery, events, None).await?;
        Ok(())
    }

    /// Hooks see a proven installation as they see any event.
    pub(in crate::engine) async fn tell_hooks(
        self: &Arc<Self>,
        portal: &Portal,
        delivery: Delivery,
    ) {
        self.count_arrival(delivery.name.clone());
        let events = self.address(portal.id(), &delivery, vec![Event::Other]);
        if let Err(error) = self
            .append(portal.id().clone(), &delivery, events, None)
            .await
        {
            tracing::error!(portal = %portal.id(), %error, "the installation event is not written down");
        }
    }
}
