//! Portals behind inbound webhooks: which stored portal a configured webhook is of.
//!
//! Nothing reports the `member_id` of such a portal. It keeps the name under which the store knows
//! it, which is the host that it had first, also after it was renamed and after the webhook was
//! replaced.

use std::collections::HashSet;

use secrecy::ExposeSecret;

use crate::event::MemberId;
use crate::store::{Access, Installation, Webhook, host_of};

/// Returns the configured webhooks as the store knows their portals. A second webhook of the same
/// portal is left out.
pub(super) fn of_stored_portals(
    configured: &[Installation],
    stored: &[Installation],
) -> Vec<Installation> {
    let mut taken: HashSet<MemberId> = HashSet::new();
    let mut webhooks = Vec::with_capacity(configured.len());
    for webhook in configured {
        let webhook = match find(webhook, stored) {
            Some(before) => continued(webhook, before, stored),
            None => webhook.clone(),
        };
        if taken.insert(webhook.portal.clone()) {
            webhooks.push(webhook);
        } else {
            tracing::error!(portal = %webhook.portal, host = host_of(&webhook.endpoint), "two inbound webhooks of one portal are configured; the first is used");
        }
    }
    webhooks
}

/// Returns the stored portal of a webhook: the one with the same name or the same code, else one
/// that has or had its host.
fn find<'s>(webhook: &Installation, stored: &'s [Installation]) -> Option<&'s Installation> {
    let host = webhook.portal.as_str().to_ascii_lowercase();
    let known = || stored.iter().filter(|known| code(known).is_some());
    let same_name = |known: &&Installation| known.portal == webhook.portal;
    let same_code = |known: &&Installation| code(known) == code(webhook);
    known()
        .find(|known| same_name(known) && same_code(known))
        .or_else(|| known().find(same_code))
        .or_else(|| known().find(same_name))
        .or_else(|| known().find(|known| known.hosts().contains(&host)))
}

/// Returns a webhook under the name, and with the tokens, that its portal has in the store: its
/// bots are found with the token they were registered with.
fn continued(
    webhook: &Installation,
    before: &Installation,
    stored: &[Installation],
) -> Installation {
    let mut now = before.clone();
    if let (Access::Webhook(configured), Access::Webhook(known)) = (&webhook.access, &before.access)
    {
        now.access = Access::Webhook(Webhook {
            bot_token: known.bot_token.clone(),
            ..configured.clone()
        });
    }
    now.move_to(&webhook.endpoint);
    // An earlier version stored a renamed portal twice.
    let same_code = |other: &&Installation| code(other).is_some() && code(other) == code(webhook);
    for other in stored.iter().filter(same_code) {
        for host in other.hosts() {
            if !now.hosts().contains(&host) {
                now.former_hosts.insert(0, host);
            }
        }
    }
    now
}

/// Returns the code of an inbound webhook; `None` for an application.
fn code(installation: &Installation) -> Option<&str> {
    match &installation.access {
        Access::Webhook(hook) => Some(hook.code.expose_secret()),
        Access::Tokens(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::webhooks::*;
    use crate::portal::inbound_webhook;

    fn webhook(host: &str, code: &str) -> Installation {
        inbound_webhook(&format!("https://{host}/rest/1/{code}/")).unwrap()
    }

    /// The names, and the known hosts, of the configured webhooks.
    fn known(configured: &[Installation], stored: &[Installation]) -> Vec<(String, String)> {
        let webhooks = of_stored_portals(configured, stored);
        let name = |webhook: &Installation| webhook.portal.as_str().to_owned();
        webhooks
            .iter()
            .map(|webhook| (name(webhook), webhook.hosts().join(" ")))
            .collect()
    }

    #[test]
    fn a_renamed_portal_keeps_its_name_and_its_token() {
        let old = webhook("old.example", "abc");
        let new = webhook("new.example", "abc");
        let expected = (
            "old.example".to_owned(),
            "old.example new.example".to_owned(),
        );
        assert_eq!(known(&[new.clone()], &[old.clone()]), [expected.clone()]);
        let moved = of_stored_portals(&[new], &[old.clone()]);
        assert_eq!(moved[0].endpoint, "https://new.example/rest/");
        // Later another webhook is made on the renamed portal.
        assert_eq!(known(&[webhook("new.example", "def")], &moved), [expected]);
        // The former address is configured, and leads to the new one.
        let again = known(&[old], &moved);
        assert_eq!(again[0].0, "old.example");
    }

    #[test]
    fn portals_with_other_codes_and_hosts_are_others() {
        let (one, two) = (webhook("one.example", "abc"), webhook("two.example", "def"));
        let names = known(&[one.clone(), two], &[one]);
        let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one.example", "two.example"]);
    }

    #[test]
    fn a_portal_that_was_stored_under_both_names_knows_both_hosts() {
        let (old, new) = (webhook("old.example", "abc"), webhook("new.example", "abc"));
        let known = known(&[new.clone()], &[old, new]);
        let expected = (
            "new.example".to_owned(),
            "old.example new.example".to_owned(),
        );
        assert_eq!(known, [expected]);
    }
}
