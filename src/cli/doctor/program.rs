//! Checks the program itself: its store, whether it is running, and its public address.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Inspection;
use super::certificate;
use super::check::{Check, span};
use crate::config::{Config, StoreConfig, StoreConfigError};
use crate::platform;
use crate::portal::{Http, HttpOptions, Probe};
use crate::store::{Clock, OpenError, Sqlite, Status, Store};

/// Waiting time of an event or a call from which on to warn.
const WAIT_WARNING: Duration = Duration::from_secs(5 * 60);

/// Checks the store, as far as that is possible while the program uses it.
pub(super) async fn store(place: &StoreConfig, store: &dyn Store) -> Vec<Check> {
    let status = match store.status().await {
        Ok(status) => status,
        Err(error) => {
            let fix = "run `store status`: for a damaged file it says what to do";
            return vec![Check::failed("store", error.to_string(), fix)];
        }
    };
    let detail = format!(
        "{} opens with its key; portals: {}, bytes: {}",
        place.place(),
        status.portals,
        status.bytes
    );
    let mut checks = vec![Check::ok("store", detail)];
    if let Some(file) = place.file() {
        checks.push(files(&file));
        checks.push(program(Sqlite::is_held(&file)));
    }
    checks.extend([last_event(&status), backlog(&status), dead(&status)]);
    checks
}

/// There is no store, or it cannot be opened. Only an application needs one: its installation is
/// stored there.
pub(super) fn no_store(config: &Config, error: &StoreConfigError) -> Check {
    let is_missing = matches!(error, StoreConfigError::Store(OpenError::Missing { .. }));
    if is_missing && config.client_id.is_none() {
        let why = format!("{error}; inbound webhooks do not need one");
        return Check::skipped("store", why);
    }
    Check::failed(
        "store",
        error.to_string(),
        "solve this first: without a store, no installation is known and no event can be stored",
    )
}

/// No portal is known.
pub(super) fn no_portals() -> Check {
    Check::failed(
        "portals",
        "no portal is known: the application is not installed, and no inbound webhook is configured",
        "start the program and install the application on a portal, or set IMBOT_PORTAL",
    )
}

/// Checks who can read the store. A key file that other users can read, or a store that everybody
/// can read, is not opened in the first place.
fn files(store: &Path) -> Check {
    const NAME: &str = "files";
    let mode = match fs::metadata(store) {
        Ok(metadata) => platform::mode(&metadata),
        Err(error) => {
            return Check::unknown(NAME, error.to_string(), "check that the store exists");
        }
    };
    if mode & platform::OTHERS == 0 {
        return Check::ok(NAME, "only their owner can read the store and its key");
    }
    Check::warning(
        NAME,
        format!(
            "other users can read the store (mode {mode:03o}), and it contains what people wrote"
        ),
        format!("run `chmod 600 {}`", store.display()),
    )
}

fn program(is_held: bool) -> Check {
    if is_held {
        return Check::ok("program", "it is running: a process uses this store");
    }
    Check::failed(
        "program",
        "no process uses this store, so no events are received",
        "start it with `run`; if it is running, name its store with --store",
    )
}

fn last_event(status: &Status) -> Check {
    match status.last_event {
        Some(at) => {
            let ago = span(Clock::default().now().since(at));
            Check::ok("last event", format!("it arrived at {at}, {ago} ago"))
        }
        None => Check::unknown(
            "last event",
            "none has arrived in this store yet",
            "write something to a bot, then run `doctor` again",
        ),
    }
}

fn backlog(status: &Status) -> Check {
    let Status {
        events,
        calls,
        spooled,
        ..
    } = status;
    let now = Clock::default().now();
    let oldest = [status.oldest_event, status.oldest_call];
    let oldest = oldest.into_iter().flatten().min().map(|at| now.since(at));
    let since = oldest.map_or(String::new(), |oldest| {
        format!(", the oldest for {}", span(oldest))
    });
    let detail = format!("{events} events and {calls} calls are waiting{since}");
    if *spooled > 0 {
        let detail =
            format!("{detail}; {spooled} deliveries are in the spool: the store cannot write");
        return Check::failed("backlog", detail, "free space on the store's disk");
    }
    match oldest {
        Some(oldest) if oldest > WAIT_WARNING => Check::warning(
            "backlog",
            detail,
            "find out from the program's log what fails, and from `dead list` which chats wait for you",
        ),
        _ => Check::ok("backlog", detail),
    }
}

