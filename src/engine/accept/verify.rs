//! Verifies that an event is from the portal that it names: by the application's token, or by the
//! token of an outgoing webhook.

use std::sync::Arc;

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::engine::registry::Registry;
use crate::engine::{AcceptError, Engine};
use crate::event::{Category, Delivery, MemberId};
use crate::portal::Portal;

/// The portal that has posted an event, and its proof.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) portal: MemberId,
    pub(super) by: ProvenBy,
}

/// The token that proves an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProvenBy {
    /// The application's.
    ApplicationToken,
    /// That of an outgoing webhook.
    HookToken,
}

impl Engine {
    /// Returns the portal that posted an event. Returns `None` if its token is not that portal's.
    pub(super) fn verify(&self, delivery: &Delivery) -> Option<Proven> {
        let proven = |by| move |portal| Proven { portal, by };
        self.verify_application_token(delivery)
            .map(proven(ProvenBy::ApplicationToken))
            .or_else(|| {
                self.verify_hook_token(delivery)
                    .map(proven(ProvenBy::HookToken))
            })
    }

    /// Verifies the event of a portal that another process may have installed a moment ago. The
    /// store is read for a bounded number of events at a time; further ones are refused.
    pub(super) async fn verify_with_store(
        self: &Arc<Self>,
        delivery: &Delivery,
    ) -> Result<Proven, AcceptError> {
        let (member_id, token) = delivery.proof();
        // With a store for one process, this one knows all installations.
        let is_shared = self.options.store.send_limit().is_some();
        let is_possible = is_shared && is_member_id(&member_id) && !token.is_empty();
        let lookup = self.proof_limits.lookup().filter(|_| is_possible);
        let lookup = lookup.ok_or(AcceptError::Unproven)?;
        let read = self.read_portal(&MemberId::new(&*member_id)).await;
        drop(lookup);
        read?;
        self.verify(delivery).ok_or(AcceptError::Unproven)
    }

    fn verify_application_token(&self, delivery: &Delivery) -> Option<MemberId> {
        let (member_id, token) = delivery.proof();
        let by_name = self
            .registry
            .verified(&member_id, &delivery.domain(), &token);
        by_name.or_else(|| self.registry.verified_webhook(&token))
    }

    /// Returns the portal whose outgoing webhook has posted an event.
    fn verify_hook_token(&self, delivery: &Delivery) -> Option<MemberId> {
        if !is_for_hooks(delivery.category) {
            return None;
        }
        let (member_id, token) = delivery.proof();
        let claimed = self.registry.claimed(&member_id, &delivery.domain());
        let portals = match claimed.map(|claimed| claimed.portal.clone()) {
            Some(portal) => vec![portal],
            // A renamed portal behind an inbound webhook: its events name a host that is unknown.
            None => self.registry.webhooks(),
        };
        let tokens = &self.options.hook_tokens;
        let has_token = |portal: &&Portal| {
            let hosts = portal.hosts();
            let Some((now, former)) = hosts.split_last() else {
                return false;
            };
            let mut former = former.iter().filter(|host| tokens.has(host, &token));
            let is_taken = |host: &String| self.registry.is_host_of_another(host, portal.id());
            tokens.has(now, &token) || former.any(|host| !is_taken(host))
        };
        the_only(
            portals
                .iter()
                .filter(has_token)
                .map(|portal| portal.id().clone()),
        )
    }
}

impl Registry {
    /// Returns the portal that an event claims to be from if the token is that portal's. The
    /// comparison takes constant time, and an unknown portal takes the same way as a wrong token.
    pub(in crate::engine) fn verified(
        &self,
        member_id: &str,
        host: &str,
        token: &str,
    ) -> Option<MemberId> {
        const NO_TOKEN: &str = "00000000000000000000000000000000";
        let claimed = self.claimed(member_id, host);
        let expected = claimed.as_ref().map_or(NO_TOKEN, |claimed| {
            claimed.application_token.expose_secret()
        });
        let is_same = bool::from(expected.as_bytes().ct_eq(token.as_bytes()));
        claimed
            .filter(|_| is_same)
            .map(|claimed| claimed.portal.id().clone())
    }

    /// Returns true if another portal has this host now: a name that a portal gave up may be taken
    /// by somebody else.
    fn is_host_of_another(&self, host: &str, portal: &MemberId) -> bool {
        let mut portals = self.portals().into_iter();
        portals.any(|other| {
            other.id() != portal && other.hosts().last().is_some_and(|now| now == host)
        })
    }

    /// Returns the portal behind an inbound webhook whose events carry this token.
    ///
    /// Such a portal has no proven `member_id`, and its host changes when it is renamed. Its token
    /// is ours and belongs to one portal, so it proves the portal alone. All are compared, each in
    /// constant time.
    pub(in crate::engine) fn verified_webhook(&self, token: &str) -> Option<MemberId> {
        let has_token = |portal: &Portal| {
            let own = self.application_token(portal.id());
            let own = own.as_ref().map_or("", |own| own.expose_secret());
            // v1 may send the token without the prefix of v2 (protocol/bots-v1.md 1.2).
            let v1 = own.strip_prefix("custom").unwrap_or(own);
            let is_same =
                own.as_bytes().ct_eq(token.as_bytes()) | v1.as_bytes().ct_eq(token.as_bytes());
            bool::from(is_same) && !token.is_empty()
        };
        let portals = self.webhooks().into_iter().filter(has_token);
        the_only(portals.map(|portal| portal.id().clone()))
    }
}

/// Returns true if a text may be the id of a portal: up to 64 letters and digits.
fn is_member_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

/// Returns the item if there is exactly one.
fn the_only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let item = items.next()?;
    items.next().is_none().then_some(item)
}

/// Whether events of this category are accepted from an outgoing webhook. Those of the application,
/// its bots and its connectors are not: no outgoing webhook posts them.
fn is_for_hooks(category: Category) -> bool {
    !matches!(
        category,
        Category::Application
            | Category::Bots
            | Category::Connectors
            | Category::Messenger
            | Category::OpenChannels
    )
}
