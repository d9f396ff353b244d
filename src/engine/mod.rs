//! From event to answer: verify, decode, write down, handle in order, commit, send.
//!
//! [`Engine::accept`] is the single door for events, however they came. Behind it every chat has a lane of its own: one
//! chat's events are handled one at a time in the order accepted, chats run side by side. What a turn says goes out the
//! same way, a lane per chat.
//!
//! Every queue has a bound, and beside it stands what happens there: a chat or hook with [`LANE_MAX`] waiting events, or
//! [`WAITING_MAX`] waiting events altogether, or [`CALLS_MAX`] waiting calls, makes `accept` refuse; the portal does not send again, so both are far
//! beyond what a handler that works can build up.

mod install;
mod lanes;
mod occurrence;
mod sender;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::event::{AppEvent, DecodeError, Delivery, Event, MemberId};
use crate::handler::{AnyBot, Hook, Pattern};
use crate::portal::{Application, Http, Portal};
use crate::store::{Conversation, Installation, NewEvent, QueuedCall, Store, StoreError};

use lanes::Lanes;
use turns::{ChatJob, HookJob};

pub use sender::{Rest, Speaker, Speech};

/// The most events that wait in one chat, or for one hook.
pub const LANE_MAX: usize = 1_000;
/// The most events that wait altogether.
pub const WAITING_MAX: usize = 100_000;
/// The most calls that wait to be sent; while they do, no event is taken in.
pub const CALLS_MAX: usize = 100_000;
/// The most handlers that run at once.
pub const TURNS_MAX: usize = 4_096;
/// How long a handler may take. Default of [`Options::turn_timeout`].
pub const TURN_TIMEOUT: Duration = Duration::from_secs(60);
/// The most claims that wait for one portal's installation to be proven.
const CLAIMS_MAX: usize = 4;
/// The most installations that are being proven at once.
pub const INSTALLS_MAX: usize = 64;

/// What the engine is made of.
#[derive(Debug)]
pub struct Options {
    /// Where it remembers.
    pub store: Arc<dyn Store>,
    /// What it calls portals with.
    pub http: Http,
    /// The application that it is.
    pub application: Arc<Application>,
    /// Where portals post events, as they see it.
    pub handler_url: String,
    /// The portal's script for applications with an interface.
    pub bx24_url: String,
    /// How messages go out. Default: [`Rest`].
    pub speaker: Arc<dyn Speaker>,
    /// How long a handler may take. Default: [`TURN_TIMEOUT`].
    pub turn_timeout: Duration,
}

/// The bots and hooks of one application, on all its portals.
pub struct Engine {
    options: Options,
    /// As the application has them, and so as people see them on the portal.
    bots: Vec<Arc<dyn AnyBot>>,
    hooks: Vec<(Pattern, Arc<dyn Hook>)>,
    portals: DashMap<MemberId, Known>,
    chats: Arc<Lanes<Conversation, ChatJob>>,
    hooked: Arc<Lanes<(MemberId, usize), HookJob>>,
    outbox: Arc<Lanes<Conversation, Arc<QueuedCall>>>,
    installs: Arc<Lanes<MemberId, Proof>>,
    turns: Semaphore,
    /// How many installations have been set up so far.
    set_ups: watch::Sender<usize>,
    tasks: TaskTracker,
}

/// A portal that we are installed on.
#[derive(Clone)]
struct Known {
    application_token: SecretString,
    portal: Portal,
}

