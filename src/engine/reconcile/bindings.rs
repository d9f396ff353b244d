//! The events that hooks and bots are for: posted to our address, or kept by the portal until they
//! are fetched.
//!
//! Only applications have bindings. Ours are those to our address, to an address that this program
//! had before, and the offline ones that this program has bound; they are reconciled. All others
//! are left alone: the application may have other programs with addresses of their own. So an
//! address or an offline event counts as ours only if the store has it.
//!
//! The portal binds the events of v2 bots when a bot is registered or its mode changes, but not
//! with other updates (protocol/bots-v2.md 7.1), and removes them with each new version of the
//! application (protocol/events.md 2.1). So those that are missing are bound here.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;

use super::{Mode, Reconciliation, Step};
use crate::engine::Engine;
use crate::engine::handle::hooks::{address_for, is_at};
use crate::event::{BOT_EVENTS_V2, Category, UserId, catalogue};
use crate::handler::Pattern;
use crate::portal::methods::profile;
use crate::portal::{Binding, Error};
use crate::store::Access;

/// The application's own events, which are always bound.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

/// The user of a binding whose events come as the one who caused them.
const CAUSER: UserId = UserId(0);

/// The name of the note about the offline events that this program has bound.
const OFFLINE_NOTE: &str = "offline events";

