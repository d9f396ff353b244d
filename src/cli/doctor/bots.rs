//! Checks the bots of a program on one portal: that they exist, that they belong to this program,
//! and that their events are received.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Inspection;
use super::bindings;
use super::check::Check;
use super::waiting;
use crate::engine::{Mode, Requirement, Step};
use crate::event::BotId;
use crate::handler::EventMode;
use crate::portal::Portal;
use crate::portal::methods::imbot_v2;
use crate::portal::methods::profile::Profile;
use crate::store::Access;

/// Running time of a method within ten minutes from which a portal may refuse it, in seconds: the
/// default of a portal on its owner's server with the limit enabled. In the cloud Bitrix24
/// configures it; the documentation has 480 as an example (protocol/rest.md 5).
const OPERATING_MAX: f64 = 420.0;
/// Running time from which on to warn, in seconds.
const OPERATING_WARNING: f64 = OPERATING_MAX / 2.0;

/// Checks the bots, the bindings for their events, and the events that wait.
pub(super) async fn checks(
    inspection: &Inspection<'_>,
    portal: &Portal,
    owner: &Profile,
) -> Vec<Check> {
    let engine = inspection.engine;
    let requirements = engine.requirements();
    let access = portal.access().await;
    let (mut checks, mut own) = (Vec::new(), Vec::new());
    for need in &requirements {
        let (check, id) = if need.is_posted_to() && engine.handler_url().is_none() {
            (no_address(&need.code), None)
        } else {
            bot(inspection, portal, need, &access).await
        };
        checks.push(check);
        own.extend(id.map(|id| (id, need)));
    }
    if requirements.iter().any(|need| need.mode.is_some()) {
        checks.extend(other_bots(inspection, portal, &requirements).await);
    }
    checks.push(if own.len() == requirements.len() {
        in_sync(inspection, portal).await
    } else {
        Check::skipped(
            "in sync",
            "all bots must exist and belong to this program first",
        )
    });
    checks.extend(bindings::checks(inspection, portal, &access, owner).await);
    let polled = own
        .iter()
        .filter(|(_, need)| need.mode == Some(EventMode::Fetch));
    let polled: Vec<(BotId, &str)> = polled.map(|(id, need)| (*id, need.code.as_str())).collect();
    let waiting = polled
        .iter()
        .map(|(id, code)| waiting::check(inspection, portal, *id, code));
    checks.extend(join_all(waiting).await);
    checks.push(limits(inspection, portal, polled.first().map(|(id, _)| *id)).await);
    checks
}

/// Checks that a bot exists, belongs to this program, and gets its events as the program expects
/// them. Returns its id if it belongs to this program.
async fn bot(
    inspection: &Inspection<'_>,
    portal: &Portal,
    need: &Requirement,
    access: &Access,
) -> (Check, Option<BotId>) {
    let name = format!("bot {}", need.code);
    let Some(mode) = need.mode else {
        return bot_v1(inspection, portal, need, &name).await;
    };
    let info = match inspection.ask(portal.find_bot(&need.code)).await {
        Ok(Some(info)) => info,
        Ok(None) => return (missing(&name), None),
        Err(problem) => return (problem.into_check(&name), None),
    };
    let id = info.id;
    // Only the owner's answer has the event mode (protocol/bots-v2.md 7.1).
    let Some(actual) = info.event_mode else {
        return (of_other_owner(&name, id), None);
    };
    let (wanted, way) = match mode {
        EventMode::Fetch => ("fetch", "its events are polled"),
        EventMode::Webhook => ("webhook", "its events are posted to this program"),
    };
    let own = format!("it is bot {id} of this program");
    let check = if actual != wanted {
        let detail = format!("{own}; its event mode is {actual}, but this program needs {wanted}");
        Check::failed(&name, detail, "run `register`, or restart the program")
    } else if mode == EventMode::Webhook && matches!(access, Access::Webhook(_)) {
        // protocol/server-behaviour.md 2.1.
        Check::warning(
            &name,
            format!(
                "{own}, registered by an inbound webhook; some portals post no events to such a bot"
            ),
            "poll for its events: run without IMBOT_PUBLIC_URL, or with the event mode fetch in its profile",
        )
    } else {
        Check::ok(&name, format!("{own}; {way}"))
    };
    (check, Some(id))
}

