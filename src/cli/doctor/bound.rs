//! The events that are bound on a portal for an application: at our address, at others, and of both generations.

use super::check::Check;
use super::problem::ask;
use crate::engine::{BOT_EVENTS_V2, Engine, Requirement};
use crate::portal::methods::profile::Profile;
use crate::portal::{Binding, Portal};
use crate::store::Access;

/// The events without which a v1 bot receives nothing: the portal binds them, and more, with each
/// registration (protocol/bots-v1.md 4.1).
const FIRST: &[&str] = &["ONIMBOTMESSAGEADD", "ONIMBOTJOINCHAT"];

/// Compares what is bound with what the bots need.
pub(super) async fn look(
    engine: &Engine,
    portal: &Portal,
    access: &Access,
    owner: &Profile,
) -> Vec<Check> {
    const NAME: &str = "bound events";
    if matches!(access, Access::Webhook(_)) {
        let why = "only applications may ask what is bound";
        return vec![Check::skipped(NAME, why)];
    }
    let mut bound = match ask(portal.bindings()).await {
        Ok(bound) => bound,
        Err(problem) => return vec![problem.of(NAME)],
    };
    bound.retain(|binding| binding.offline == 0 && (is_first(binding) || is_second(binding)));
    let requirements = engine.requirements();
    let posted: Vec<&Requirement> = requirements
        .iter()
        .filter(|need| need.is_posted_to())
        .collect();
    let url = engine.handler_url().unwrap_or_default();
    let mut checks = vec![match posted.is_empty() {
        true => Check::skipped(NAME, "the bots poll for their events"),
        false => at_our_address(NAME, &bound, &posted, url, owner),
    }];
    checks.extend(elsewhere(&bound, url));
    checks.extend(both(&bound, &requirements));
    checks
}

fn at_our_address(
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
        wanted.extend(FIRST);
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
        // protocol/events.md 2: who is no administrator sees their own handlers only.
        let detail = format!("{detail}; but not all is shown to who is no administrator");
        return Check::unknown(
            name,
            detail,
            "let an administrator install the application again",
        );
    }
    let fix = "run `register`: it binds them";
    Check::failed(name, detail, fix)
}

/// Other addresses that get the bots' events, too: of an earlier program, or of an earlier address of this one
/// (protocol/server-behaviour.md 2.1).
fn elsewhere(bound: &[Binding], url: &str) -> Option<Check> {
    let others = bound.iter().filter(|binding| binding.handler != url);
    let mut addresses: Vec<&str> = others.map(|binding| bare(&binding.handler)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    (!addresses.is_empty()).then(|| {
        let detail = format!("the bots' events go to other addresses, too: {}", addresses.join(", "));
        let fix = "where these are no programs of yours any more, end them with event.unbind, or install the application again";
        Check::warning("stray addresses", detail, fix)
    })
}

/// An application with events of both generations bound is told of each message twice, whichever its bot is of
/// (protocol/server-behaviour.md 2).
fn both(bound: &[Binding], requirements: &[Requirement]) -> Option<Check> {
    if !(bound.iter().any(is_first) && bound.iter().any(is_second)) {
        return None;
    }
    let is_of_first = |need: &Requirement| need.mode.is_none();
    let fix = if requirements.iter().all(is_of_first) {
        "end the bindings of ONIMBOTV2… with event.unbind: all bots are of the first generation"
    } else if !requirements.iter().any(is_of_first) {
        "end the bindings of ONIMBOT… and ONIMCOMMANDADD with event.unbind: all bots are of the second generation"
    } else {
        "keep the bots of one application in one generation (`Profile::api`), or give each generation an application"
    };
    let detail = "events of both generations are bound (ONIMBOT… and ONIMBOTV2…): a portal may tell each message twice";
    Some(Check::warning("generations", detail, fix))
}

fn is_second(binding: &Binding) -> bool {
    binding.event.starts_with("ONIMBOTV2")
}

fn is_first(binding: &Binding) -> bool {
    let is_bots = binding.event.starts_with("ONIMBOT") && !is_second(binding);
    is_bots || binding.event == "ONIMCOMMANDADD"
}

/// An address without its query, which may hold a secret.
fn bare(address: &str) -> &str {
    address.split_once('?').map_or(address, |(bare, _)| bare)
}
