//! The flood limit: how much of one person the bots handle in a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Middleware, Next, Turn, TurnKind};
use crate::event::{BotId, MemberId, UserId};
use crate::handler::{Language, Phrase, Result};
use crate::store::{EventId, Time};

/// Maximum number of people that a [`RateLimit`] counts at once. One more, and the one whose window
/// began first is forgotten.
pub const RATE_LIMIT_USERS_MAX: usize = 10_000;

/// A flood limit: [`Middleware`] that limits what one person has a bot do.
///
/// A window of time begins with the first thing a person does. What they do beyond the limit in
/// that window does not reach the bot: the first message or command of it is answered, in the
/// portal's language, that they should wait, and the rest is ignored and counted
/// ([`Counts::without_bot`](crate::engine::Counts::without_bot)).
///
/// Messages, edits, commands, reactions and links to the chat are limited. Reminders, sessions and
/// what the program asks for are not, and the bot always hears of chats that it is added to and of
/// deleted messages. A button that works once is not limited either: it could not be pressed again.
/// A person has a limit for each bot of each portal, in all chats together.
/// Retries count once. The counts are in memory: a restart, and another process on the store,
/// begin anew.
///
/// ```
/// use std::time::Duration;
///
/// use imbot::handler::RateLimit;
/// use imbot::prelude::*;
///
/// # struct Shop; impl Bot for Shop {}
/// let limit = RateLimit::per_user(10, Duration::from_secs(60));
/// let app = App::new().middleware(limit).bot(Shop);
/// # let _ = app;
/// ```
pub struct RateLimit {
    limit: u32,
    window: Duration,
    users_max: usize,
    windows: Mutex<HashMap<Key, Window>>,
}

/// A person, as a bot of a portal knows them.
type Key = (MemberId, BotId, UserId);

/// What a person has done in a window of time.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Time,
    count: u32,
    /// Whether the person knows that they are over the limit.
    was_told: bool,
    /// The last event, and what was decided: a test may run each turn twice.
    last: (EventId, Action),
}

/// What happens to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Pass,
    Answer,
    Ignore,
}

