//! Speaking for the bots of a program from anywhere: endpoints, schedules, background tasks.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::engine::{Engine, RequestOutcome, Watched};
use crate::event::{DialogId, MemberId, Request, RequestKind};
use crate::handler::RequestError;
use crate::message::Draft;

/// Speaks for the bots of a program, outside of their turns. Clones are the same.
///
/// Take it with [`App::handle`](crate::App::handle) before the program runs. Before that, its
/// methods wait.
///
/// ```no_run
/// use imbot::libraries::poem::error::ServiceUnavailable;
/// use imbot::libraries::poem::{EndpointExt, Route, endpoint, post};
/// use imbot::prelude::*;
///
/// # struct Shop; impl Bot for Shop {}
/// fn main() -> ExitCode {
///     let app = App::new().bot(Shop);
///     let handle = app.handle();
///     let shipped = endpoint::make(move |request| {
///         let chat = handle.bot("shop").chat("27");
///         let order = request.uri().path().to_owned();
///         async move {
///             let said = chat.say("Your order was shipped.").key(("shipped", order)).await;
///             said.map(drop).map_err(ServiceUnavailable)
///         }
///     });
///     app.nest("/shipped", Route::new().at("/:order", post(shipped))).run()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    engines: watch::Receiver<Weak<Engine>>,
    wanted: Arc<Notify>,
}

/// Where an engine is announced to the handles of its program.
#[derive(Clone, Debug)]
pub(super) struct Announce {
    engines: Arc<watch::Sender<Weak<Engine>>>,
    /// Notified when a handle is used.
    wanted: Arc<Notify>,
}

impl Default for Announce {
    fn default() -> Self {
        Self {
            engines: Arc::new(watch::Sender::new(Weak::new())),
            wanted: Arc::default(),
        }
    }
}

impl Announce {
    pub(super) fn handle(&self) -> Handle {
        Handle {
            engines: self.engines.subscribe(),
            wanted: Arc::clone(&self.wanted),
        }
    }

    /// Gives the handles this engine.
    pub(super) fn engine(&self, engine: &Arc<Engine>) {
        self.engines.send_replace(Arc::downgrade(engine));
    }
}

impl Handle {
    /// Speaks for the bot with this code.
    pub fn bot(&self, code: impl Into<String>) -> BotHandle {
        BotHandle {
            handle: self.clone(),
            bot: code.into(),
            portal: None,
        }
    }

    /// Returns a future that waits until something is asked of this handle or a clone of it.
    #[cfg(feature = "cli")]
    pub(crate) fn wanted(&self) -> impl Future<Output = ()> + use<> {
        let wanted = Arc::clone(&self.wanted);
        async move { wanted.notified().await }
    }

    /// Waits for the engine of the program.
    async fn engine(&self) -> Result<Arc<Engine>, RequestError> {
        self.wanted.notify_one();
        let mut engines = self.engines.clone();
        let runs = engines.wait_for(|engine| engine.strong_count() > 0).await;
        let engine = runs.map_err(|_| RequestError::Ended)?.upgrade();
        engine.ok_or(RequestError::Ended)
    }
}

/// A bot of the program ([`Handle::bot`]).
#[derive(Clone, Debug)]
pub struct BotHandle {
    handle: Handle,
    bot: String,
    portal: Option<MemberId>,
}

impl BotHandle {
    /// Speaks on this portal. Without it, the program must be on one portal only.
    #[must_use]
    pub fn portal(mut self, portal: &MemberId) -> Self {
        self.portal = Some(portal.clone());
        self
    }

    pub(super) fn code(&self) -> &str {
        &self.bot
    }

    /// Waits for the engine of the program. Returns it with the portal.
    pub(super) async fn engine(&self) -> Result<(Arc<Engine>, MemberId), RequestError> {
        let engine = self.handle.engine().await?;
        let portal = match &self.portal {
            Some(portal) => portal.clone(),
            None => only_portal(&engine)?,
        };
        Ok((engine, portal))
    }

    /// Speaks in this chat: `27` in the private chat with a user, `chat142` in a group.
    pub fn chat(&self, dialog: impl Into<DialogId>) -> ChatHandle {
        ChatHandle {
            bot: self.clone(),
            dialog: dialog.into(),
        }
    }
}

