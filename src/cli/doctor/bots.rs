//! The bots of a program on one portal: are they there, are they ours, and does somebody take their events.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::bound;
use super::check::Check;
use super::problem::ask;
use super::waiting;
use crate::config::Config;
use crate::engine::{Engine, Mode, Requirement, Step};
use crate::event::BotId;
use crate::handler::EventMode;
use crate::portal::Portal;
use crate::portal::methods::imbot_v2;
use crate::portal::methods::profile::Profile;
use crate::store::Access;

/// How long a method may run within ten minutes (rest, section 5): 420 seconds where a portal's owner has turned the limit
/// on, and about 480 in the cloud; and from when on that is told.
const OPERATING_MAX: f64 = 420.0;
const OPERATING_NOTABLE: f64 = OPERATING_MAX / 2.0;

/// Looks at the bots, the events that are bound for them, and those that wait.
pub(super) async fn look(
    engine: &Engine,
    portal: &Portal,
    config: &Config,
    owner: &Profile,
) -> Vec<Check> {
    let requirements = engine.requirements();
    let access = portal.access().await;
    let (mut checks, mut ours) = (Vec::new(), Vec::new());
    for need in &requirements {
        let (check, id) = if need.is_posted_to() && engine.handler_url().is_none() {
            (unheard(&need.code), None)
        } else {
            bot(portal, need, &access).await
        };
        checks.push(check);
        ours.extend(id.map(|id| (id, need)));
    }
    if requirements.iter().any(|need| need.mode.is_some()) {
        checks.extend(strangers(portal, &requirements).await);
    }
    checks.push(match ours.len() == requirements.len() {
        true => in_step(engine, portal).await,
        false => Check::skipped("in step", "all bots have to be there and ours first"),
    });
    checks.extend(bound::look(engine, portal, &access, owner).await);
    let polled = ours
        .iter()
        .filter(|(_, need)| need.mode == Some(EventMode::Fetch));
    let polled: Vec<(BotId, &str)> = polled.map(|(id, need)| (*id, need.code.as_str())).collect();
    let waiting = polled
        .iter()
        .map(|(id, code)| waiting::look(portal, *id, code, config));
    checks.extend(join_all(waiting).await);
    checks.push(limits(portal, polled.first().map(|(id, _)| *id)).await);
    checks
}

/// Whether a bot is there, is ours, and gets its events as the program expects them; and its number, if it is ours.
async fn bot(portal: &Portal, need: &Requirement, access: &Access) -> (Check, Option<BotId>) {
    let name = format!("bot {}", need.code);
    let Some(mode) = need.mode else {
        return bot_of_the_first(portal, need, &name).await;
    };
    let info = match ask(portal.find_bot(&need.code)).await {
        Ok(Some(info)) => info,
        Ok(None) => return (missing(&name), None),
        Err(problem) => return (problem.of(&name), None),
    };
    let id = info.id;
    // Only the owner is told how its events come (protocol/bots-v2.md 7.1).
    let Some(has) = info.event_mode else {
        return (foreign(&name, id), None);
    };
    let (wanted, way) = match mode {
        EventMode::Fetch => ("fetch", "its events are polled"),
        EventMode::Webhook => ("webhook", "its events are posted to our address"),
    };
    let check = if has != wanted {
        let detail = format!(
            "it is number {id} and ours; its event mode is {has}, and this program needs {wanted}"
        );
        Check::failed(&name, detail, "run `register`, or start the program again")
    } else if mode == EventMode::Webhook && matches!(access, Access::Webhook(_)) {
        // protocol/server-behaviour.md 2.1.
        Check::warning(
            &name,
            format!(
                "it is number {id} and ours; registered by an inbound webhook, and some portals post no events to such a bot"
            ),
            "poll for its events: run without IMBOT_PUBLIC_URL, or with an event mode of fetch in its profile",
        )
    } else {
        Check::ok(&name, format!("it is number {id} and ours; {way}"))
    };
    (check, Some(id))
}