impl RateLimit {
    /// Lets each person have a bot do this much in a window of this length.
    pub fn per_user(limit: u32, window: Duration) -> Self {
        Self {
            limit,
            window,
            users_max: RATE_LIMIT_USERS_MAX,
            windows: Mutex::default(),
        }
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an event of a person, and decides what happens to it.
    fn count(&self, key: Key, event: EventId, now: Time, is_answered: bool) -> Action {
        let mut windows = self.windows();
        if windows.len() >= self.users_max && !windows.contains_key(&key) {
            self.make_room(&mut windows, now);
        }
        let new = Window {
            began: now,
            count: 0,
            was_told: false,
            last: (event, Action::Pass),
        };
        let window = match windows.entry(key) {
            Entry::Occupied(entry) if self.is_over(entry.get(), now) => {
                let window = entry.into_mut();
                *window = new;
                window
            }
            Entry::Occupied(entry) if entry.get().last.0 == event => return entry.get().last.1,
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(new),
        };
        let action = if window.count < self.limit {
            window.count += 1;
            Action::Pass
        } else if is_answered && !window.was_told {
            window.was_told = true;
            Action::Answer
        } else {
            Action::Ignore
        };
        window.last = (event, action);
        action
    }

    /// Whether a window has ended. One that begins in the future is from before the clock was set.
    fn is_over(&self, window: &Window, now: Time) -> bool {
        now < window.began || now.since(window.began) >= self.window
    }

    /// Forgets the windows that have ended, or else the one that began first.
    fn make_room(&self, windows: &mut HashMap<Key, Window>, now: Time) {
        windows.retain(|_, window| !self.is_over(window, now));
        if windows.len() < self.users_max {
            return;
        }
        let first = windows.iter().min_by_key(|(_, window)| window.began);
        if let Some(key) = first.map(|(key, _)| key.clone()) {
            windows.remove(&key);
        }
    }
}

impl Middleware for RateLimit {
    async fn handle(&self, turn: &mut Turn<'_>, next: Next<'_>) -> Result {
        let kind = turn.kind();
        let is_counted = is_limited(kind) && !turn.is_single_use && turn.attempt() == 1;
        let Some(person) = turn.sender().filter(|_| is_counted) else {
            return next.run(turn).await;
        };
        let context = turn.context();
        let key = (context.portal.id().clone(), context.bot.id, person);
        let waits_for_answer = matches!(kind, TurnKind::Message | TurnKind::Command);
        match self.count(key, context.id, context.now, waits_for_answer) {
            Action::Pass => next.run(turn).await,
            Action::Answer => {
                let language = Language::of(turn.language());
                turn.say(Phrase::TooMany.text(language));
                Ok(())
            }
            Action::Ignore => {
                tracing::debug!(conversation = %context.conversation, user = %person, "over the flood limit");
                Ok(())
            }
        }
    }
}

fn is_limited(kind: TurnKind) -> bool {
    match kind {
        TurnKind::Message | TurnKind::Edited | TurnKind::Command => true,
        TurnKind::Opened | TurnKind::Reaction => true,
        TurnKind::Join | TurnKind::Deleted => false,
        TurnKind::Reminder | TurnKind::Session | TurnKind::Say => false,
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("limit", &self.limit)
            .field("window", &self.window)
            .field("users", &self.windows().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::handler::middleware::rate_limit::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn key(user: u64) -> Key {
        (MemberId::new("m"), BotId(1), UserId(user))
    }

    /// A limit, and the number of the last event.
    struct Counted(RateLimit, u64);

    impl Counted {
        fn does(&mut self, user: u64, seconds: u64, is_answered: bool) -> Action {
            self.1 += 1;
            let at = Time(0) + Duration::from_secs(seconds);
            self.0.count(key(user), EventId(self.1), at, is_answered)
        }
    }

    #[test]
    fn a_window_passes_its_limit_answers_once_and_ignores_the_rest() {
        let mut limit = Counted(RateLimit::per_user(2, MINUTE), 0);
        assert_eq!(limit.does(7, 100, true), Action::Pass);
        assert_eq!(limit.does(7, 110, true), Action::Pass);
        let reaction = limit.does(7, 111, false);
        assert_eq!(reaction, Action::Ignore, "it waits for no answer");
        assert_eq!(limit.does(7, 112, true), Action::Answer);
        assert_eq!(limit.does(7, 159, true), Action::Ignore);
        assert_eq!(limit.does(8, 159, true), Action::Pass, "another person");
        assert_eq!(limit.does(7, 160, true), Action::Pass, "the next window");
        assert_eq!(limit.does(7, 160, true), Action::Pass);
        assert_eq!(limit.does(7, 160, true), Action::Answer);
        assert_eq!(limit.does(7, 50, true), Action::Pass, "the clock was set");
    }

    #[test]
    fn an_event_that_is_run_again_counts_once() {
        let limit = RateLimit::per_user(1, MINUTE);
        for _ in 0..3 {
            let action = limit.count(key(7), EventId(1), Time(5), true);
            assert_eq!(action, Action::Pass);
        }
        for _ in 0..3 {
            let action = limit.count(key(7), EventId(2), Time(6), true);
            assert_eq!(action, Action::Answer);
        }
    }

    #[test]
    fn only_so_many_people_are_counted() {
        let limit = RateLimit {
            users_max: 2,
            ..RateLimit::per_user(1, MINUTE)
        };
        let mut limit = Counted(limit, 0);
        for user in 1..=3 {
            assert_eq!(limit.does(user, user, true), Action::Pass);
        }
        assert_eq!(limit.0.windows().len(), 2);
        assert_eq!(limit.does(3, 3, true), Action::Answer);
        assert_eq!(limit.does(1, 4, true), Action::Pass, "was forgotten");
        assert_eq!(limit.0.windows().len(), 2);
        assert_eq!(limit.does(2, 500, true), Action::Pass);
        assert_eq!(limit.0.windows().len(), 1, "the others have ended");
    }
}
