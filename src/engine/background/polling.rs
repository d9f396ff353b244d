//! Polling: asking for the events of bots that have no public address.
//!
//! The portal keeps events until they are confirmed, at most for a day. Asking for what comes
//! behind an event confirms it (protocol/bots-v2.md 3). So an event is confirmed only after it is
//! stored. What a dead process had stored and not confirmed comes again and is dropped as a repeat.
//! Nothing is lost from end to end.
//!
//! Only programs on one store can poll for one bot; others are found by
//! [`rivals`](super::rivals).
//!
//! While people talk to a bot it is polled every second, otherwise every five seconds. The page
//! recommends 5 to 30 seconds without events, and two seconds while more events wait
//! (protocol/bots-v2.md 3); people in a conversation expect an answer sooner. A portal allows two
//! calls a second, and answers need them too: so a portal is polled for one of its bots a second,
//! in turns.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::rivals::RivalCheck;
use crate::engine::retry::pause;
use crate::engine::{APPLICATION_REMOVED, AcceptError, Engine};
use crate::event::{BotId, BotRef, MemberId, Page};
use crate::portal::{Error, Portal};
use crate::store::{StoreError, StoreErrorKind};

/// Interval of polls while people talk to a bot, shorter than recommended.
///
/// While more events wait, it is doubled to the recommended two seconds. Default of
/// [`Options::poll_quick`](crate::engine::Options::poll_quick).
pub const POLL_QUICK: Duration = Duration::from_secs(1);
/// Interval of polls otherwise, the shortest that is recommended. Default of
/// [`Options::poll_slow`](crate::engine::Options::poll_slow).
pub const POLL_SLOW: Duration = Duration::from_secs(5);
/// Time after an event during which a bot is polled at the quick interval.
pub const ACTIVE_TIME: Duration = Duration::from_secs(60);

/// Pause between two log lines about the same rival program.
const RIVAL_LOG_PAUSE: Duration = Duration::from_secs(10 * 60);

/// Longest pause while a portal cannot be reached.
pub(in crate::engine) const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The bots that are polled for, and when their portals may be polled next.
#[derive(Debug, Default)]
pub(in crate::engine) struct Polling {
    /// The code of each bot that has a running task: one that is set up again must not be polled
    /// twice.
    bots: DashMap<(MemberId, BotId), String>,
    /// When each portal may be polled next. The lock makes its bots take turns, first come, first
    /// served.
    next_polls: DashMap<MemberId, Arc<Mutex<Option<Instant>>>>,
}

impl Polling {
    /// Adds a bot. Returns false if it is polled already.
    fn begin(&self, portal: &MemberId, bot: &BotRef) -> bool {
        let key = (portal.clone(), bot.id);
        self.bots.insert(key, bot.code.clone()).is_none()
    }

    /// Removes a bot, so that it can be added again.
    fn end(&self, portal: &MemberId, bot: &BotRef) {
        self.bots.remove(&(portal.clone(), bot.id));
    }

    /// Waits until the portal may be polled for one more of its bots; the next one waits for
    /// `interval`.
    async fn wait_for(&self, portal: &MemberId, interval: Duration) {
        let next = Arc::clone(&*self.next_polls.entry(portal.clone()).or_default());
        let mut next = next.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        *next = Some(Instant::now() + interval);
    }
}

/// The state of polling for one bot.
struct Poll {
    portal: Portal,
    bot: BotRef,
    offset: Option<u64>,
    /// Failures since the last answer.
    failures: u32,
    last_event: Instant,
    rivals: RivalCheck,
    /// When a rival program was logged last.
    rival_logged: Option<Instant>,
}

/// Where people find a bot that is polled for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ChatLink {
    /// The bot's code.
    pub bot: String,
    /// The page of the portal that opens the bot's chat.
    pub address: String,
}

impl Engine {
    /// Returns the bots that are polled for, sorted by their codes.
    pub fn polled(&self) -> Vec<ChatLink> {
        let mut links: Vec<ChatLink> = self
            .polling
            .bots
            .iter()
            .filter_map(|entry| {
                let (portal, bot) = entry.key();
                let endpoint = self.portal(portal)?.endpoint().to_owned();
                let host = endpoint.trim_end_matches("/rest/");
                Some(ChatLink {
                    bot: entry.value().clone(),
                    address: format!("{host}/online/?IM_DIALOG={bot}"),
                })
            })
            .collect();
        links.sort();
        links
    }

