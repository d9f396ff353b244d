//! Bringing a portal into step with the program: bots, their commands, connectors, and the events that hooks are for.
//!
//! What is missing is registered, what differs is updated, and commands and bindings of ours that nobody wants any more
//! are removed. Doing it twice changes nothing. A bot that is on the portal and not in the program stays, since its private
//! chats would go with it.

mod bindings;
mod bots;
mod connectors;
pub(super) mod requirements;
mod step;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{sleep, timeout};

use super::Engine;
use super::accept::install::causes;
use super::background::polling::PAUSE_MAX;
use super::retry::pause;
use crate::event::{BotRef, MemberId};
use crate::handler::EventMode;
use crate::portal::{Error, Portal};

pub use step::Step;

/// How many portals are brought into step at once.
const AT_ONCE: usize = 16;
/// How long one waits for a portal at a start; what takes longer goes on beside.
pub const START_PATIENCE: Duration = Duration::from_secs(10);

/// Whether steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are only told.
    DryRun,
    /// They are taken.
    Apply,
}

/// What was found on a portal, and what is done about it.
struct Reconciliation<'e> {
    engine: &'e Engine,
    portal: &'e Portal,
    mode: Mode,
    steps: Vec<Step>,
}

impl Engine {
    /// Brings a portal into step, or only tells what would be done, and tells the steps.
    ///
    /// # Errors
    /// The portal's refusal; the steps before it are done.
    pub async fn register(&self, portal: &Portal, mode: Mode) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.bot(bot.as_ref()).await?;
        }
        work.connectors().await?;
        work.bindings().await?;
        Ok(work.steps)
    }

    /// Removes the bots of this program from a portal, and with them their private chats, its connectors and its bindings, or
    /// only tells what would be removed.
    ///
    /// # Errors
    /// The portal's refusal; the steps before it are done.
    pub async fn unregister(&self, portal: &Portal, mode: Mode) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.remove(bot.as_ref()).await?;
        }
        work.remove_connectors().await?;
        work.remove_bindings().await?;
        Ok(work.steps)
    }

    /// Brings all portals into step that are known, and begins to poll for the bots whose events are polled. It tells the
    /// portals that refused for good. Those that cannot be reached, or take longer than [`START_PATIENCE`], it goes on with
    /// beside.
    pub async fn reconcile(self: &Arc<Self>) -> Vec<(MemberId, Error)> {
        let portals: Vec<Portal> = self
            .portals
            .iter()
            .map(|known| known.portal.clone())
            .collect();
        let tries = portals.into_iter().map(async |portal| {
            let id = portal.id().clone();
            let tried = tokio::spawn(Arc::clone(self).try_to_reconcile(portal));
            match timeout(START_PATIENCE, tried).await {
                Ok(refused) => refused.ok()?.map(|error| (id, error)),
                Err(_) => {
                    tracing::info!(portal = %id, "bringing the portal into step takes long, and goes on beside");
                    None
                }
            }
        });
        stream::iter(tries)
            .buffer_unordered(AT_ONCE)
            .filter_map(async |refused| refused)
            .collect()
            .await
    }

    /// Tries a portal, and tells if it refuses for good.
    async fn try_to_reconcile(self: Arc<Self>, portal: Portal) -> Option<Error> {
        let tried = self
            .stopped
            .run_until_cancelled(self.bring_into_step(&portal));
        match tried.await? {
            Err(error) if error.may_pass_later() => {
                self.reconcile_later(portal);
                None
            }
            tried => tried.err(),
        }
    }

    /// Tries a portal again and again that could not be reached.
    fn reconcile_later(self: &Arc<Self>, portal: Portal) {
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(async move {
            for failures in 1.. {
                let wait = pause(failures.into(), failures).min(PAUSE_MAX);
                if stopped.run_until_cancelled(sleep(wait)).await.is_none() {
                    return;
                }
                let Some(engine) = weak.upgrade() else { return };
                match engine.bring_into_step(&portal).await {
                    Err(error) if error.may_pass_later() => {}
                    _ => return,
                }
            }
        });
    }

    /// Brings a portal into step. Each failure is logged; the others go on.
    pub(super) async fn bring_into_step(self: &Arc<Self>, portal: &Portal) -> Result<(), Error> {
        let mut first = Ok(());
        let in_bulk = portal.in_bulk(); // answers go first
        let mut work = Reconciliation::new(self, &in_bulk, Mode::Apply);
        for bot in &self.bots {
            match work.bot(bot.as_ref()).await {
                Ok(Some(id)) => {
                    let code = bot.profile().code().to_owned();
                    tracing::info!(portal = %portal.id(), bot = code, bot.id = %id, "the bot is registered");
                    let registered = BotRef { id, code };
                    self.note_registered(portal.id(), registered.clone());
                    if self.event_mode(bot.as_ref()) == Some(EventMode::Fetch) {
                        self.begin_to_poll(portal, registered);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(portal = %portal.id(), bot = bot.profile().code(), error = %causes(&error), "the bot is not registered");
                    first = first.and(Err(error));
                }
            }
        }
        if let Err(error) = work.connectors().await {
            tracing::error!(portal = %portal.id(), error = %causes(&error), "the connectors are not registered");
            first = first.and(Err(error));
        }
        match work.bindings().await {
            Ok(()) if self.hooks.iter().any(|hook| hook.is_offline) => {
                self.begin_to_fetch_offline(portal);
            }
            Ok(()) => {}
            Err(error) => {
                tracing::error!(portal = %portal.id(), error = %causes(&error), "the hooks' events are not bound");
                first = first.and(Err(error));
            }
        }
        first
    }
}

impl<'e> Reconciliation<'e> {
    fn new(engine: &'e Engine, portal: &'e Portal, mode: Mode) -> Reconciliation<'e> {
        Reconciliation {
            engine,
            portal,
            mode,
            steps: Vec::new(),
        }
    }

    /// Notes a step, and says whether it is to be done.
    fn step(&mut self, step: Step) -> bool {
        tracing::debug!(portal = %self.portal.id(), "{step}");
        self.steps.push(step);
        self.mode == Mode::Apply
    }
}
