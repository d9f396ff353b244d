//! Checks the event bindings of an application on a portal: at this program's address, at other
//! addresses, and of both versions of the bot API.

use super::Inspection;
use super::check::Check;
use crate::engine::Requirement;
use crate::event::BOT_EVENTS_V2;
use crate::portal::methods::profile::Profile;
use crate::portal::{Binding, Portal};
use crate::store::Access;

/// v1 events that every bot needs. The portal binds them, and more, with each registration
/// (protocol/bots-v1.md 4.1).
const V1: &[&str] = &["ONIMBOTMESSAGEADD", "ONIMBOTJOINCHAT"];

/// Compares the bindings with what the bots need.
pub(super) async fn checks(
    inspection: &Inspection<'_>,
    portal: &Portal,
    access: &Access,
    owner: &Profile,
) -> Vec<Check> {
    const NAME: &str = "bound events";
    let engine = inspection.engine;
    if matches!(access, Access::Webhook(_)) {
        let why = "only applications can list bindings";
        return vec![Check::skipped(NAME, why)];
    }
    let mut bound = match inspection.ask(portal.bindings()).await {
        Ok(bound) => bound,
        Err(problem) => return vec![problem.into_check(NAME)],
    };
    bound.retain(|binding| binding.offline == 0 && (is_v1(binding) || is_v2(binding)));
    let requirements = engine.requirements();
    let posted: Vec<&Requirement> = requirements
        .iter()
        .filter(|need| need.is_posted_to())
        .collect();
    let url = engine.handler_url().unwrap_or_default();
    let mut checks = vec![if posted.is_empty() {
        Check::skipped(NAME, "the bots poll for their events")
    } else {
        at_own_address(NAME, &bound, &posted, url, owner)
    }];
    checks.extend(at_other_addresses(&bound, url));
    checks.extend(both_versions(&bound, &requirements));
    checks
}

fn at_own_address(
    name: &str,
    bound: &[Binding],
    posted: &[&Requirement],
    url: &str,
    owner: &Profile,
) -> Check {
    let is_bound = |event: &str| {
        bound
            .iter()
            .any(|binding| binding.event == event && binding.handler == url)
    };
    let mut wanted: Vec<&str> = Vec::new();
    if posted.iter().any(|need| need.mode.is_none()) {
        wanted.extend(V1);
    }
    if posted.iter().any(|need| need.mode.is_some()) {
        wanted.extend(BOT_EVENTS_V2);
    }
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|event| !is_bound(event))
        .collect();
    if missing.is_empty() {
        return Check::ok(name, format!("the bots' events go to {url}"));
    }
    let detail = format!("not bound to {url}: {}", missing.join(", "));
    if !owner.admin {
        // Other users see only their own handlers (protocol/events.md 2).
        let detail = format!("{detail}; but only administrators see all bindings");
        return Check::unknown(
            name,
            detail,
            "ask an administrator to install the application again",
        );
    }
    let fix = "run `register`: it binds them";
    Check::failed(name, detail, fix)
}

/// Reports other addresses that get the bots' events too: of an earlier program, or an earlier
/// address of this one (protocol/server-behaviour.md 2.1).
fn at_other_addresses(bound: &[Binding], url: &str) -> Option<Check> {
    let others = bound.iter().filter(|binding| binding.handler != url);
    let mut addresses: Vec<&str> = others
        .map(|binding| without_query(&binding.handler))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return None;
    }
    let detail = format!(
        "the bots' events also go to other addresses: {}",
        addresses.join(", ")
    );
    let fix = "if no program of yours uses them, remove the bindings with event.unbind, or install the application again";
    Some(Check::warning("other addresses", detail, fix))
}

/// Reports events of both v1 and v2: the application then receives each message twice, whichever
/// API its bots use (protocol/server-behaviour.md 2).
fn both_versions(bound: &[Binding], requirements: &[Requirement]) -> Option<Check> {
    if !(bound.iter().any(is_v1) && bound.iter().any(is_v2)) {
        return None;
    }
    let uses_v1 = |need: &Requirement| need.mode.is_none();
    let fix = if requirements.iter().all(uses_v1) {
        "remove the bindings of ONIMBOTV2… with event.unbind: all bots use v1"
    } else if !requirements.iter().any(uses_v1) {
        "remove the bindings of ONIMBOT… and ONIMCOMMANDADD with event.unbind: all bots use v2"
    } else {
        "let all bots of one application use the same API (`Profile::api`), or use an application for each API"
    };
    let detail = "events of both v1 and v2 are bound (ONIMBOT… and ONIMBOTV2…): the portal may send each message twice";
    Some(Check::warning("API versions", detail, fix))
}

fn is_v2(binding: &Binding) -> bool {
    binding.event.starts_with("ONIMBOTV2")
}

fn is_v1(binding: &Binding) -> bool {
    let is_bots = binding.event.starts_with("ONIMBOT") && !is_v2(binding);
    is_bots || binding.event == "ONIMCOMMANDADD"
}

/// Returns an address without its query, which may contain a secret.
fn without_query(address: &str) -> &str {
    address
        .split_once('?')
        .map_or(address, |(address, _)| address)
}