    /// Polls for a bot until the program stops, or the bot or the application is removed from the
    /// portal. Calling it again for the same bot has no effect.
    pub(in crate::engine) fn start_polling(self: &Arc<Self>, portal: &Portal, bot: BotRef) {
        if !self.polling.begin(portal.id(), &bot) {
            return;
        }
        tracing::info!(portal = %portal.id(), bot = bot.code, "polling for events");
        let mut poll = Poll {
            portal: portal.clone(),
            bot,
            offset: None,
            failures: 0,
            last_event: Instant::now(),
            rivals: RivalCheck::new(),
            rival_logged: None,
        };
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(self.watch.watch("polling", async move {
            while let Some(engine) = weak.upgrade() {
                let Some(pause) = engine.poll(&mut poll).await else {
                    engine.polling.end(poll.portal.id(), &poll.bot);
                    return;
                };
                drop(engine); // an engine that nobody else holds may be dropped during the sleep
                let wait = wait_for_portal(&poll.portal, pause);
                stopped.run_until_cancelled(wait).await;
            }
        }));
    }

    /// Polls once. Returns the time until the next poll; `None` if polling ends.
    async fn poll(self: &Arc<Self>, poll: &mut Poll) -> Option<Duration> {
        if !self.works_on(poll.portal.id()) {
            tracing::info!(portal = %poll.portal.id(), bot = poll.bot.code, "another process polls for events");
            return None;
        }
        let answer = async {
            let interval = self.options.poll_quick;
            self.polling.wait_for(poll.portal.id(), interval).await;
            let portal = poll.portal.in_bulk(); // answers go first
            portal.events(poll.bot.id, poll.offset).await
        };
        match self.stopped.run_until_cancelled(answer).await? {
            Ok(page) => {
                if poll.failures > 0 {
                    tracing::info!(portal = %poll.portal.id(), bot = poll.bot.code, "events are polled again");
                }
                poll.failures = 0;
                if !page.events.is_empty() {
                    poll.last_event = Instant::now();
                }
                let ids: Vec<u64> = page.events.iter().filter_map(|it| it.event_id).collect();
                let has_more = page.has_more;
                if let Some(gone) = poll.rivals.on_page(&ids, has_more) {
                    self.report_rival(poll, gone).await;
                }
                let (next, stored) = self
                    .admit_page(&poll.portal, &poll.bot, poll.offset, page)
                    .await;
                if let Err(error) = stored {
                    tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, %error, "a polled event cannot be stored; it stays on the portal");
                }
                if poll.rivals.may_confirm() {
                    self.note_confirmed(poll, next).await;
                    poll.offset = next;
                }
                let (quick, slow) = (self.options.poll_quick, self.options.poll_slow);
                Some(interval(quick, slow, has_more, poll.last_event.elapsed()))
            }
            Err(error) if self.is_over(poll, &error) => None,
            Err(error) => {
                poll.failures += 1;
                let wait = pause(poll.bot.id.0, poll.failures).min(PAUSE_MAX);
                // Logs the first failure and the recovery only.
                if poll.failures == 1 {
                    tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, %error, "events cannot be polled; retrying");
                } else {
                    tracing::debug!(portal = %poll.portal.id(), bot = poll.bot.code, failures = poll.failures, %error, ?wait, "events cannot be polled");
                }
                Some(wait)
            }
        }
    }

    /// Counts and logs another program that polls for the bot: an event is gone that no process on
    /// this store has confirmed.
    async fn report_rival(&self, poll: &mut Poll, gone: u64) {
        let (store, bot) = (&self.options.store, &poll.bot);
        match store.note(poll.portal.id(), &confirmed_note(bot.id)).await {
            Ok(confirmed) => {
                let confirmed = confirmed.and_then(|note| note.parse::<u64>().ok());
                if confirmed.is_some_and(|offset| offset > gone) {
                    return; // another process on this store polls, too
                }
            }
            Err(error) => {
                tracing::warn!(portal = %poll.portal.id(), bot = bot.code, %error, "it cannot be found out who polls for this bot");
                return;
            }
        }
        self.counts.competing_polls.add();
        if poll
            .rival_logged
            .is_none_or(|at| at.elapsed() >= RIVAL_LOG_PAUSE)
        {
            poll.rival_logged = Some(Instant::now());
            tracing::error!(portal = %poll.portal.id(), bot = bot.code, "ANOTHER PROGRAM POLLS FOR THIS BOT, with a store of its own: people get double answers, and each program misses some events; stop one of the two");
        }
    }

    /// Notes that events are confirmed, for the other processes on this store.
    async fn note_confirmed(&self, poll: &Poll, offset: Option<u64>) {
        let Some(offset) = offset.filter(|_| offset != poll.offset) else {
            return;
        };
        let (name, note) = (confirmed_note(poll.bot.id), offset.to_string());
        let noted = self.options.store.set_note(poll.portal.id(), &name, note);
        if let Err(error) = noted.await {
            tracing::warn!(portal = %poll.portal.id(), bot = poll.bot.code, %error, "the confirmed events cannot be noted; another process on this store may be reported as a rival");
        }
    }

    /// Stores a page. Returns where the next one starts: behind it, or at the first event that
    /// could not be stored, and why not.
    pub(in crate::engine) async fn admit_page(
        self: &Arc<Self>,
        portal: &Portal,
        bot: &BotRef,
        offset: Option<u64>,
        page: Page,
    ) -> (Option<u64>, Result<(), StoreError>) {
        for error in page.broken {
            tracing::error!(portal = %portal.id(), bot = bot.code, %error, "a polled event cannot be read and is skipped");
        }
        for delivery in &page.events {
            let id = delivery.event_id;
            let with_bot = delivery.for_polled_bot(bot);
            let delivery = with_bot.as_ref().unwrap_or(delivery); // becomes a dead letter then
            if let Err(error) = self.admit(portal.id().clone(), delivery).await {
                let error = match error {
                    AcceptError::Store(error) => error,
                    other => StoreError::new(StoreErrorKind::Other, other),
                };
                return (id.or(offset), Err(error));
            }
        }
        // An offset never goes back. For a queue that never held an event the portal returns 0.
        let next = Some(page.next_offset).filter(|next| *next > 0);
        (next.max(offset), Ok(()))
    }

    /// Returns true, and logs why, if nothing is left to poll for.
    fn is_over(&self, poll: &Poll, error: &Error) -> bool {
        let why = if self.portal(poll.portal.id()).is_none() {
            APPLICATION_REMOVED
        } else if error.is("BOT_NOT_FOUND") {
            "the bot is not on the portal any more; start again to register it"
        } else {
            return false;
        };
        tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, why, "events are not polled any more");
        true
    }
}

