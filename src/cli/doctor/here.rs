//! What concerns the program itself: its store, whether it runs, and its address as the world sees it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::certificate;
use super::check::{Check, span};
use super::problem::ask;
use crate::config::{Config, StoreConfig, StoreConfigError};
use crate::engine::Engine;
use crate::platform;
use crate::portal::Probe;
use crate::store::{Clock, OpenError, Operator, Sqlite, Status};

/// How long an event may wait before that is told.
const WAIT_NOTABLE: Duration = Duration::from_secs(5 * 60);

/// The store, as far as it can be looked at beside the program that has it.
pub(super) async fn store(place: &StoreConfig, store: &Sqlite) -> Vec<Check> {
    let file = place.file();
    let status = match store.status().await {
        Ok(status) => status,
        Err(error) => {
            let fix = "see `store status`; a damaged file is told there with what to do";
            return vec![Check::failed("store", error.to_string(), fix)];
        }
    };
    let detail = format!(
        "{} opens with its key; portals: {}, bytes: {}",
        file.display(),
        status.portals,
        status.bytes
    );
    vec![
        Check::ok("store", detail),
        files(&file),
        program(Sqlite::is_held(&file)),
        last_event(&status),
        backlog(&status),
        dead(&status),
    ]
}

/// There is no store to look at, or none that opens. An application is installed in a store only.
pub(super) fn no_store(config: &Config, error: &StoreConfigError) -> Check {
    let is_missing = matches!(error, StoreConfigError::Store(OpenError::Missing { .. }));
    match is_missing && config.client_id.is_none() {
        true => Check::skipped("store", format!("{error}; inbound webhooks need none")),
        false => Check::failed(
            "store",
            error.to_string(),
            "as it says; without a store no installation is known, and no event can be written down",
        ),
    }
}

/// No portal is known.
pub(super) fn no_portals() -> Check {
    Check::failed(
        "portals",
        "none is known: the application is not installed on any, and no inbound webhook is given",
        "start the program and install the application on a portal, or set IMBOT_PORTAL",
    )
}

/// Who may read the store. A key file that others may read, or a store that everybody may, has not been opened.
fn files(store: &Path) -> Check {
    const NAME: &str = "files";
    let mode = match fs::metadata(store) {
        Ok(metadata) => platform::mode(&metadata),
        Err(error) => {
            return Check::unknown(NAME, error.to_string(), "see whether the store is there");
        }
    };
    match mode & platform::OTHERS {
        0 => Check::ok(NAME, "only their owner may read the store and its key"),
        _ => Check::warning(
            NAME,
            format!(
                "others than its owner may read the store (mode {mode:03o}), and people's words are in it"
            ),
            format!("run `chmod 600 {}`", store.display()),
        ),
    }
}

fn program(is_held: bool) -> Check {
    match is_held {
        true => Check::ok("program", "it runs: a process has the store"),
        false => Check::failed(
            "program",
            "no process works with this store, so nobody takes events in",
            "start it with `run`; if it runs, name the store that it runs with (--store)",
        ),
    }
}

fn last_event(status: &Status) -> Check {
    match status.last_event {
        Some(at) => {
            let ago = span(Clock::default().now().since(at));
            Check::ok("last event", format!("it came at {at}, {ago} ago"))
        }
        None => Check::unknown(
            "last event",
            "none has come into this store yet",
            "write something to a bot, and look here again",
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
    let detail = format!("{events} events and {calls} calls wait{since}");
    if *spooled > 0 {
        let detail =
            format!("{detail}; {spooled} deliveries lie in the spool, the store cannot write");
        return Check::failed("backlog", detail, "make room on the store's disk");
    }
    match oldest {
        Some(oldest) if oldest > WAIT_NOTABLE => Check::warning(
            "backlog",
            detail,
            "see in the program's log what fails, and `dead list` for chats that wait for you",
        ),
        _ => Check::ok("backlog", detail),
    }
}

fn dead(status: &Status) -> Check {
    match status.dead {
        0 => Check::ok("dead letters", "there are none"),
        dead => Check::warning(
            "dead letters",
            format!("{dead} events or calls were given up"),
            "`dead list` tells why; `dead retry` runs them again, `dead drop` forgets them",
        ),
    }
}

/// Our address and its certificate, where portals post events.
pub(super) async fn address(engine: &Engine, config: &Config) -> Vec<Check> {
    let is_needed = engine.requirements().iter().any(|need| need.is_posted_to());
    let url = match engine.handler_url() {
        Some(url) if is_needed || config.client_id.is_some() => url,
        _ => {
            let why = "the bots poll for their events: they need no address";
            return vec![Check::skipped("address", why)];
        }
    };
    let health = format!("{}/health", url.trim_end_matches('/'));
    match ask(engine.http().probe("health", &health)).await {
        Ok(probe) => vec![answered(&health, config, &probe), certificate(url, &probe)],
        Err(problem) => vec![problem.fails_to_reach("address", &health)],
    }
}

fn answered(health: &str, config: &Config, probe: &Probe) -> Check {
    let status = probe.status;
    let answer = probe.json.as_ref();
    if status == 200 && answer.is_some_and(|answer| answer["status"] == "ok") {
        let detail = format!(
            "{health} answers in {}, asked from here; whether the portal's servers reach it, only they know",
            span(probe.took)
        );
        return Check::ok("address", detail);
    }
    let detail = match &probe.moved_to {
        Some(host) => format!("{health} sends callers to {host} ({status})"),
        None => format!("{health} is answered with a status of {status}, and not by this program"),
    };
    let fix = format!(
        "let the reverse proxy pass this address on to {}, without a login or a redirect",
        config.listen
    );
    Check::failed("address", detail, fix)
}

fn certificate(url: &str, probe: &Probe) -> Check {
    const RENEW: &str = "renew it, and see why the program that is to renew it does not: when it ends, no event comes";
    match url.starts_with("https://") {
        true => certificate::certificate(probe.validity, RENEW),
        // protocol/events.md 2: handlers have to be https; self-signed certificates are not taken
        // (protocol/events.md 1).
        false => Check::warning(
            "certificate",
            "the address is plain http, which a portal in the cloud does not take",
            "put a reverse proxy with a certificate in front, and give its https address as IMBOT_PUBLIC_URL",
        ),
    }
}
