//! One portal, in the order in which one would look: is it there, does it know us, may we act, what about the bots.

use super::bots;
use super::certificate::certificate;
use super::check::{Check, span};
use super::grants::{application, payment, rights, scopes};
use super::lines;
use super::problem::{PAGE, Problem, ask};
use crate::config::Config;
use crate::engine::Engine;
use crate::portal::Portal;
use crate::portal::methods::app::{AppInfo, Scope};
use crate::portal::methods::profile::{self, Profile};
use crate::store::{Access, Clock, Time};

/// From this difference of clocks on it is told, and from the second on it is in the way, in seconds.
const CLOCK_NOTABLE: u64 = 60;
const CLOCK_WRONG: u64 = 60 * 60;

/// Looks at one portal. What cannot be answered without an earlier answer is left out.
pub(super) async fn look(engine: &Engine, portal: &Portal, config: &Config) -> Vec<Check> {
    let mut checks = reached(portal).await;
    if checks[0].is_in_the_way() {
        checks.push(Check::skipped(
            "the rest",
            "the portal has to be reached first",
        ));
        return checks;
    }
    let owner = match credentials(portal).await {
        Ok((check, owner)) => {
            checks.push(check);
            owner
        }
        Err(problem) => {
            checks.push(problem.fails("credentials"));
            checks.push(Check::skipped(
                "the rest",
                "the portal has to accept our calls first",
            ));
            return checks;
        }
    };
    let is_application = matches!(portal.access().await, Access::Tokens(_));
    checks.push(rights(&owner, is_application));
    if is_application {
        match ask(portal.run(AppInfo::new())).await {
            Ok(info) => checks.extend([application(&info, config), payment(&info)]),
            Err(problem) => checks.push(problem.of("application")),
        }
    } else {
        let why = "the portal is called by an inbound webhook: there is no application to install or to pay";
        checks.push(Check::skipped("application", why));
    }
    let requirements = engine.requirements();
    let may_use_bots = match ask(portal.run(Scope::new())).await {
        Ok(granted) => {
            let has_connectors = !engine.connectors().is_empty();
            let check = scopes(&granted, &requirements, has_connectors, is_application);
            let may = !check.is_in_the_way();
            checks.push(check);
            may
        }
        Err(problem) => {
            checks.push(problem.of("scopes"));
            true // let the bots' own methods tell
        }
    };
    match may_use_bots {
        true => {
            checks.extend(bots::look(engine, portal, config, &owner).await);
            checks.extend(lines::look(engine, portal).await);
        }
        false => checks.push(Check::skipped(
            "the bots",
            "the scope imbot has to be granted first",
        )),
    }
    checks
}

/// The portal itself: the way there, and its clock.
async fn reached(portal: &Portal) -> Vec<Check> {
    let probe = match ask(portal.probe()).await {
        Ok(probe) => probe,
        Err(problem) => return vec![problem.fails("reached")],
    };
    let endpoint = portal.endpoint();
    if probe.json.is_none() && probe.moved_to.is_none() {
        let detail = format!(
            "{endpoint} answers with a status of {}, and not as a portal does",
            probe.status
        );
        return vec![Check::failed("reached", detail, PAGE)];
    }
    let took = span(probe.took);
    let detail = match probe.moved_to {
        None => format!("{endpoint} answers in {took}"),
        // Calls follow it there, and remember the new address
        // (`b24restdocs: settings/how-to-call-rest-api/change-domen.md`).
        Some(host) => {
            format!("{endpoint} sends callers on to {host}, in {took}: the portal has moved")
        }
    };
    let mut checks = vec![
        Check::ok("reached", detail),
        clock(probe.date, Clock::default().now()),
    ];
    if endpoint.starts_with("https://") {
        const RENEW: &str =
            "let who runs the portal's server renew it: when it ends, no call passes";
        checks.push(certificate(probe.validity, RENEW));
    }
    checks
}

/// The two clocks. A wrong one makes certificates invalid, and reminders late.
fn clock(theirs: Option<Time>, ours: Time) -> Check {
    let Some(theirs) = theirs else {
        return Check::unknown(
            "clock",
            "the portal's answer has no date",
            "nothing, if this machine's clock is right",
        );
    };
    let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
    let detail = match ahead > behind {
        true => format!(
            "this machine's clock is {} ahead of the portal's",
            span(ahead)
        ),
        false => format!(
            "this machine's clock is {} behind the portal's",
            span(behind)
        ),
    };
    let fix = "let this machine keep its clock by NTP";
    match ahead.max(behind).as_secs() {
        CLOCK_WRONG.. => Check::failed("clock", detail, fix),
        CLOCK_NOTABLE.. => Check::warning("clock", detail, fix),
        _ => Check::ok("clock", "this machine's clock and the portal's agree"),
    }
}

/// Whether the portal accepts our calls. Tokens that are over are renewed on the way, as any call does.
async fn credentials(portal: &Portal) -> Result<(Check, Profile), Problem> {
    let before = portal.access().await;
    let owner = ask(portal.run(profile::Get::new())).await?;
    let after = portal.access().await;
    let detail = match &after {
        Access::Webhook(_) => "the inbound webhook is accepted",
        Access::Tokens(_) if before.is_same(&after) => {
            "the access token is accepted, so it is younger than an hour"
        }
        Access::Tokens(_) => "the access token was over, and could be renewed just now",
    };
    Ok((Check::ok("credentials", detail), owner))
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::check::CheckStatus;
    use crate::cli::doctor::portal::*;

    fn status(seconds: i64) -> CheckStatus {
        let ours = 1_800_000_000_i64;
        let time = |seconds: i64| Time(u64::try_from(seconds).unwrap() * 1_000);
        clock(Some(time(ours + seconds)), time(ours)).status
    }

    #[test]
    fn seconds_between_the_clocks_do_not_matter_minutes_are_told_and_hours_are_in_the_way() {
        for seconds in [0, 30, -30] {
            assert_eq!(status(seconds), CheckStatus::Ok, "{seconds}");
        }
        for seconds in [90, -90] {
            assert_eq!(status(seconds), CheckStatus::Warning, "{seconds}");
        }
        for seconds in [3 * 3600, -3 * 3600] {
            assert_eq!(status(seconds), CheckStatus::Failed, "{seconds}");
        }
        assert_eq!(clock(None, Time(0)).status, CheckStatus::Unknown);
    }
}