/// Waits before the next call in the background: for this pause, or while the portal is away until
/// a call is worth trying.
pub(in crate::engine) async fn wait_for_portal(portal: &Portal, pause: Duration) {
    if portal.is_away() {
        portal.until_worth_trying().await;
    } else {
        sleep(pause).await;
    }
}

/// Returns the time until the next poll, `idle` after the last event.
fn interval(quick: Duration, slow: Duration, has_more: bool, idle: Duration) -> Duration {
    if has_more {
        2 * quick
    } else if idle < ACTIVE_TIME {
        quick
    } else {
        slow
    }
}

/// Returns the name of the note about a bot's confirmed events.
pub(in crate::engine) fn confirmed_note(bot: BotId) -> String {
    format!("confirmed {bot}")
}

#[cfg(test)]
mod tests {
    use crate::engine::background::polling::*;

    fn bot(id: u64) -> BotRef {
        BotRef {
            id: BotId(id),
            code: "echo".to_owned(),
        }
    }

    #[test]
    fn a_bot_is_polled_once_on_each_portal_until_that_ends() {
        let polling = Polling::default();
        let (one, two) = (MemberId::new("m1"), MemberId::new("m2"));
        assert!(polling.begin(&one, &bot(7)));
        assert!(!polling.begin(&one, &bot(7)));
        assert!(polling.begin(&one, &bot(8)));
        assert!(polling.begin(&two, &bot(7)));
        polling.end(&one, &bot(7));
        assert!(polling.begin(&one, &bot(7)));
    }

    #[test]
    fn while_more_events_wait_the_recommended_two_seconds_pass_between_polls() {
        let of = |has_more, idle| interval(POLL_QUICK, POLL_SLOW, has_more, idle).as_secs();
        let (busy, quiet) = (Duration::ZERO, ACTIVE_TIME);
        assert_eq!((of(true, busy), of(true, quiet)), (2, 2));
        assert_eq!((of(false, busy), of(false, quiet)), (1, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn the_bots_of_a_portal_take_turns_and_portals_do_not_wait_for_each_other() {
        let polling = Polling::default();
        let (one, two) = (MemberId::new("m1"), MemberId::new("m2"));
        let start = Instant::now();
        for _ in 0..3 {
            polling.wait_for(&one, POLL_QUICK).await;
        }
        assert_eq!(start.elapsed().as_secs(), 2);
        polling.wait_for(&two, POLL_QUICK).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
