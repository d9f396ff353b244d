//! The events that hooks are for: posted to our address, or kept by the portal until they are fetched.
//!
//! Only applications have any. What is bound at our address, at one that this program had before, and of offline events is
//! ours, and is brought into step; everything else is left alone: one application may have other programs, too, with
//! addresses of their own. So an address is taken for one of ours only if the store remembers it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Mode, Reconciliation, Step};
use crate::event::{Category, UserId, catalogue};
use crate::handler::Pattern;
use crate::portal::methods::profile;
use crate::portal::{Binding, Error};
use crate::store::Access;

/// Events of the application's own life that it must hear of.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

/// As whom events come: who caused them.
const ANYBODY: UserId = UserId(0);

impl Reconciliation<'_> {
    /// Brings the bindings into step with the hooks.
    pub(super) async fn bindings(&mut self) -> Result<(), Error> {
        let Some(url) = self.bound_to().await else {
            if !self.engine.hooks.is_empty() {
                tracing::warn!(portal = %self.portal.id(), "no events are bound for the hooks: that takes an application (client id and secret) with a public address (outgoing webhooks of the portal's interface are bound there)");
            }
            return Ok(());
        };
        let wanted = self.wanted(&url).await?;
        let bound = self.bound(&url).await?;
        let mut missing: Vec<Binding> = wanted.difference(&bound).cloned().collect();
        let mut stray: Vec<Binding> = bound.difference(&wanted).cloned().collect();
        self.leave_what_is_alike(&mut missing, &mut stray).await?;
        self.change(missing, stray).await
    }

    /// Ends the bindings of this program.
    pub(super) async fn remove_bindings(&mut self) -> Result<(), Error> {
        match self.bound_to().await {
            Some(url) => {
                let bound = self.bound(&url).await?;
                self.change(Vec::new(), bound.into_iter().collect()).await
            }
            None => Ok(()),
        }
    }

    /// The address that events are bound to, if any can be.
    async fn bound_to(&self) -> Option<String> {
        let is_application = matches!(self.portal.access().await, Access::Tokens(_));
        let url = self.engine.options.handler_url.clone();
        url.filter(|_| is_application)
    }

    /// What is bound that is ours.
    async fn bound(&self, url: &str) -> Result<BTreeSet<Binding>, Error> {
        let former = self.former_addresses(url).await;
        let bound = self.portal.bindings().await?;
        let is_ours = |binding: &&Binding| match binding.offline {
            0 if binding.handler == url => is_for_hooks(&binding.event),
            0 => former.contains(&binding.handler), // of the bots, too: they have the new address by now
            _ => is_for_hooks(&binding.event),
        };
        Ok(bound.iter().filter(is_ours).map(plain).collect())
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

    /// The addresses that this program had before.
    async fn former_addresses(&self, url: &str) -> HashSet<String> {
        let now = (self.mode == Mode::Apply).then_some(url);
        match self.engine.options.store.addresses(now).await {
            Ok(known) => known.into_iter().filter(|known| known != url).collect(),
            Err(error) => {
                tracing::warn!(%error, "bindings of earlier addresses stay for now");
                HashSet::new()
            }
        }
    }

    /// What is to be bound, once for each event. Only patterns need the portal's own list.
    async fn wanted(&self, url: &str) -> Result<BTreeSet<Binding>, Error> {
        let hooks = &self.engine.hooks;
        let is_pattern = |pattern: &Pattern| !matches!(pattern, Pattern::Name(_));
        let offered = match hooks.iter().any(|hook| is_pattern(&hook.pattern)) {
            true => self.portal.event_names().await?,
            false => Vec::new(),
        };
        let offered: Vec<_> = offered
            .iter()
            .map(|name| name.to_ascii_uppercase())
            .filter(|name| is_for_hooks(name))
            .collect();
        let own = OWN.iter().copied().chain(self.engine.line_events());
        let mut online: BTreeMap<String, UserId> =
            own.map(|name| (name.to_owned(), ANYBODY)).collect();
        let mut offline = BTreeSet::new();
        for hook in hooks {
            for name in named_by(&hook.pattern, &offered) {
                if hook.is_offline {
                    offline.insert(Binding::offline(name));
                    continue;
                }
                // Each binding has the event posted: with one for each user it would come several times.
                let user = online.entry(name).or_insert(hook.user);
                if *user == ANYBODY {
                    *user = hook.user;
                }
            }
        }
        let online = online.into_iter();
        let online = online.map(|(name, user)| Binding::online(name, url).as_user(user));
        Ok(online.chain(offline).collect())
    }

    /// A portal binds events for who is no administrator as that user only (`event-bind.md`): what differs in nothing else
    /// is as it should be.
    async fn leave_what_is_alike(
        &self,
        missing: &mut Vec<Binding>,
        stray: &mut Vec<Binding>,
    ) -> Result<(), Error> {
        let is_alike = |a: &Binding, b: &Binding| {
            a.user == ANYBODY && (&a.event, &a.handler) == (&b.event, &b.handler)
        };
        let alike = |missing: &Binding| stray.iter().any(|stray| is_alike(missing, stray));
        if !missing.iter().any(alike) || self.portal.run(profile::Get::new()).await?.admin {
            return Ok(());
        }
        let wanted = missing.clone();
        missing.retain(|missing| !stray.iter().any(|stray| is_alike(missing, stray)));
        stray.retain(|stray| !wanted.iter().any(|wanted| is_alike(wanted, stray)));
        Ok(())
    }
}

/// The events that a pattern means, of a portal that offers these.
fn named_by(pattern: &Pattern, offered: &[String]) -> Vec<String> {
    match pattern {
        Pattern::Name(name) => vec![name.clone()],
        pattern => {
            let fits = |name: &&String| pattern.matches(name, catalogue::category(name));
            offered.iter().filter(fits).cloned().collect()
        }
    }
}

/// Without what `event.get` tells of offline events in one way or another.
fn plain(binding: &Binding) -> Binding {
    match binding.offline {
        0 => binding.clone(),
        _ => Binding::offline(binding.event.as_str()),
    }
}

/// Whether hooks bind it: what is a bot's comes with the bot.
fn is_for_hooks(name: &str) -> bool {
    !matches!(
        catalogue::category(name),
        Category::Bots | Category::Messenger
    )
}