/// `imbot.bot.list` tells our own bots only; those of others are seen by the second generation's methods.
async fn bot_of_the_first(
    portal: &Portal,
    need: &Requirement,
    name: &str,
) -> (Check, Option<BotId>) {
    match ask(portal.find_bot_v1(&need.code)).await {
        Ok(Some(id)) => {
            let detail = format!(
                "it is number {id} and ours, of the first generation; its events are posted to our address"
            );
            (Check::ok(name, detail), Some(id))
        }
        Ok(None) => match ask(portal.find_bot(&need.code)).await {
            Ok(Some(other)) => (foreign(name, other.id), None),
            _ => (missing(name), None),
        },
        Err(problem) => (problem.of(name), None),
    }
}

/// A bot that the program can only be told of at an address, which it does not have.
fn unheard(code: &str) -> Check {
    Check::failed(
        &format!("bot {code}"),
        "its events are posted to an address, as its profile says, and this program has none",
        "set IMBOT_PUBLIC_URL; or let its events be polled, as bots of the second generation can",
    )
}

fn missing(name: &str) -> Check {
    let fix = "run `register`, or start the program: it registers its bots";
    Check::failed(name, "it is not on the portal", fix)
}

fn foreign(name: &str, id: BotId) -> Check {
    let detail = format!(
        "number {id} has this code, and belongs to another application or webhook: we get none of its events"
    );
    let fix = "choose another code in the profile, or remove that bot with what registered it (an earlier webhook or application)";
    Check::failed(name, detail, fix)
}

/// Bots of ours that the program does not have: people may write to them, and nobody answers.
async fn strangers(portal: &Portal, requirements: &[Requirement]) -> Option<Check> {
    const NAME: &str = "other bots";
    let own = match ask(portal.run(imbot_v2::BotList::new())).await {
        Ok(page) => page.bots,
        Err(problem) => return Some(problem.of(NAME)),
    };
    let is_known = |code: &str| requirements.iter().any(|need| need.code == code);
    let strange = own.iter().filter(|bot| !is_known(&bot.code));
    let strange: Vec<String> = strange
        .map(|bot| format!("{} ({})", bot.code, bot.id))
        .collect();
    (!strange.is_empty()).then(|| {
        let detail = format!(
            "ours, and not in this program: {}; nobody answers for them",
            strange.join(", ")
        );
        let fix =
            "remove them with the program that has them (`unregister`), or add them to this one";
        Check::warning(NAME, detail, fix)
    })
}

/// Commands and the events of hooks, compared with the program. Bots are told every time, since they cannot be compared.
async fn in_step(engine: &Engine, portal: &Portal) -> Check {
    const NAME: &str = "in step";
    let steps = match ask(engine.register(portal, Mode::DryRun)).await {
        Ok(steps) => steps,
        Err(problem) => return problem.of(NAME),
    };
    let is_about_a_bot =
        |step: &&Step| matches!(step, Step::RegisterBot { .. } | Step::UpdateBot { .. });
    let left: Vec<String> = steps
        .iter()
        .filter(|step| !is_about_a_bot(step))
        .map(Step::to_string)
        .collect();
    match left.is_empty() {
        true => Check::ok(
            NAME,
            "the commands and the events of hooks are as this program has them",
        ),
        false => {
            let detail = format!("still to do: {}", left.join(", "));
            Check::warning(NAME, detail, "run `register`, or start the program again")
        }
    }
}

/// The running time that the portal counts; where bots poll, of polling.
async fn limits(portal: &Portal, polled: Option<BotId>) -> Check {
    const NAME: &str = "limits";
    let (method, params): (&str, Value) = match polled {
        Some(id) => ("imbot.v2.Event.get", json!({ "botId": id, "limit": 1 })),
        None => ("profile", json!({})),
    };
    match ask(portal.operating(method, &params)).await {
        Ok(seconds) => {
            let detail = format!(
                "{method} has run {seconds:.1} s within ten minutes; refused from about {OPERATING_MAX} s on"
            );
            match seconds < OPERATING_NOTABLE {
                true => Check::ok(NAME, detail),
                false => Check::warning(
                    NAME,
                    detail,
                    "call it less: poll more slowly (--poll-quick, --poll-slow), or end other programs",
                ),
            }
        }
        Err(problem) => problem.fails(NAME),
    }
}
