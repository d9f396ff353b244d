//! Polling: the events of bots that have no public address are asked for.
//!
//! The portal keeps them until they are confirmed, at most for a day, and confirming is asking for what comes behind them
//! (bots-v2, section 3). So an event is confirmed only after it is written down, and what a dead process had not
//! confirmed comes again, and is known as a repeat: nothing is lost from end to end.
//!
//! Only one process can poll for a bot: what one confirms, another never sees. So now and then events are left unconfirmed
//! for a few polls more; if they are gone by then, somebody else has confirmed them, and that is told.
//!
//! While people talk a bot is asked about every second, later every five. A portal lets two calls a second pass, and answers
//! need them, too: so of all its bots only one is asked about in a second, and they take turns.

use std::sync::Arc;
use std::time::Duration;

use dashmap::mapref::multiple::RefMulti;
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::Engine;
use crate::engine::retry::pause;
use crate::event::{BotId, BotRef, MemberId, Page};
use crate::portal::{Error, Portal};

/// How often a bot is asked for while people talk to it. Default of [`Options::poll_quick`](crate::engine::Options::poll_quick).
pub const POLL_QUICK: Duration = Duration::from_secs(1);
/// How often it is asked for in silence. Default of [`Options::poll_slow`](crate::engine::Options::poll_slow).
pub const POLL_SLOW: Duration = Duration::from_secs(5);
/// How long after an event people are taken to be talking.
pub const TALK: Duration = Duration::from_secs(60);

/// Of so many polls that brought something, the first is followed by a look for another process that polls for the same bot.
pub const RIVAL_EVERY: u32 = 20;
/// How many polls such a look takes: another process confirms an event with the poll after the one that brought it.
const RIVAL_POLLS: u32 = 3;

/// The longest pause while a portal cannot be asked.
pub(in crate::engine) const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How far the polling for one bot is.
struct Poll {
    portal: Portal,
    bot: BotRef,
    offset: Option<u64>,
    failures: u32,
    last_event: Instant,
    /// How many polls have brought something.
    filled: u32,
    /// An event that is left unconfirmed, and so must come again, and for how many polls more.
    left: Option<(u64, u32)>,
}

/// Where people find a bot that is polled for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChatLink {
    /// The bot's code.
    pub bot: String,
    /// The page of the portal that opens its chat.
    pub address: String,
}

