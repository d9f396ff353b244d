//! The events that hooks are for: posted to our address, or kept by the portal until they are fetched.

use std::collections::BTreeSet;

use super::{Reconciliation, Step};
use crate::event::{Category, catalogue};
use crate::handler::Pattern;
use crate::portal::{Error, EventType};
use crate::store::Access;

/// Events of the application's own life that it must hear of.
const OWN: &[&str] = &["ONAPPUNINSTALL", "ONAPPUPDATE"];

impl Reconciliation<'_> {
    /// Brings the bindings of our address, and of offline events, into step with the hooks. Only applications have any.
    pub(super) async fn bindings(&mut self) -> Result<(), Error> {
        let is_application = matches!(self.portal.access().await, Access::Tokens(_));
        let Some(url) = self
            .engine
            .options
            .handler_url
            .clone()
            .filter(|_| is_application)
        else {
            if !self.engine.hooks.is_empty() {
                tracing::warn!(portal = %self.portal.id(), "no events are bound for the hooks: that takes an application (client id and secret) with a public address");
            }
            return Ok(());
        };
        let bound = self.portal.bindings().await?;
        for kind in [EventType::Online(url), EventType::Offline] {
            let bound: BTreeSet<String> = bound
                .iter()
                .filter(|binding| binding.is(&kind) && is_ours(&binding.event))
                .map(|binding| binding.event.to_ascii_uppercase())
                .collect();
            let wanted = self.wanted(&kind).await?;
            let mut missing: Vec<&str> = wanted.difference(&bound).map(String::as_str).collect();
            let mut stray: Vec<&str> = bound.difference(&wanted).map(String::as_str).collect();
            let is_offline = kind == EventType::Offline;
            missing.retain(|event| {
                let event = (*event).to_owned();
                self.step(Step::Bind { event, is_offline })
            });
            stray.retain(|event| {
                let event = (*event).to_owned();
                self.step(Step::Unbind { event, is_offline })
            });
            let mut refused = self.portal.bind(&missing, &kind).await?;
            refused.extend(self.portal.unbind(&stray, &kind).await?);
            for (event, error) in refused {
                tracing::warn!(portal = %self.portal.id(), event, error, is_offline, "the event is not bound");
            }
        }
        Ok(())
    }

    /// The names of the events that hooks are for. Only patterns need the portal's own list.
    async fn wanted(&self, kind: &EventType) -> Result<BTreeSet<String>, Error> {
        let is_offline = *kind == EventType::Offline;
        let own = OWN.iter().chain(self.engine.line_events());
        let own = own.filter(|_| !is_offline);
        let mut wanted: BTreeSet<String> = own.map(|name| (*name).to_owned()).collect();
        let hooks = self.engine.hooks.iter();
        let (names, patterns): (Vec<_>, Vec<_>) = hooks
            .filter(|hook| hook.is_offline == is_offline)
            .map(|hook| &hook.pattern)
            .partition(|pattern| matches!(pattern, Pattern::Name(_)));
        wanted.extend(names.into_iter().filter_map(|pattern| match pattern {
            Pattern::Name(name) => Some(name.clone()),
            _ => None,
        }));
        if !patterns.is_empty() {
            let fits = |name: &String| {
                let category = catalogue::category(name);
                is_ours(name)
                    && patterns
                        .iter()
                        .any(|pattern| pattern.matches(name, category))
            };
            let offered = self.portal.event_names().await?;
            wanted.extend(
                offered
                    .iter()
                    .map(|name| name.to_ascii_uppercase())
                    .filter(fits),
            );
        }
        Ok(wanted)
    }
}

/// Whether hooks bind it: what is a bot's comes with the bot.
fn is_ours(name: &str) -> bool {
    !matches!(
        catalogue::category(name),
        Category::Bots | Category::Messenger
    )
}
