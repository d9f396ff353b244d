//! Broadcasts of a bot, its conversations, and pauses, from outside of turns.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use super::handle::{BotHandle, ChatHandle};
use crate::engine::broadcasts::{self, Control};
use crate::engine::{BroadcastStatus, ChatResult, Engine, pauses};
use crate::event::{BotRef, DialogId, MemberId};
use crate::handler::{
    Audience, BROADCASTS_MAX, BroadcastOrder, Progress, RequestError, Until, check_name,
};
use crate::message::Draft;
use crate::store::{Conversation, ListScope, ListedConversation, Store, StoreError};

/// Number of conversations that are read at a time.
const PAGE: usize = 1_000;

/// A bot on a portal, with the engine.
struct BotOnPortal {
    engine: Arc<Engine>,
    portal: MemberId,
    bot: BotRef,
}

impl BotOnPortal {
    fn store(&self) -> &dyn Store {
        &**self.engine.store()
    }

    /// Returns the key of a broadcast.
    ///
    /// # Errors
    /// The name cannot be one.
    fn broadcast(&self, name: &str) -> Result<Conversation, RequestError> {
        check_name(name)?;
        let portal = self.portal.clone();
        Ok(Conversation::of_broadcast(portal, self.bot.id, name))
    }
}

fn not_stored(error: StoreError) -> RequestError {
    RequestError::NotStored(Box::new(error))
}

impl BotHandle {
    async fn on_portal(&self) -> Result<BotOnPortal, RequestError> {
        let (engine, portal) = self.engine().await?;
        let (bot, _) = engine.bot_on(&portal, self.code())?;
        Ok(BotOnPortal {
            engine,
            portal,
            bot,
        })
    }

    /// Returns the stored conversations of the bot, in the order of their dialogs as text. They are
    /// read from the store as they are asked for.
    ///
    /// ```no_run
    /// # async fn example(handle: imbot::Handle) -> Result<(), imbot::handler::RequestError> {
    /// let mut all = handle.bot("news").conversations();
    /// while let Some(conversation) = all.next().await? {
    ///     println!("{} since {}", conversation.key.dialog, conversation.last_turn);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn conversations(&self) -> Conversations {
        Conversations {
            bot: self.clone(),
            page: VecDeque::new(),
            last: None,
            is_done: false,
        }
    }

    /// Sends a message to many chats of the bot when it is awaited, as a job that survives crashes
    /// and restarts ([`Context::broadcast`](crate::Context::broadcast)).
    pub fn broadcast(
        &self,
        name: impl Into<String>,
        audience: Audience,
        message: impl Into<Draft>,
    ) -> AskBroadcast {
        AskBroadcast {
            bot: self.clone(),
            name: name.into(),
            audience,
            message: Box::new(message.into()),
            progress: None,
        }
    }

    /// Returns the broadcasts of the bot, running and finished.
    ///
    /// # Errors
    /// The bot is not registered on the portal, or the store cannot be read.
    pub async fn broadcasts(&self) -> Result<Vec<BroadcastStatus>, RequestError> {
        let own = self.on_portal().await?;
        let scope = ListScope::Bot(own.portal.clone(), own.bot.id);
        let listed = broadcasts::list(own.store(), &scope).await;
        listed.map_err(not_stored)
    }

    /// Returns a broadcast of the bot. Returns `None` if there is none of this name.
    ///
    /// # Errors
    /// The bot is not registered on the portal, or the store cannot be read.
    pub async fn broadcast_status(
        &self,
        name: &str,
    ) -> Result<Option<BroadcastStatus>, RequestError> {
        let own = self.on_portal().await?;
        let key = own.broadcast(name)?;
        let status = broadcasts::status(own.store(), &key).await;
        status.map_err(not_stored)
    }

    /// Returns the chats that a broadcast has left out or that have refused it, so far.
    ///
    /// # Errors
    /// The bot is not registered on the portal, or the store cannot be read.
    pub async fn undelivered(
        &self,
        name: &str,
    ) -> Result<Vec<(DialogId, ChatResult)>, RequestError> {
        let own = self.on_portal().await?;
        let key = own.broadcast(name)?;
        let (mut undelivered, mut last) = (Vec::new(), None);
        loop {
            let page = broadcasts::results(own.store(), &key, last.as_ref(), PAGE).await;
            let (page, after) = page.map_err(not_stored)?;
            let others = page
                .into_iter()
                .filter(|(_, result)| *result != ChatResult::Sent);
            undelivered.extend(others);
            last = match after {
                Some(after) => Some(after),
                None => return Ok(undelivered),
            };
        }
    }

    /// Pauses a broadcast. Chats that were asked already
    /// ([`OUTSTANDING_MAX`](crate::engine::OUTSTANDING_MAX) at most) still get it.
    ///
    /// # Errors
    /// There is no broadcast of this name that is not finished, or it cannot be stored.
    pub async fn pause_broadcast(&self, name: &str) -> Result<(), RequestError> {
        self.control(name, Some(Control::Pause)).await
    }

    /// Resumes a broadcast.
    ///
    /// # Errors
    /// There is no broadcast of this name that is not finished, or it cannot be stored.
    pub async fn resume_broadcast(&self, name: &str) -> Result<(), RequestError> {
        self.control(name, None).await
    }

    /// Cancels a broadcast. It ends with its numbers when the messages that are under way are sent.
    ///
    /// # Errors
    /// There is no broadcast of this name that is not finished, or it cannot be stored.
    pub async fn cancel_broadcast(&self, name: &str) -> Result<(), RequestError> {
        self.control(name, Some(Control::Cancel)).await
    }

    /// Removes a finished broadcast with its results, so that its name is free.
    ///
    /// # Errors
    /// There is no finished broadcast of this name, or it cannot be removed.
    pub async fn remove_broadcast(&self, name: &str) -> Result<(), RequestError> {
        let own = self.on_portal().await?;
        let (key, now) = (own.broadcast(name)?, own.engine.now());
        let removed = broadcasts::remove(own.store(), &key, now).await;
        if !removed.map_err(not_stored)? {
            return Err(RequestError::NoBroadcast(name.to_owned()));
        }
        own.engine.read_notices().await.map_err(not_stored)
    }

    async fn control(&self, name: &str, control: Option<Control>) -> Result<(), RequestError> {
        let own = self.on_portal().await?;
        let (key, now) = (own.broadcast(name)?, own.engine.now());
        let changed = broadcasts::set_control(own.store(), &key, now, control).await;
        if !changed.map_err(not_stored)? {
            return Err(RequestError::NoBroadcast(name.to_owned()));
        }
        own.engine.read_notices().await.map_err(not_stored)
    }
}