impl Engine {
    /// The bots that are polled for, by their codes.
    pub fn polled(&self) -> Vec<ChatLink> {
        let talk = |polled: RefMulti<'_, (MemberId, BotId), String>| {
            let (portal, bot) = polled.key();
            let endpoint = self.portal(portal)?.endpoint().to_owned();
            let host = endpoint.trim_end_matches("/rest/");
            Some(ChatLink {
                bot: polled.value().clone(),
                address: format!("{host}/online/?IM_DIALOG={bot}"),
            })
        };
        let mut polled: Vec<ChatLink> = self.polled.iter().filter_map(talk).collect();
        polled.sort();
        polled
    }

    /// Polls for a bot until the program stops, or the portal knows the bot or us no more. Twice is once.
    pub(in crate::engine) fn begin_to_poll(self: &Arc<Self>, portal: &Portal, bot: BotRef) {
        let key = (portal.id().clone(), bot.id);
        if self.polled.insert(key.clone(), bot.code.clone()).is_some() {
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
            left: None,
        };
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(async move {
            while let Some(engine) = weak.upgrade() {
                let Some(pause) = engine.poll(&mut poll).await else {
                    engine.polled.remove(&key);
                    return;
                };
                drop(engine); // while this sleeps, an engine that nobody needs any more may end
                stopped.run_until_cancelled(sleep(pause)).await;
            }
        });
    }

    /// Asks once, and tells when to ask again; nothing if there is no use.
    async fn poll(self: &Arc<Self>, poll: &mut Poll) -> Option<Duration> {
        let asked = async {
            self.take_turns(poll.portal.id()).await;
            let portal = poll.portal.in_bulk(); // answers go first
            portal.events(poll.bot.id, poll.offset).await
        };
        match self.stopped.run_until_cancelled(asked).await? {
            Ok(page) => {
                if poll.failures > 0 {
                    tracing::info!(portal = %poll.portal.id(), bot = poll.bot.code, "events are polled again");
                }
                poll.failures = 0;
                if !page.events.is_empty() {
                    poll.last_event = Instant::now();
                }
                self.look_for_a_rival(poll, &page);
                let last = page.events.iter().filter_map(|event| event.event_id).max();
                let last = last.filter(|_| !page.has_more); // while many wait, none is left
                let next = self.admit_page(poll, page).await;
                if poll.left.is_none()
                    && let Some(last) = last
                {
                    let is_due = poll.filled.is_multiple_of(RIVAL_EVERY);
                    poll.left = is_due.then_some((last, RIVAL_POLLS));
                    poll.filled = poll.filled.wrapping_add(1);
                }
                if poll.left.is_none() {
                    poll.offset = next;
                }
                Some(if poll.last_event.elapsed() < TALK {
                    self.options.poll_quick
                } else {
                    self.options.poll_slow
                })
            }
            Err(error) if self.is_over(poll, &error) => None,
            Err(error) => {
                poll.failures += 1;
                let wait = pause(poll.bot.id.0, poll.failures).min(PAUSE_MAX);
                // Of a portal that is away for a night, the beginning and the end are told.
                if poll.failures == 1 {
                    tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, %error, "events cannot be polled; it is tried again and again");
                } else {
                    tracing::debug!(portal = %poll.portal.id(), bot = poll.bot.code, failures = poll.failures, %error, ?wait, "events cannot be polled");
                }
                Some(wait)
            }
        }
    }

    /// Tells if an event is gone that we have not confirmed.
    fn look_for_a_rival(&self, poll: &mut Poll, page: &Page) {
        let Some((left, polls)) = poll.left.take() else {
            return;
        };
        poll.left = (polls > 1).then_some((left, polls - 1));
        if page.events.iter().all(|event| event.event_id != Some(left)) {
            poll.left = None;
            self.counts.rivals.add();
            tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, "ANOTHER PROCESS POLLS FOR THIS BOT: each of the two hears only a part of what people say; stop one of them");
        }
    }

    /// Waits until a portal may be asked about one more of its bots; first come, first served.
    async fn take_turns(&self, portal: &MemberId) {
        let turn = Arc::clone(&*self.poll_turns.entry(portal.clone()).or_default());
        let mut next = turn.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        *next = Some(Instant::now() + self.options.poll_quick);
    }

    /// Writes a page down, and tells where the next begins: behind it, or with the first event that could not be written.
    async fn admit_page(self: &Arc<Self>, poll: &Poll, page: Page) -> Option<u64> {
        let Poll {
            portal,
            bot,
            offset,
            ..
        } = poll;
        for wrong in page.broken {
            tracing::error!(portal = %portal.id(), bot = bot.code, error = %wrong, "a polled event cannot be read, and is passed over");
        }
        for delivery in &page.events {
            let id = delivery.event_id;
            if let Err(error) = self.admit(portal.id().clone(), delivery).await {
                tracing::error!(portal = %portal.id(), bot = bot.code, %error, "a polled event cannot be written down; it stays on the portal");
                return id.or(*offset);
            }
        }
        // An offset never goes back; of a queue that never held anything the portal tells 0.
        Some(page.next_offset).filter(|next| *next > 0).max(*offset)
    }

    /// Whether there is nothing to poll for any more.
    fn is_over(&self, poll: &Poll, error: &Error) -> bool {
        let why = if self.portal(poll.portal.id()).is_none() {
            "the application was removed from the portal"
        } else if error.is("BOT_NOT_FOUND") {
            "the bot is not on the portal any more; start again to register it"
        } else {
            return false;
        };
        tracing::error!(portal = %poll.portal.id(), bot = poll.bot.code, why, "events are polled no more");
        true
    }
}