/// A chat of a bot ([`BotHandle::chat`]).
#[derive(Clone, Debug)]
pub struct ChatHandle {
    bot: BotHandle,
    dialog: DialogId,
}

impl ChatHandle {
    pub(super) fn bot(&self) -> &BotHandle {
        &self.bot
    }

    pub(super) fn dialog(&self) -> &DialogId {
        &self.dialog
    }

    /// Sends a message when it is awaited.
    ///
    /// It is an event in the chat's queue: durable when the wait ends, ordered with what people
    /// write and the bot says, sent within the portal's limits, and retried like a message of a
    /// turn. In an open channel it is dropped while an operator has the chat.
    pub fn say(&self, message: impl Into<Draft>) -> Ask {
        Ask::new(self, Asked::Say(Box::new(message.into())))
    }

    /// Runs [`Bot::reminded`](crate::Bot::reminded) with this payload in this chat, with the chat's
    /// state, when it is awaited.
    pub fn remind(&self, payload: impl Serialize) -> Ask {
        Ask::new(self, Asked::Remind(serde_json::to_value(payload)))
    }
}

/// What is asked of a chat. It is asked when this is awaited.
#[derive(Debug)]
#[must_use = "nothing is asked before this is awaited"]
pub struct Ask {
    chat: ChatHandle,
    what: Asked,
    key: Option<Result<String, serde_json::Error>>,
}

#[derive(Debug)]
enum Asked {
    Say(Box<Draft>),
    Remind(Result<serde_json::Value, serde_json::Error>),
}

impl Ask {
    fn new(chat: &ChatHandle, what: Asked) -> Self {
        Self {
            chat: chat.clone(),
            what,
            key: None,
        }
    }

    /// Names it: what was asked of the same chat with the same key within a day is a repeat, and is
    /// dropped. So a request that is retried speaks once. Any value that serde can serialise is a
    /// key. Default: no repeat.
    pub fn key(mut self, key: impl Serialize) -> Self {
        self.key = Some(serde_json::to_string(&key));
        self
    }

    async fn ask(self) -> Result<Accepted, RequestError> {
        let (engine, portal) = self.chat.bot.engine().await?;
        let (bot, api) = engine.bot_on(&portal, self.chat.bot.code())?;
        let kind = match self.what {
            Asked::Say(draft) => {
                draft.check_for(api)?;
                RequestKind::Say(draft.params())
            }
            Asked::Remind(payload) => RequestKind::Remind(payload?),
        };
        let key = match self.key {
            Some(key) => key?,
            None => uuid::Uuid::new_v4().to_string(),
        };
        let request = Request {
            bot,
            dialog: self.chat.dialog,
            key,
            kind,
        };
        let accepted = engine.request(&portal, request).await;
        accepted
            .map(Accepted)
            .map_err(|error| RequestError::NotStored(Box::new(error)))
    }
}

impl IntoFuture for Ask {
    type Output = Result<Accepted, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Asks, and waits until it is stored. It fails if the bot is not registered on the portal, the
    /// message is over a limit, or the store cannot write.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

/// What was asked is stored, and will be done.
#[derive(Debug)]
pub struct Accepted(Option<Watched>);

impl Accepted {
    /// Returns true if it was asked before with the same key.
    pub fn is_repeat(&self) -> bool {
        self.0.is_none()
    }

    /// Waits until it is done: until the portal has the message, or refuses it for good.
    pub async fn outcome(self) -> RequestOutcome {
        match self.0 {
            Some(watched) => watched.outcome().await,
            None => RequestOutcome::Unknown,
        }
    }
}

/// Returns the program's portal, if it is the only one.
fn only_portal(engine: &Engine) -> Result<MemberId, RequestError> {
    let mut portals = engine.portals();
    match (portals.pop(), portals.len()) {
        (Some(portal), 0) => Ok(portal),
        (None, _) => Err(RequestError::NoPortal),
        (Some(_), others) => Err(RequestError::SeveralPortals(others + 1)),
    }
}