/// The stored conversations of a bot ([`BotHandle::conversations`]).
#[derive(Debug)]
pub struct Conversations {
    bot: BotHandle,
    page: VecDeque<ListedConversation>,
    last: Option<Conversation>,
    is_done: bool,
}

impl Conversations {
    /// Returns the next conversation, or `None` behind the last.
    ///
    /// # Errors
    /// The bot is not registered on the portal, or the store cannot be read.
    pub async fn next(&mut self) -> Result<Option<ListedConversation>, RequestError> {
        if self.page.is_empty() && !self.is_done {
            let own = self.bot.on_portal().await?;
            let scope = ListScope::Bot(own.portal.clone(), own.bot.id);
            let page = own.store().conversations(scope, self.last.as_ref(), PAGE);
            self.page = page.await.map_err(not_stored)?.into();
            self.last = self.page.back().map(|listed| listed.key.clone());
            self.is_done = self.page.is_empty();
        }
        Ok(self.page.pop_front())
    }
}

/// A broadcast that is asked for when this is awaited ([`BotHandle::broadcast`]).
#[derive(Debug)]
#[must_use = "nothing is asked before this is awaited"]
pub struct AskBroadcast {
    bot: BotHandle,
    name: String,
    audience: Audience,
    message: Box<Draft>,
    progress: Option<DialogId>,
}

impl AskBroadcast {
    /// Shows in a chat of the bot how far it is, in one message that is edited at most every three
    /// seconds and says the numbers at the end. Default: nothing is shown.
    pub fn show_progress_in(mut self, dialog: impl Into<DialogId>) -> Self {
        self.progress = Some(dialog.into());
        self
    }

    async fn ask(self) -> Result<(), RequestError> {
        let own = self.bot.on_portal().await?;
        let key = own.broadcast(&self.name)?;
        let (_, api) = own.engine.bot_on(&own.portal, &own.bot.code)?;
        self.message.check_for(api)?;
        if !own.engine.has_room_for_broadcast(&key) {
            return Err(RequestError::TooManyBroadcasts(BROADCASTS_MAX));
        }
        let language = own.engine.language(&own.portal);
        let order = BroadcastOrder {
            bot: own.bot.clone(),
            name: self.name,
            audience: self.audience,
            params: self.message.params(),
            progress: self.progress.map(|dialog| Progress { dialog, language }),
        };
        own.engine.begin_broadcast(&key, order).await
    }
}

impl IntoFuture for AskBroadcast {
    type Output = Result<(), RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Asks, and waits until it is stored. It fails if there is a broadcast of this name, the
    /// message is over a limit, or the store cannot write.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl ChatHandle {
    /// Pauses the bot in this chat: what happens there is completed without a handler, and people
    /// see nothing of the bot. Reminders wait. See
    /// [`Context::pause_bot`](crate::Context::pause_bot).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use imbot::handler::Until;
    /// # async fn example(chat: imbot::ChatHandle) -> Result<(), imbot::handler::RequestError> {
    /// chat.pause(Duration::from_secs(3600)).await?; // or Until::Resumed
    /// chat.resume().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The bot is not registered on the portal, or it cannot be stored.
    pub async fn pause(&self, until: impl Into<Until>) -> Result<(), RequestError> {
        let until = until.into();
        let own = self.bot().on_portal().await?;
        let (chat, now) = (self.conversation(&own), own.engine.now());
        let paused = pauses::pause(own.store(), &chat, now, until.time(now)).await;
        paused.map_err(not_stored)?;
        own.engine.read_notices().await.map_err(not_stored)
    }

    /// Resumes the bot in this chat. Returns false if it was not paused.
    ///
    /// # Errors
    /// The bot is not registered on the portal, or it cannot be stored.
    pub async fn resume(&self) -> Result<bool, RequestError> {
        let own = self.bot().on_portal().await?;
        let (chat, now) = (self.conversation(&own), own.engine.now());
        let resumed = pauses::resume(own.store(), &chat, now).await;
        let was_paused = resumed.map_err(not_stored)?;
        own.engine.read_notices().await.map_err(not_stored)?;
        Ok(was_paused)
    }

    fn conversation(&self, own: &BotOnPortal) -> Conversation {
        Conversation {
            portal: own.portal.clone(),
            bot: own.bot.id,
            dialog: self.dialog().clone(),
        }
    }
}
