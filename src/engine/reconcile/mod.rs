//! Reconciling a portal with the program: bots, their commands, connectors, and the events that
//! bots and hooks are for.
//!
//! What is missing is registered, what differs is updated, and commands and bindings of this
//! program that it does not have any more are removed. Doing it again changes nothing. A bot that
//! is on the portal and not in the program stays, because its private chats would be removed with
//! it.

mod bindings;
mod bot_tokens;
mod bots;
mod completed;
mod connectors;
mod mode_change;
pub(super) mod requirements;
mod step;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Engine;
use super::accept::install::causes;
use super::background::polling::{PAUSE_MAX, wait_for_portal};
use super::retry::pause;
use crate::event::{BotRef, MemberId};
use crate::handler::EventMode;
use crate::portal::{Error, Portal};
use crate::store::Partition;

pub use step::Step;

/// Maximum number of portals that are reconciled at once at a start; the others wait.
const AT_ONCE: usize = 16;
/// How long a start waits for a portal. What takes longer continues in the background.
pub const START_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a portal is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The steps are returned, and not taken.
    DryRun,
    /// The steps are taken.
    Apply,
}

/// One reconciliation of one portal.
struct Reconciliation<'e> {
    engine: &'e Arc<Engine>,
    portal: &'e Portal,
    mode: Mode,
    /// The steps so far.
    steps: Vec<Step>,
    /// Whether a bot is on the portal whose events are posted (v2).
    posts_to_bots: bool,
    /// Whether the portal binds the bots' events when the steps so far are taken: a bot is
    /// registered, or its mode changes.
    binds_later: bool,
}