fn dead(status: &Status) -> Check {
    match status.dead {
        0 => Check::ok("dead letters", "none"),
        dead => Check::warning(
            "dead letters",
            format!("{dead} events or calls failed permanently"),
            "`dead list` shows why; `dead retry` runs them again, `dead drop` removes them",
        ),
    }
}

/// Checks the address where portals post events, and its certificate.
pub(super) async fn address(inspection: &Inspection<'_>) -> Vec<Check> {
    let Inspection { engine, config, .. } = inspection;
    let is_needed = engine.requirements().iter().any(|need| need.is_posted_to());
    let url = match engine.handler_url() {
        Some(url) if is_needed || config.client_id.is_some() => url,
        _ => {
            let why = "the bots poll for their events, so they need no address";
            return vec![Check::skipped("address", why)];
        }
    };
    let health = format!("{}/health", url.trim_end_matches('/'));
    match inspection.ask(engine.http().probe("health", &health)).await {
        Ok(probe) => {
            vec![answered(&health, config, &probe), certificate(url, &probe)]
        }
        Err(problem) => vec![problem.into_unreachable("address", &health)],
    }
}

fn answered(health: &str, config: &Config, probe: &Probe) -> Check {
    let status = probe.status;
    let word = probe.word.as_deref();
    if status == 200 && word == Some("ok") {
        let detail = format!(
            "{health} answers in {} when called from this machine; whether the portal's servers can reach it is unknown",
            span(probe.took)
        );
        return Check::ok("address", detail);
    }
    if let Some(state @ ("stopping" | "failing")) = word {
        let detail = format!("{health} answers that the program is {state}");
        let fix = "if it does not pass, find the cause in the program's log, and restart it";
        return Check::failed("address", detail, fix);
    }
    let detail = match &probe.moved_to {
        Some(host) => format!("{health} redirects to {host} ({status})"),
        None => format!("{health} is answered with status {status}, but not by this program"),
    };
    let fix = format!(
        "make the reverse proxy pass this address on to {}, without a login or a redirect",
        config.listen
    );
    Check::failed("address", detail, fix)
}

/// Reports events that the running program has refused, which it counts at the operator's address.
/// `None` if it has refused none, or there is no such address.
pub(super) async fn refused_events(inspection: &Inspection<'_>) -> Option<Check> {
    const NAME: &str = "refused events";
    let admin = inspection.config.admin?;
    let options = HttpOptions {
        local: vec![admin.to_string()],
        ..HttpOptions::default()
    };
    let address = format!("http://{admin}/health");
    let http = Http::with_options(options).ok()?;
    let probe = match inspection.ask(http.probe("admin", &address)).await {
        Ok(probe) => probe,
        Err(problem) => return Some(problem.into_unreachable(NAME, &address)),
    };
    let counts = &probe.json.as_ref()?["since_start"];
    let count = |name: &str| counts[name].as_u64().unwrap_or_default();
    let (unproven, unstored) = (count("unproven"), count("refused"));
    if unproven + unstored == 0 {
        return None;
    }
    let detail = format!(
        "since the start of the program: {unproven} were not proven to be from a portal of this program, {unstored} could not be stored; a portal does not send them again"
    );
    let fix = "the log has their reasons; if real events are among the unproven ones, as after an older store was restored, press *Reinstall* on the application, or check IMBOT_HOOK_TOKEN";
    Some(Check::warning(NAME, detail, fix))
}

fn certificate(url: &str, probe: &Probe) -> Check {
    const RENEW: &str = "renew it, and find out why it is not renewed automatically: when it expires, no events arrive";
    if url.starts_with("https://") {
        return certificate::certificate(probe.validity, RENEW);
    }
    // Handlers must be https (protocol/events.md 2), and self-signed certificates are not accepted
    // (protocol/events.md 1).
    Check::warning(
        "certificate",
        "the address is plain http, which a portal in the cloud does not accept",
        "put a reverse proxy with a certificate in front, and set its https address as IMBOT_PUBLIC_URL",
    )
}