impl Reconciliation<'_> {
    /// Reconciles the bindings with the hooks.
    pub(super) async fn bindings(&mut self) -> Result<(), Error> {
        let Some(url) = self.bound_to().await else {
            if !self.engine.hooks.is_empty() {
                tracing::warn!(portal = %self.portal.id(), "no events are bound for the hooks: they need an application (client id and secret) with a public address (outgoing webhooks are bound in the portal's interface)");
            }
            return Ok(());
        };
        let all = self.portal.bindings().await?;
        let wanted = self.wanted(&url).await?;
        let bound = self.ours(&url, &all, &wanted).await;
        let mut missing: Vec<Binding> = wanted.difference(&bound).cloned().collect();
        let mut stray: Vec<Binding> = bound.difference(&wanted).cloned().collect();
        self.skip_equivalent(&mut missing, &mut stray).await?;
        missing.extend(self.missing_for_bots(&url, &all).await?);
        self.change(missing, stray).await
    }

    /// Returns the bots' events that the portal should post to us and does not.
    async fn missing_for_bots(&self, url: &str, all: &[Binding]) -> Result<Vec<Binding>, Error> {
        let will_be_bound = self.mode == Mode::DryRun && self.binds_later;
        if !self.posts_to_bots || will_be_bound {
            return Ok(Vec::new());
        }
        let is_bound = |name: &str| {
            let is_it = |binding: &Binding| binding.event == name && binding.handler == url;
            all.iter()
                .any(|binding| is_it(binding) && binding.offline == 0)
        };
        let missing = BOT_EVENTS_V2.into_iter().filter(|name| !is_bound(name));
        let missing: Vec<_> = missing.map(|name| Binding::online(name, url)).collect();
        if !missing.is_empty() && !self.portal.run(profile::Get::new()).await?.admin {
            // The portal shows others only what they have bound themselves
            // (protocol/events.md 2.3), so nothing is known of these.
            tracing::warn!(portal = %self.portal.id(), "whether the bots' events are bound is not known: the application was not installed by an administrator");
            return Ok(Vec::new());
        }
        Ok(missing)
    }

    /// Removes the bindings of this program.
    pub(super) async fn remove_bindings(&mut self) -> Result<(), Error> {
        match self.bound_to().await {
            Some(url) => {
                let all = self.portal.bindings().await?;
                let bound = self.ours(&url, &all, &BTreeSet::new()).await;
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

    /// Returns the bindings that are ours, and notes the offline ones that are wanted.
    async fn ours(
        &self,
        url: &str,
        all: &[Binding],
        wanted: &BTreeSet<Binding>,
    ) -> BTreeSet<Binding> {
        let former = self.former_addresses(url).await;
        let offline = self.known_offline(wanted).await;
        let is_ours = |binding: &&Binding| match binding.offline {
            0 if is_at(url, &binding.handler) => is_for_hooks(&binding.event),
            // Bots' events too: the bots have the new address by now.
            0 => former.iter().any(|known| is_at(known, &binding.handler)),
            _ => offline.contains(&normalized(binding)),
        };
        all.iter().filter(is_ours).map(normalized).collect()
    }

    /// Returns the offline bindings that this program has made. Those that are wanted now are among
    /// them, and are noted.
    async fn known_offline(&self, wanted: &BTreeSet<Binding>) -> BTreeSet<Binding> {
        let store = &self.engine.options.store;
        let known = match store.note(self.portal.id(), OFFLINE_NOTE).await {
            Ok(note) => note,
            Err(error) => {
                tracing::warn!(portal = %self.portal.id(), %error, "offline bindings that no hook is for any more stay for now");
                None
            }
        };
        let known: BTreeSet<Binding> = known
            .and_then(|note| serde_json::from_str(&note).ok())
            .unwrap_or_default();
        let wanted = wanted.iter().filter(|binding| binding.offline != 0);
        let all: BTreeSet<Binding> = known.iter().chain(wanted).cloned().collect();
        if all != known && self.mode == Mode::Apply {
            let note = json!(all).to_string();
            if let Err(error) = store.set_note(self.portal.id(), OFFLINE_NOTE, note).await {
                tracing::warn!(portal = %self.portal.id(), %error, "the offline bindings cannot be noted");
            }
        }
        all
    }

    async fn change(
        &mut self,
        mut missing: Vec<Binding>,
        mut stray: Vec<Binding>,
    ) -> Result<(), Error> {
        missing.retain(|binding| self.step(Step::Bind(binding.clone())));
        stray.retain(|binding| self.step(Step::Unbind(binding.clone())));
        let mut refused = self.portal.bind(&missing).await?;
        let (former, stray): (Vec<_>, Vec<_>) = stray
            .into_iter()
            .partition(|binding| binding.offline != 0 && binding.source != self.portal.source());
        refused.extend(self.portal.unbind(&stray).await?);
        for binding in former {
            let portal = self.portal.with_source(&binding.source);
            refused.extend(portal.unbind(&[binding]).await?);
        }
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

    /// Returns the bindings that the hooks need: for each event one for each user that a hook
    /// names, and one for the others. Only patterns need the portal's own list.
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
        let mut wanted = BTreeSet::new();
        for name in OWN.iter().copied().chain(self.engine.open_channel_events()) {
            wanted.insert(Binding::online(name, url));
        }
        for (_, hook) in hooks {
            for name in named_by(&hook.pattern, &offered) {
                if hook.is_offline {
                    let source = self.portal.source();
                    wanted.insert(Binding::offline(name).of_source(source));
                    continue;
                }
                // The application's own events come once, for all hooks.
                let is_own = self.engine.is_own_event(&name);
                let user = if is_own { CAUSER } else { hook.user };
                wanted.insert(Binding::online(name, address_for(url, user)).as_user(user));
            }
        }
        Ok(wanted)
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

impl Engine {
    /// Returns true if an event is bound for the application itself, and once.
    pub(in crate::engine) fn is_own_event(&self, name: &str) -> bool {
        OWN.contains(&name) || self.open_channel_events().any(|own| own == name)
    }
}

/// Returns a binding without the fields in which `event.get` differs for offline events.
fn normalized(binding: &Binding) -> Binding {
    match binding.offline {
        0 => binding.clone(),
        _ => Binding::offline(binding.event.as_str()).of_source(binding.source.as_str()),
    }
}

/// Returns true if the event is bound for hooks. Bots' events are bound with the bot.
fn is_for_hooks(name: &str) -> bool {
    !matches!(
        catalogue::category(name),
        Category::Bots | Category::Messenger
    )
}