/// The same for a v1 bot. `imbot.bot.list` returns only own bots; the v2 methods find those of
/// others.
async fn bot_v1(
    inspection: &Inspection<'_>,
    portal: &Portal,
    need: &Requirement,
    name: &str,
) -> (Check, Option<BotId>) {
    match inspection.ask(portal.find_bot_v1(&need.code)).await {
        Ok(Some(id)) => {
            let detail = format!(
                "it is bot {id} of this program, with v1; its events are posted to this program"
            );
            (Check::ok(name, detail), Some(id))
        }
        Ok(None) => match inspection.ask(portal.find_bot(&need.code)).await {
            Ok(Some(other)) => (of_other_owner(name, other.id), None),
            _ => (missing(name), None),
        },
        Err(problem) => (problem.into_check(name), None),
    }
}

/// A bot whose events must be posted, in a program without an address.
fn no_address(code: &str) -> Check {
    Check::failed(
        &format!("bot {code}"),
        "its profile asks for posted events, but this program has no public address",
        "set IMBOT_PUBLIC_URL; or let the bot poll for its events, which v2 bots can",
    )
}

fn missing(name: &str) -> Check {
    let fix = "run `register`, or start the program: it registers its bots";
    Check::failed(name, "it is not on the portal", fix)
}

fn of_other_owner(name: &str, id: BotId) -> Check {
    let detail = format!(
        "bot {id} has this code and belongs to another application or webhook: this program gets none of its events"
    );
    let fix = "if the portal was renamed or the webhook replaced, start with the store or the webhook that registered the bot: nothing is lost then; otherwise choose another code in the profile, or remove that bot with the application or webhook that registered it, which removes its private chats";
    Check::failed(name, detail, fix)
}

/// Reports bots of this application or webhook that the program does not have: people may write to
/// them, and nobody answers.
async fn other_bots(
    inspection: &Inspection<'_>,
    portal: &Portal,
    requirements: &[Requirement],
) -> Option<Check> {
    const NAME: &str = "other bots";
    let list = portal.run(imbot_v2::BotList::new());
    let own = match inspection.ask(list).await {
        Ok(page) => page.bots,
        Err(problem) => return Some(problem.into_check(NAME)),
    };
    let is_known = |code: &str| requirements.iter().any(|need| need.code == code);
    let others: Vec<String> = own
        .iter()
        .filter(|bot| !is_known(&bot.code))
        .map(|bot| format!("{} ({})", bot.code, bot.id))
        .collect();
    if others.is_empty() {
        return None;
    }
    let detail = format!(
        "registered with the same credentials, but not in this program: {}; nobody answers for them",
        others.join(", ")
    );
    let fix = "remove them with the program that has them (`unregister`), or add them to this one";
    Some(Check::warning(NAME, detail, fix))
}

/// Compares commands and the hooks' events with the program. Steps for bots are left out: the
/// portal does not return enough to compare them, so they are always among the steps.
async fn in_sync(inspection: &Inspection<'_>, portal: &Portal) -> Check {
    const NAME: &str = "in sync";
    let steps = inspection.engine.register(portal, Mode::DryRun);
    let steps = match inspection.ask(steps).await {
        Ok(steps) => steps,
        Err(problem) => return problem.into_check(NAME),
    };
    let is_about_a_bot =
        |step: &&Step| matches!(step, Step::RegisterBot { .. } | Step::UpdateBot { .. });
    let left: Vec<String> = steps
        .iter()
        .filter(|step| !is_about_a_bot(step))
        .map(Step::to_string)
        .collect();
    if left.is_empty() {
        return Check::ok(NAME, "commands and hooks' events match this program");
    }
    let detail = format!("still to do: {}", left.join(", "));
    Check::warning(NAME, detail, "run `register`, or restart the program")
}

/// Checks the running time that the portal counts: of polling, if a bot polls.
async fn limits(inspection: &Inspection<'_>, portal: &Portal, polled: Option<BotId>) -> Check {
    const NAME: &str = "limits";
    let (method, params): (&str, Value) = match polled {
        Some(id) => ("imbot.v2.Event.get", json!({ "botId": id, "limit": 1 })),
        None => ("profile", json!({})),
    };
    let seconds = match inspection.ask(portal.operating(method, &params)).await {
        Ok(seconds) => seconds,
        Err(problem) => return problem.into_failure(NAME),
    };
    let detail = format!(
        "{method} has run {seconds:.1} s within ten minutes; a portal may refuse it from {OPERATING_MAX} s on (in the cloud, Bitrix24 sets the limit)"
    );
    if seconds < OPERATING_WARNING {
        return Check::ok(NAME, detail);
    }
    Check::warning(
        NAME,
        detail,
        "call it less often: poll more slowly (--poll-quick, --poll-slow), or stop other programs",
    )
}
