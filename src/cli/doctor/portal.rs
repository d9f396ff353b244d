//! Checks one portal, in this order: it is reachable, it accepts the credentials, they have the
//! rights, the bots are in order.

use super::Inspection;
use super::bots;
use super::certificate::certificate;
use super::check::{Check, span};
use super::grants::{application, payment, rights, scopes, spare};
use super::lines;
use super::problem::{PAGE, Problem};
use crate::portal::Portal;
use crate::portal::methods::app::{AppInfo, Scope};
use crate::portal::methods::profile::{self, Profile};
use crate::store::{Access, Clock, Time};

/// Difference of the clocks from which on to warn, in seconds.
const CLOCK_WARNING: u64 = 60;
/// Difference of the clocks at which the check fails, in seconds.
const CLOCK_FAILURE: u64 = 60 * 60;

/// Checks one portal. Checks that depend on a failed one are skipped.
pub(super) async fn checks(inspection: &Inspection<'_>, portal: &Portal) -> Vec<Check> {
    let mut checks = reached(inspection, portal).await;
    if checks[0].has_failed() {
        let why = "the portal must be reached first";
        checks.push(Check::skipped("the rest", why));
        return checks;
    }
    let owner = match credentials(inspection, portal).await {
        Ok((check, owner)) => {
            checks.push(check);
            owner
        }
        Err(problem) => {
            checks.push(problem.into_failure("credentials"));
            let why = "the portal must accept the credentials first";
            checks.push(Check::skipped("the rest", why));
            return checks;
        }
    };
    let is_application = matches!(portal.access().await, Access::Tokens(_));
    checks.push(rights(&owner, is_application));
    checks.extend(portal.spare_user().await.map(spare));
    checks.extend(installed(inspection, portal, is_application).await);
    let (check, may_use_bots) = granted(inspection, portal, is_application).await;
    checks.push(check);
    if may_use_bots {
        checks.extend(bots::checks(inspection, portal, &owner).await);
        checks.extend(lines::checks(inspection, portal).await);
    } else {
        let why = "the scope imbot must be granted first";
        checks.push(Check::skipped("the bots", why));
    }
    checks
}

/// Checks the installation and the payment of the application.
async fn installed(
    inspection: &Inspection<'_>,
    portal: &Portal,
    is_application: bool,
) -> Vec<Check> {
    const NAME: &str = "application";
    if !is_application {
        let why = "the portal is called by an inbound webhook: no application is installed or paid";
        return vec![Check::skipped(NAME, why)];
    }
    match inspection.ask(portal.run(AppInfo::new())).await {
        Ok(info) => vec![application(&info, inspection.config), payment(&info)],
        Err(problem) => vec![problem.into_check(NAME)],
    }
}

/// Checks the granted scopes. Also returns false if they do not allow bots; true if they are
/// unknown, because the checks of the bots show it then.
async fn granted(
    inspection: &Inspection<'_>,
    portal: &Portal,
    is_application: bool,
) -> (Check, bool) {
    let engine = inspection.engine;
    match inspection.ask(portal.run(Scope::new())).await {
        Ok(granted) => {
            let has_connectors = !engine.connectors().is_empty();
            let requirements = engine.requirements();
            let check = scopes(&granted, &requirements, has_connectors, is_application);
            let may_use_bots = !check.has_failed();
            (check, may_use_bots)
        }
        Err(problem) => (problem.into_check("scopes"), true),
    }
}

/// Checks that the portal answers, its clock, and its certificate.
async fn reached(inspection: &Inspection<'_>, portal: &Portal) -> Vec<Check> {
    let probe = match inspection.ask(portal.probe()).await {
        Ok(probe) => probe,
        Err(problem) => return vec![problem.into_failure("reached")],
    };
    let endpoint = portal.endpoint();
    if probe.json.is_none() && !probe.keeps_path {
        let detail = match &probe.moved_to {
            Some(host) => {
                format!("{endpoint} redirects to another page, on {host}; no call is answered")
            }
            None => format!(
                "{endpoint} answers with status {}, but not as a portal does",
                probe.status
            ),
        };
        return vec![Check::failed("reached", detail, PAGE)];
    }
    let took = span(probe.took);
    let detail = match probe.moved_to {
        None => format!("{endpoint} answers in {took}"),
        // Calls follow the redirect, and the new address is stored
        // (`b24restdocs: settings/how-to-call-rest-api/change-domen.md`).
        Some(host) => {
            format!("{endpoint} redirects to {host}, in {took}: the portal has moved")
        }
    };
    let mut checks = vec![
        Check::ok("reached", detail),
        clock(probe.date, Clock::default().now()),
    ];
    if endpoint.starts_with("https://") {
        const RENEW: &str =
            "ask whoever runs the portal's server to renew it: when it expires, every call fails";
        checks.push(certificate(probe.validity, RENEW));
    }
    checks
}

/// Compares the two clocks. A wrong one makes certificates invalid, and reminders late.
fn clock(theirs: Option<Time>, ours: Time) -> Check {
    let Some(theirs) = theirs else {
        return Check::unknown(
            "clock",
            "the portal's answer has no date",
            "nothing to do if this machine's clock is right",
        );
    };
    let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
    let detail = if ahead > behind {
        format!(
            "this machine's clock is {} ahead of the portal's",
            span(ahead)
        )
    } else {
        format!(
            "this machine's clock is {} behind the portal's",
            span(behind)
        )
    };
    let fix = "synchronize this machine's clock with NTP";
    match ahead.max(behind).as_secs() {
        CLOCK_FAILURE.. => Check::failed("clock", detail, fix),
        CLOCK_WARNING.. => Check::warning("clock", detail, fix),
        _ => Check::ok("clock", "this machine's clock and the portal's agree"),
    }
}

/// Checks that the portal accepts the credentials, and returns their user. Expired tokens are
/// renewed, as by any call.
async fn credentials(
    inspection: &Inspection<'_>,
    portal: &Portal,
) -> Result<(Check, Profile), Problem> {
    let before = portal.access().await;
    let owner = inspection.ask(portal.run(profile::Get::new())).await?;
    let after = portal.access().await;
    let detail = match &after {
        Access::Webhook(_) => "the inbound webhook is accepted",
        Access::Tokens(_) if before.is_same(&after) => {
            "the access token is accepted, so it is less than an hour old"
        }
        Access::Tokens(_) => "the access token had expired, and was renewed just now",
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
    fn a_difference_of_clocks_of_a_minute_warns_and_of_an_hour_fails() {
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
