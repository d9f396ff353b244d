//! The events that wait on a portal for a bot that polls, and who takes them.

use std::time::Duration;

use super::check::Check;
use super::problem::ask;
use crate::config::Config;
use crate::event::BotId;
use crate::portal::Portal;
use crate::store::Sqlite;

/// What a poll takes, beside the pauses between polls.
const POLL: Duration = Duration::from_secs(1);
/// How often one looks again: at a portal whose limit is reached a program polls more slowly than it would.
const LOOKS: usize = 3;

/// What became of the oldest event that waited at a first look.
#[derive(Clone, Copy)]
enum Fate {
    Left,
    Taken,
}

/// Looks again, so much later that a program that polls has confirmed what it had. Reading without an offset confirms
/// nothing (protocol/server-behaviour.md 4.1).
pub(super) async fn look(portal: &Portal, id: BotId, code: &str, config: &Config) -> Check {
    let name = format!("events of {code}");
    let before = match ask(portal.events(id, None)).await {
        Ok(page) => page.events,
        Err(problem) => return problem.of(&name),
    };
    let Some(oldest) = before.first() else {
        return Check::ok(&name, "none wait on the portal");
    };
    let (mut fate, mut count) = (Fate::Left, before.len());
    for _ in 0..LOOKS {
        tokio::time::sleep(config.poll_slow() + config.poll_quick() + POLL).await;
        let after = match ask(portal.events(id, None)).await {
            Ok(page) => page.events,
            Err(problem) => return problem.of(&name),
        };
        count = after.len();
        if after.iter().all(|event| event.event_id != oldest.event_id) {
            fate = Fate::Taken;
            break;
        }
    }
    let store = config.store.file();
    let is_ours_away = store.exists() && !Sqlite::is_held(store);
    let since = oldest.date.as_deref().unwrap_or("an unknown time");
    taken(&name, fate, is_ours_away, count, since)
}

fn taken(name: &str, fate: Fate, is_ours_away: bool, count: usize, since: &str) -> Check {
    match (fate, is_ours_away) {
        (Fate::Left, _) => Check::failed(
            name,
            format!("{count} wait on the portal, the oldest since {since}, and nobody takes them"),
            "start the program, or see in its log why it does not poll; the portal keeps them for a day",
        ),
        (Fate::Taken, true) => Check::failed(
            name,
            "they are taken, and not by the program with this store: another one polls for the same bot",
            "end that program; or give this one a webhook of its own, and its bot another code",
        ),
        (Fate::Taken, false) => Check::ok(name, "they are taken as they come"),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::check::CheckStatus;
    use crate::cli::doctor::waiting::*;

    #[test]
    fn events_that_are_taken_while_our_program_is_away_are_taken_by_another() {
        let status = |fate, is_ours_away| taken("a", fate, is_ours_away, 1, "now").status;
        assert_eq!(status(Fate::Taken, false), CheckStatus::Ok);
        assert_eq!(status(Fate::Taken, true), CheckStatus::Failed);
        assert_eq!(status(Fate::Left, false), CheckStatus::Failed);
        assert_eq!(status(Fate::Left, true), CheckStatus::Failed);
    }
}
