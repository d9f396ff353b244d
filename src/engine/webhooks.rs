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
///
/// Those with a known code come first: a webhook with another code may be of somebody else's
/// portal, which has taken the host that a renamed portal had first.
pub(super) fn of_stored_portals(
    configured: &[Installation],
    stored: &[Installation],
) -> Vec<Installation> {
    let mut taken: HashSet<MemberId> = HashSet::new();
    let mut webhooks = Vec::with_capacity(configured.len());
    let has_known_code = |webhook: &&Installation| {
        let mut codes = stored.iter().filter_map(code);
        codes.any(|known| Some(known) == code(webhook))
    };
    let (known, other): (Vec<_>, Vec<_>) = configured.iter().partition(has_known_code);
    for webhook in known.into_iter().chain(other) {
        let webhook = match find(webhook, stored) {
            Some(before) => continued(webhook, before, stored),
            None => webhook.clone(),
        };
        if taken.insert(webhook.portal.clone()) {
            webhooks.push(webhook);
        } else {
            tracing::error!(portal = %webhook.portal, host = host_of(&webhook.endpoint), "a second inbound webhook is configured for a portal, or for a host that a portal of this store had first; it is not used");
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

    /// Returns the configured webhooks as the store knows their portals.
    fn webhooks(configured: &[&Installation], stored: &[&Installation]) -> Vec<Installation> {
        let owned = |all: &[&Installation]| -> Vec<Installation> {
            all.iter().map(|one| (*one).clone()).collect()
        };
        of_stored_portals(&owned(configured), &owned(stored))
    }

    /// Returns the name and the known hosts of a portal.
    fn known(webhook: &Installation) -> (&str, String) {
        (webhook.portal.as_str(), webhook.hosts().join(" "))
    }

    #[test]
    fn a_renamed_portal_keeps_its_name() {
        let (old, new) = (webhook("old.example", "abc"), webhook("new.example", "abc"));
        let expected = ("old.example", "old.example new.example".to_owned());
        let moved = webhooks(&[&new], &[&old]).remove(0);
        assert_eq!(known(&moved), expected);
        assert_eq!(moved.endpoint, "https://new.example/rest/");
        // Later another webhook is made on the renamed portal.
        let other = webhooks(&[&webhook("new.example", "def")], &[&moved]);
        assert_eq!(known(&other[0]), expected);
        // The former address is configured, and leads to the new one.
        let again = webhooks(&[&old], &[&moved]);
        assert_eq!(known(&again[0]).0, "old.example");
    }

    #[test]
    fn portals_with_other_codes_and_hosts_are_others() {
        let (one, two) = (webhook("one.example", "abc"), webhook("two.example", "def"));
        let both = webhooks(&[&one, &two], &[&one]);
        let names: Vec<&str> = both.iter().map(|webhook| known(webhook).0).collect();
        assert_eq!(names, ["one.example", "two.example"]);
    }

    #[test]
    fn of_two_webhooks_of_one_portal_the_first_is_used() {
        let (one, two) = (webhook("one.example", "abc"), webhook("one.example", "def"));
        let used = webhooks(&[&one, &two], &[]);
        assert_eq!(used.len(), 1);
        assert_eq!(code(&used[0]), Some("abc"));
    }

    #[test]
    fn a_portal_that_took_the_first_host_of_another_does_not_replace_it() {
        let renamed = webhooks(
            &[&webhook("new.example", "abc")],
            &[&webhook("old.example", "abc")],
        );
        let successor = webhook("old.example", "def");
        let used = webhooks(
            &[&successor, &webhook("new.example", "abc")],
            &[&renamed[0]],
        );
        assert_eq!(used.len(), 1);
        assert_eq!(code(&used[0]), Some("abc"));
        assert_eq!(used[0].endpoint, "https://new.example/rest/");
    }

    #[test]
    fn a_portal_that_was_stored_under_both_names_knows_both_hosts() {
        let (old, new) = (webhook("old.example", "abc"), webhook("new.example", "abc"));
        let found = webhooks(&[&new], &[&old, &new]);
        let expected = ("new.example", "old.example new.example".to_owned());
        assert_eq!(known(&found[0]), expected);
    }
}
