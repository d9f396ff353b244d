//! The events that hooks are for: posted to our address, or kept by the portal until they are
//! fetched.
//!
//! Only applications have bindings. Those to our address, to an address that this program had
//! before, and of offline events are ours and are reconciled. All others are left alone: the
//! application may have other programs with addresses of their own. So an address counts as one of
//! ours only if the store remembers it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Mode, Reconciliation, Step};
use crate::event::{Category, UserId, catalogue};
use crate::handler::Pattern;
use crate::portal::methods::profile;
use crate::portal::{Binding, Error};
use crate::store::Access;

/// The application's own events, which are always bound.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

/// The user of a binding whose events come as the one who caused them.
const CAUSER: UserId = UserId(0);

impl Reconciliation<'_> {
    /// Reconciles the bindings with the hooks.
    pub(super) async fn bindings(&mut self) -> Result<(), Error> {
        let Some(url) = self.bound_to().await else {
            if !self.engine.hooks.is_empty() {
                tracing::warn!(portal = %self.portal.id(), "no events are bound for the hooks: they need an application (client id and secret) with a public address (outgoing webhooks are bound in the portal's interface)");
            }
            return Ok(());
        };
        let wanted = self.wanted(&url).await?;
        let bound = self.bound(&url).await?;
        let mut missing: Vec<Binding> = wanted.difference(&bound).cloned().collect();
        let mut stray: Vec<Binding> = bound.difference(&wanted).cloned().collect();
        self.skip_equivalent(&mut missing, &mut stray).await?;
        self.change(missing, stray).await
    }

    /// Removes the bindings of this program.
    pub(super) async fn remove_bindings(&mut self) -> Result<(), Error> {
        match self.bound_to().await {
            Some(url) => {
                let bound = self.bound(&url).await?;
                self.change(Vec::new(), bound.into_iter().collect()).await
            }
            None => Ok(()),
        }
    }

    /// Returns the address that events are bound to, if there can be bindings.
    async fn bound_to(&self) -> Option<String> {
        let is_application = matches!(self.portal.access().await, Access::Tokens(_));
        let url = self.engine.options.handler_url.clone();
        url.filter(|_| is_application)
    }

    /// Returns the bindings that are ours.
    async fn bound(&self, url: &str) -> Result<BTreeSet<Binding>, Error> {
        let former = self.former_addresses(url).await;
        let bound = self.portal.bindings().await?;
        let is_ours = |binding: &&Binding| match binding.offline {
            0 if binding.handler == url => is_for_hooks(&binding.event),
            0 => former.contains(&binding.handler), // bots' events too: the bots have the new address by now
            _ => is_for_hooks(&binding.event),
        };
        Ok(bound.iter().filter(is_ours).map(normalized).collect())
    }

    async fn change(
        &mut self,
        mut missing: Vec<Binding>,
        mut stray: Vec<Binding>,
    ) -> Result<(), Error> {
        missing.retain(|binding| self.step(Step::Bind(binding.clone())));
        stray.retain(|binding| self.step(Step::Unbind(binding.clone())));
        let mut refused = self.portal.bind(&missing).await?;
        refused.extend(self.portal.unbind(&stray).await?);
        for (binding, error) in refused {
            let Binding { event, user, .. } = &binding;
            tracing::warn!(portal = %self.portal.id(), event, as_user = %user, error, "the portal refuses to bind or unbind the event");
        }
        Ok(())
    }

    /// Returns the addresses that this program had before.
    async fn former_addresses(&self, url: &str) -> HashSet<String> {
        let now = (self.mode == Mode::Apply).then_some(url);
        match self.engine.options.store.addresses(now).await {
            Ok(known) => known.into_iter().filter(|known| known != url).collect(),
            Err(error) => {
                tracing::warn!(%error, "the earlier addresses cannot be read; their bindings stay");
                HashSet::new()
            }
        }
    }

    /// Returns the bindings that the hooks need, one for each event. Only patterns need the
    /// portal's own list.
    async fn wanted(&self, url: &str) -> Result<BTreeSet<Binding>, Error> {
        let hooks = &self.engine.hooks;
        let is_pattern = |pattern: &Pattern| !matches!(pattern, Pattern::Name(_));
        let offered = if hooks.iter().any(|(_, hook)| is_pattern(&hook.pattern)) {
            self.portal.event_names().await?
        } else {
            Vec::new()
        };
        let offered: Vec<_> = offered
            .iter()
            .map(|name| name.to_ascii_uppercase())
            .filter(|name| is_for_hooks(name))
            .collect();
        let own = OWN.iter().copied().chain(self.engine.open_channel_events());
        let mut online: BTreeMap<String, UserId> =
            own.map(|name| (name.to_owned(), CAUSER)).collect();
        let mut offline = BTreeSet::new();
        for (_, hook) in hooks {
            for name in named_by(&hook.pattern, &offered) {
                if hook.is_offline {
                    offline.insert(Binding::offline(name));
                    continue;
                }
                // Each binding posts the event: with one for each user it would come several times.
                let user = online.entry(name).or_insert(hook.user);
                if *user == CAUSER {
                    *user = hook.user;
                }
            }
        }
        let online = online.into_iter();
        let online = online.map(|(name, user)| Binding::online(name, url).as_user(user));
        Ok(online.chain(offline).collect())
    }

    /// Removes from both lists the pairs that differ in the user only, unless we act as an
    /// administrator: for anybody else the portal binds events as that user only
    /// (`b24restdocs: api-reference/events/event-bind.md`).
    async fn skip_equivalent(
        &self,
        missing: &mut Vec<Binding>,
        stray: &mut Vec<Binding>,
    ) -> Result<(), Error> {
        let is_equivalent = |a: &Binding, b: &Binding| {
            a.user == CAUSER && (&a.event, &a.handler) == (&b.event, &b.handler)
        };
        let alike = |missing: &Binding| stray.iter().any(|stray| is_equivalent(missing, stray));
        if !missing.iter().any(alike) || self.portal.run(profile::Get::new()).await?.admin {
            return Ok(());
        }
        let wanted = missing.clone();
        missing.retain(|missing| !stray.iter().any(|stray| is_equivalent(missing, stray)));
        stray.retain(|stray| !wanted.iter().any(|wanted| is_equivalent(wanted, stray)));
        Ok(())
    }
}

/// Returns the names that a pattern matches, of those that the portal offers.
fn named_by(pattern: &Pattern, offered: &[String]) -> Vec<String> {
    match pattern {
        Pattern::Name(name) => vec![name.clone()],
        pattern => {
            let fits = |name: &&String| pattern.matches(name, catalogue::category(name));
            offered.iter().filter(fits).cloned().collect()
        }
    }
}

/// Returns a binding without the fields in which `event.get` differs for offline events.
fn normalized(binding: &Binding) -> Binding {
    match binding.offline {
        0 => binding.clone(),
        _ => Binding::offline(binding.event.as_str()),
    }
}

/// Returns true if the event is bound for hooks. Bots' events are bound with the bot.
fn is_for_hooks(name: &str) -> bool {
    !matches!(
        catalogue::category(name),
        Category::Bots | Category::Messenger
    )
}