/// What an installation claims, to be proven by exchanging its refresh token.
#[derive(Debug)]
pub struct Proof {
    /// The portal that it claims to be.
    pub portal: MemberId,
    /// What its events will carry.
    pub application_token: SecretString,
    /// What the authorization server knows to be this portal's, if it is.
    pub refresh_token: SecretString,
    /// The event that claims it, for the hooks; an installation page is none.
    pub event: Option<Delivery>,
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It cannot be read.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It does not prove that it is from a portal that we are installed on. More is not told.
    #[error("not an event of a portal that this application is installed on")]
    Unproven,
    /// Too many events are waiting.
    #[error("too many events are waiting")]
    Full,
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// An engine for these bots and hooks.
    pub(crate) fn new(
        options: Options,
        bots: Vec<Arc<dyn AnyBot>>,
        hooks: Vec<(Pattern, Arc<dyn Hook>)>,
    ) -> Arc<Engine> {
        let tasks = TaskTracker::new();
        Arc::new_cyclic(|engine: &std::sync::Weak<Engine>| {
            let lanes = || (engine.clone(), tasks.clone());
            Engine {
                options,
                bots,
                hooks,
                portals: DashMap::new(),
                chats: Lanes::new(lanes(), LANE_MAX, WAITING_MAX, |engine, key, job| {
                    engine.turn(key, job)
                }),
                hooked: Lanes::new(
                    lanes(),
                    LANE_MAX,
                    WAITING_MAX,
                    |engine, key: (MemberId, usize), job| engine.run_hook(key.1, job),
                ),
                outbox: Lanes::new(lanes(), CALLS_MAX, CALLS_MAX, |engine, _, call| {
                    engine.send(call)
                }),
                installs: Lanes::new(lanes(), CLAIMS_MAX, INSTALLS_MAX, |engine, _, proof| {
                    engine.prove(proof)
                }),
                turns: Semaphore::new(TURNS_MAX),
                set_ups: watch::Sender::new(0),
                tasks: tasks.clone(),
            }
        })
    }

