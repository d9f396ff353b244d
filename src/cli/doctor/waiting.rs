//! Checks the events that wait on a portal for a bot that polls, and which program polls them.

use std::time::Duration;

use super::Inspection;
use super::check::Check;
use crate::event::BotId;
use crate::portal::Portal;
use crate::store::Sqlite;

/// Time for a poll itself, in addition to the pauses between polls.
const POLL: Duration = Duration::from_secs(1);
/// Maximum number of further looks. A program polls more slowly while a portal's limit is reached.
const LOOKS_MAX: usize = 3;

/// The state of the oldest event that was waiting at the first look.
#[derive(Clone, Debug, Copy)]
enum Oldest {
    Waiting,
    Confirmed,
}

/// Looks at the waiting events, and again after the time in which a program that polls confirms
/// them. Reading without an offset confirms nothing (protocol/server-behaviour.md 4.1).
pub(super) async fn check(
    inspection: &Inspection<'_>,
    portal: &Portal,
    id: BotId,
    code: &str,
) -> Check {
    let config = inspection.config;
    let name = format!("events of {code}");
    let before = match inspection.ask(portal.events(id, None)).await {
        Ok(page) => page.events,
        Err(problem) => return problem.into_check(&name),
    };
    let Some(first) = before.first() else {
        return Check::ok(&name, "none are waiting on the portal");
    };
    let (mut oldest, mut count) = (Oldest::Waiting, before.len());
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(config.poll_slow() + config.poll_quick() + POLL).await;
        let after = match inspection.ask(portal.events(id, None)).await {
            Ok(page) => page.events,
            Err(problem) => return problem.into_check(&name),
        };
        count = after.len();
        if after.iter().all(|event| event.event_id != first.event_id) {
            oldest = Oldest::Confirmed;
            break;
        }
    }
    let store = config.store.file();
    let is_stopped = store.is_some_and(|file| file.exists() && !Sqlite::is_held(file));
    let since = first.date.as_deref().unwrap_or("an unknown time");
    waiting(&name, oldest, is_stopped, count, since)
}

/// Returns the check. `is_stopped`: no process is running on this program's store.
fn waiting(name: &str, oldest: Oldest, is_stopped: bool, count: usize, since: &str) -> Check {
    match (oldest, is_stopped) {
        (Oldest::Waiting, _) => Check::failed(
            name,
            format!(
                "{count} are waiting on the portal, the oldest since {since}, and no program polls them"
            ),
            "start the program, or find out from its log why it does not poll; the portal keeps them for a day",
        ),
        (Oldest::Confirmed, true) => Check::failed(
            name,
            "another program polls for this bot, not the one with this store",
            "stop that program; or use another webhook for this one, and another code for its bot",
        ),
        (Oldest::Confirmed, false) => Check::ok(name, "they are polled as they arrive"),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::check::CheckStatus;
    use crate::cli::doctor::waiting::*;

    #[test]
    fn events_confirmed_while_this_program_is_stopped_are_polled_by_another_program() {
        let status = |oldest, is_stopped| waiting("a", oldest, is_stopped, 1, "now").status;
        assert_eq!(status(Oldest::Confirmed, false), CheckStatus::Ok);
        assert_eq!(status(Oldest::Confirmed, true), CheckStatus::Failed);
        assert_eq!(status(Oldest::Waiting, false), CheckStatus::Failed);
        assert_eq!(status(Oldest::Waiting, true), CheckStatus::Failed);
    }
}