impl Engine {
    /// Reconciles a portal, and returns the steps that were taken, or that [`Mode::Apply`] would
    /// take.
    ///
    /// # Errors
    /// The first call that the portal refuses, or that cannot be made. The steps before it are
    /// taken.
    pub async fn register(
        self: &Arc<Self>,
        portal: &Portal,
        mode: Mode,
    ) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.own_bot(bot.as_ref()).await?;
        }
        work.connectors().await?;
        work.bindings().await?;
        Ok(work.steps)
    }

    /// Removes the bots of this program from a portal, and with them their private chats, its
    /// connectors and its bindings. Returns the steps that were taken, or that [`Mode::Apply`]
    /// would take.
    ///
    /// # Errors
    /// The first call that the portal refuses, or that cannot be made. The steps before it are
    /// taken.
    pub async fn unregister(
        self: &Arc<Self>,
        portal: &Portal,
        mode: Mode,
    ) -> Result<Vec<Step>, Error> {
        let mut work = Reconciliation::new(self, portal, mode);
        for bot in &self.bots {
            work.remove_own(bot.as_ref()).await?;
        }
        work.remove_connectors().await?;
        work.remove_bindings().await?;
        Ok(work.steps)
    }

    /// Reconciles the known portals that this process owns, and starts to poll for the bots whose
    /// events are polled; portals that it owns later are reconciled then. Returns the portals that
    /// refused permanently. Those that cannot be reached, or take longer than [`START_PATIENCE`],
    /// continue in the background. With a store for one process, it owns all portals.
    pub async fn reconcile(self: &Arc<Self>) -> Vec<(MemberId, Error)> {
        let _ = timeout(START_PATIENCE, self.owned.until_gained()).await; // later ones follow
        self.reconciles.store(true, Ordering::Relaxed);
        let mut portals = self.registry.portals();
        portals.retain(|portal| self.works_on(portal.id()));
        self.reconcile_all(portals, false).await
    }

    /// Reconciles portals. Those that another process has set up are left as they are if
    /// `takes_over`.
    async fn reconcile_all(
        self: &Arc<Self>,
        portals: Vec<Portal>,
        takes_over: bool,
    ) -> Vec<(MemberId, Error)> {
        let tries = portals.into_iter().map(async |portal| {
            let id = portal.id().clone();
            let (report, refused) = oneshot::channel();
            let engine = Arc::clone(self);
            tokio::spawn(self.watch.watch("setup", async move {
                let tried = engine.try_to_reconcile(portal, takes_over).await;
                let _ = report.send(tried); // it may be too late
            }));
            match timeout(START_PATIENCE, refused).await {
                Ok(refused) => refused.ok()?.map(|error| (id, error)),
                Err(_) => {
                    tracing::info!(portal = %id, "setting up the portal takes long; it continues in the background");
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

    /// Reconciles all known portals in the background ([`reconcile`](Engine::reconcile)); refusals
    /// are logged.
    pub fn reconcile_in_background(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        tokio::spawn(self.watch.watch("setup", async move {
            engine.reconcile().await;
        }));
    }

    /// Reconciles the portals of a partition that this process owns now, in the background, if it
    /// reconciles portals at all.
    pub(super) fn set_up_gained(self: &Arc<Self>, partition: Partition) {
        if !self.reconciles.load(Ordering::Relaxed) {
            return;
        }
        let mut portals = self.registry.portals();
        portals.retain(|portal| self.options.store.partition(portal.id()) == partition);
        let engine = Arc::clone(self);
        tokio::spawn(self.watch.watch("setup", async move {
            engine.reconcile_all(portals, true).await;
        }));
    }

    /// Reconciles a portal, now or in the background. Returns the error if the portal refuses
    /// permanently.
    async fn try_to_reconcile(self: Arc<Self>, portal: Portal, takes_over: bool) -> Option<Error> {
        let set_up = self.run_owned(portal.id(), async {
            if takes_over && self.is_set_up(&portal).await {
                return Ok(());
            }
            self.set_up(&portal).await
        });
        match self.stopped.run_until_cancelled(set_up).await?? {
            Err(error) if error.may_pass_later() => {
                self.reconcile_later(portal);
                None
            }
            tried => tried.err(),
        }
    }

    /// Reconciles a portal that could not be reached, and retries until it can.
    fn reconcile_later(self: &Arc<Self>, portal: Portal) {
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.tasks.spawn(self.watch.watch("setup", async move {
            for failures in 1.. {
                let wait = pause(failures.into(), failures).min(PAUSE_MAX);
                let wait = wait_for_portal(&portal, wait);
                if stopped.run_until_cancelled(wait).await.is_none() {
                    return;
                }
                let Some(engine) = weak.upgrade() else { return };
                let set_up = engine.run_owned(portal.id(), engine.set_up(&portal));
                match set_up.await {
                    Some(Err(error)) if error.may_pass_later() => {}
                    _ => return,
                }
            }
        }));
    }

    /// Reconciles a portal. Each failure is logged, and the rest continues. Returns the first
    /// failure.
    pub(super) async fn set_up(self: &Arc<Self>, portal: &Portal) -> Result<(), Error> {
        let mut first = Ok(());
        let in_bulk = portal.in_bulk(); // answers go first
        self.find_moved(&in_bulk).await;
        let mut work = Reconciliation::new(self, &in_bulk, Mode::Apply);
        for bot in &self.bots {
            match work.own_bot(bot.as_ref()).await {
                Ok(Some(id)) => {
                    let code = bot.profile().code().to_owned();
                    tracing::info!(portal = %portal.id(), bot = code, bot.id = %id, "the bot is registered");
                    let registered = BotRef { id, code };
                    self.registry.set_bot(portal.id(), registered.clone());
                    if self.event_mode(bot.as_ref()) == Some(EventMode::Fetch) {
                        self.start_polling(portal, registered);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(portal = %portal.id(), bot = bot.profile().code(), error = %causes(&error), "the bot cannot be registered");
                    first = first.and(Err(error));
                }
            }
        }
        if let Err(error) = work.connectors().await {
            tracing::error!(portal = %portal.id(), error = %causes(&error), "the connectors cannot be registered");
            first = first.and(Err(error));
        }
        match work.bindings().await {
            Ok(()) if self.hooks.iter().any(|(_, hook)| hook.is_offline) => {
                self.start_offline_fetch(portal);
            }
            Ok(()) => {}
            Err(error) => {
                tracing::error!(portal = %portal.id(), error = %causes(&error), "the events cannot be bound");
                first = first.and(Err(error));
            }
        }
        if first.is_ok() {
            self.note_set_up(portal.id()).await;
        }
        first
    }
}

impl<'e> Reconciliation<'e> {
    fn new(engine: &'e Arc<Engine>, portal: &'e Portal, mode: Mode) -> Self {
        Reconciliation {
            engine,
            portal,
            mode,
            steps: Vec::new(),
            posts_to_bots: false,
            binds_later: false,
        }
    }

    /// Adds a step. Returns true if it is to be taken.
    fn step(&mut self, step: Step) -> bool {
        tracing::debug!(portal = %self.portal.id(), "{step}");
        self.steps.push(step);
        self.mode == Mode::Apply
    }
}
