//! Polling: asking for the events of bots that have no public address.
//!
//! The portal keeps events until they are confirmed, at most for a day. Asking for what comes
//! behind an event confirms it (protocol/bots-v2.md 3). So an event is confirmed only after it is
//! stored. What a dead process had stored and not confirmed comes again and is dropped as a repeat.
//! Nothing is lost from end to end.
//!
//! Only one process can poll for a bot, because an event that one has confirmed never reaches the
//! other. So every [`RIVAL_EVERY`] polls that returned events, an event is left unconfirmed for a
//! few polls. If it is gone by then, another process has confirmed it, and that is logged.
//!
//! While people talk to a bot it is polled every second, otherwise every five seconds. A portal
//! allows two calls a second, and answers need them too: so a portal is polled for one of its bots
//! a second, in turns.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::retry::pause;
use crate::engine::{APPLICATION_REMOVED, Engine};
use crate::event::{BotId, BotRef, MemberId, Page};
use crate::portal::{Error, Portal};

/// Interval of polls while people talk to a bot. Default of
/// [`Options::poll_quick`](crate::engine::Options::poll_quick).
pub const POLL_QUICK: Duration = Duration::from_secs(1);
/// Interval of polls otherwise. Default of
/// [`Options::poll_slow`](crate::engine::Options::poll_slow).
pub const POLL_SLOW: Duration = Duration::from_secs(5);
/// Time after an event during which a bot is polled at the quick interval.
pub const ACTIVE_TIME: Duration = Duration::from_secs(60);

/// Number of polls that returned events between two checks for another process that polls for the
/// same bot.
pub const RIVAL_EVERY: u32 = 20;
/// Number of polls that a check takes: another process confirms an event with its next poll after
/// that event.
const RIVAL_POLLS: u32 = 3;

/// Longest pause while a portal cannot be reached.
pub(in crate::engine) const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The bots that are polled for, and the portals' turns.
#[derive(Debug, Default)]
pub(in crate::engine) struct Polling {
    /// The code of each bot that has a running task: one that is set up again must not be polled
    /// twice.
    bots: DashMap<(MemberId, BotId), String>,
    /// When each portal may be polled next. The lock makes its bots take turns, first come, first
    /// served.
    turns: DashMap<MemberId, Arc<Mutex<Option<Instant>>>>,
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
    async fn turn(&self, portal: &MemberId, interval: Duration) {
        let turn = Arc::clone(&*self.turns.entry(portal.clone()).or_default());
        let mut next = turn.lock().await;
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
    /// Number of polls that returned events.
    filled: u32,
    /// An event that is left unconfirmed, so that it must come again, and for how many more polls.
    unconfirmed: Option<(u64, u32)>,
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
            filled: 0,
            unconfirmed: None,
        };
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(async move {
            while let Some(engine) = weak.upgrade() {
                let Some(pause) = engine.poll(&mut poll).await else {
                    engine.polling.end(poll.portal.id(), &poll.bot);
                    return;
                };
                drop(engine); // an engine that nobody else holds may be dropped during the sleep
                stopped.run_until_cancelled(sleep(pause)).await;
            }
        });
    }

    /// Polls once. Returns the time until the next poll; `None` if polling ends.
    async fn poll(self: &Arc<Self>, poll: &mut Poll) -> Option<Duration> {
        let answer = async {
            let interval = self.options.poll_quick;
            self.polling.turn(poll.portal.id(), interval).await;
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
                self.check_for_rival(poll, &page);
                let last = page.events.iter().filter_map(|event| event.event_id).max();
                let last = last.filter(|_| !page.has_more); // while many wait, all are confirmed
                let next = self.admit_page(poll, page).await;
                if poll.unconfirmed.is_none()
                    && let Some(last) = last
                {
                    let is_due = poll.filled.is_multiple_of(RIVAL_EVERY);
                    poll.unconfirmed = is_due.then_some((last, RIVAL_POLLS));
                    poll.filled = poll.filled.wrapping_add(1);
                }
                if poll.unconfirmed.is_none() {
                    poll.offset = next;
                }
                Some(if poll.last_event.elapsed() < ACTIVE_TIME {
                    self.options.poll_quick
                } else {
                    self.options.poll_slow
                })
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

    /// Counts and logs another process that polls for the bot: an event is gone that this process
    /// has not confirmed.
    fn check_for_rival(&self, poll: &mut Poll, page: &Page) {
        let Some((unconfirmed, polls)) = poll.unconfirmed.take() else {
            return;
        };
        poll.unconfirmed = (polls > 1).then_some((unconfirmed, polls - 1));
        if page
            .events
            .iter()
            .all(|event| event.event_id != Some(unconfirmed))
        {
            poll.unconfirmed = None;
            self.counts.rivals.add();
            tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, "ANOTHER PROCESS POLLS FOR THIS BOT: each of the two receives only some of the events; stop one of them");
        }
    }

    /// Stores a page. Returns where the next one starts: behind it, or at the first event that
    /// could not be stored.
    async fn admit_page(self: &Arc<Self>, poll: &Poll, page: Page) -> Option<u64> {
        let Poll {
            portal,
            bot,
            offset,
            ..
        } = poll;
        for error in page.broken {
            tracing::error!(portal = %portal.id(), bot = bot.code, %error, "a polled event cannot be read and is skipped");
        }
        for delivery in &page.events {
            let id = delivery.event_id;
            let with_bot = delivery.for_polled_bot(bot);
            let delivery = with_bot.as_ref().unwrap_or(delivery); // becomes a dead letter then
            if let Err(error) = self.admit(portal.id().clone(), delivery).await {
                tracing::error!(portal = %portal.id(), bot = bot.code, %error, "a polled event cannot be stored; it stays on the portal");
                return id.or(*offset);
            }
        }
        // An offset never goes back. For a queue that never held an event the portal returns 0.
        Some(page.next_offset).filter(|next| *next > 0).max(*offset)
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

    #[tokio::test(start_paused = true)]
    async fn the_bots_of_a_portal_take_turns_and_portals_do_not_wait_for_each_other() {
        let polling = Polling::default();
        let (one, two) = (MemberId::new("m1"), MemberId::new("m2"));
        let start = Instant::now();
        for _ in 0..3 {
            polling.turn(&one, POLL_QUICK).await;
        }
        assert_eq!(start.elapsed().as_secs(), 2);
        polling.turn(&two, POLL_QUICK).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