    /// Takes up what an earlier process left: portals, waiting events, unsent calls.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn recover(self: &Arc<Self>) -> Result<(), StoreError> {
        for installation in self.options.store.portals().await? {
            self.know(installation).await;
        }
        for call in self.options.store.unsent().await? {
            self.outbox.push(call.to.clone(), call);
        }
        for (id, event) in self.options.store.waiting().await? {
            let Some(known) = self
                .portals
                .get(&event.portal)
                .map(|known| known.portal.clone())
            else {
                continue;
            };
            match Delivery::from_form(event.body)
                .and_then(|delivery| Ok((delivery.events()?, delivery)))
            {
                Ok((events, delivery)) => {
                    if let Some(what) = events.into_iter().nth(event.part as usize) {
                        self.dispatch(id, &known, &delivery, what);
                    }
                }
                Err(error) => {
                    tracing::error!(portal = %event.portal, %error, "a stored event cannot be read")
                }
            }
        }
        Ok(())
    }

    /// Takes an event in: the body of a form POST, or a query string. When it returns `Ok`, the event is written down.
    ///
    /// # Errors
    /// See [`Refused`]. Nothing has happened then.
    pub async fn accept(self: &Arc<Self>, body: Bytes) -> Result<(), Refused> {
        let delivery = Delivery::from_form(body)?;
        if matches!(delivery.name.as_ref(), "ONAPPINSTALL" | "ONAPPUPDATE") {
            return self.claim(&delivery);
        }
        let portal = self.verify(&delivery).ok_or(Refused::Unproven)?;
        let events = delivery.events()?;
        if !self.has_room(&portal, &events) {
            return Err(Refused::Full);
        }
        let ids = self
            .options
            .store
            .append(self.rows(&portal, &delivery, &events))
            .await?;
        for (event, id) in events.into_iter().zip(ids) {
            match id {
                Some(id) => self.dispatch(id, &portal, &delivery, event),
                None => {
                    tracing::debug!(portal = %portal.id(), event = %delivery.name, "a repeat is dropped")
                }
            }
        }
        Ok(())
    }

    /// The portal that an event proves to be from. An unknown portal takes the same way as a wrong token.
    fn verify(&self, delivery: &Delivery) -> Option<Portal> {
        const NOBODY: &str = "00000000000000000000000000000000";
        let (member_id, token) = delivery.proof();
        let known = self.portals.get(&*member_id);
        let expected = known
            .as_ref()
            .map_or(NOBODY, |known| known.application_token.expose_secret());
        let is_same = bool::from(expected.as_bytes().ct_eq(token.as_bytes()));
        known.filter(|_| is_same).map(|known| known.portal.clone())
    }

    fn rows(&self, portal: &Portal, delivery: &Delivery, events: &[Event]) -> Vec<NewEvent> {
        let row = |(part, event): (usize, &Event)| NewEvent {
            portal: portal.id().clone(),
            occurrence: occurrence::key(delivery, event),
            body: delivery.body(),
            part: part as u16,
        };
        events.iter().enumerate().map(row).collect()
    }

    fn has_room(&self, portal: &Portal, events: &[Event]) -> bool {
        self.outbox.has_room_for(events.len())
            && events.iter().all(|event| match event {
                Event::Chat(event) => match &event.bot {
                    Some(bot) => self.chats.has_room(&Conversation {
                        portal: portal.id().clone(),
                        bot: bot.id,
                        dialog: event.dialog.clone(),
                    }),
                    None => true,
                },
                _ => self.hooked.has_room_for(self.hooks.len()),
            })
    }

    /// Tells the portals that are known, for `/health` and the log.
    pub fn portals(&self) -> Vec<MemberId> {
        self.portals
            .iter()
            .map(|known| known.key().clone())
            .collect()
    }

    /// How many installations this engine has set up: bots, commands and hooks registered, or the failure logged.
    pub fn set_ups(&self) -> usize {
        *self.set_ups.borrow()
    }

    /// Waits until so many installations are set up.
    pub async fn until_set_up(&self, installations: usize) {
        let mut set_ups = self.set_ups.subscribe();
        drop(set_ups.wait_for(|done| *done >= installations).await); // the sender lives as long as the engine
    }

    /// How many events wait, and how many calls.
    pub fn waiting(&self) -> (usize, usize) {
        (
            self.chats.waiting() + self.hooked.waiting(),
            self.outbox.waiting(),
        )
    }

    /// Waits until everything that was taken in is handled and sent, at most for `limit`. Says whether it is.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.tasks.close();
        let is_done = tokio::time::timeout(limit, self.tasks.wait()).await.is_ok();
        if !is_done {
            let (events, calls) = self.waiting();
            tracing::warn!(events, calls, ?limit, "stopped before everything was done");
        }
        is_done
    }

    /// The portal's script that the installation page loads.
    pub(crate) fn bx24_url(&self) -> &str {
        &self.options.bx24_url
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.options.store
    }

    async fn know(&self, installation: Installation) -> Portal {
        let known = self
            .portals
            .get(&installation.portal)
            .map(|known| known.portal.clone());
        let token = installation.application_token.clone();
        let id = installation.portal.clone();
        let portal = match known {
            Some(portal) if portal.endpoint() == installation.endpoint => {
                portal.renew(installation).await;
                portal
            }
            _ => {
                let Options {
                    http,
                    application,
                    store,
                    ..
                } = &self.options;
                Portal::new(
                    http.clone(),
                    application.clone(),
                    store.clone(),
                    installation,
                )
            }
        };
        self.portals.insert(
            id,
            Known {
                application_token: token,
                portal: portal.clone(),
            },
        );
        portal
    }

    /// What the application does itself with an event of its own life.
    async fn live(&self, portal: &Portal, event: &AppEvent) {
        if let AppEvent::Uninstalled { .. } = event {
            self.portals.remove(portal.id());
            if let Err(error) = self.options.store.uninstall(portal.id()).await {
                tracing::error!(portal = %portal.id(), %error, "the uninstalled portal is not forgotten");
            }
            tracing::info!(portal = %portal.id(), "the application was removed from the portal");
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = self.bots.iter().map(|bot| bot.profile().code());
        f.debug_struct("Engine")
            .field("bots", &codes.collect::<Vec<_>>())
            .field("portals", &self.portals())
            .finish()
    }
}
