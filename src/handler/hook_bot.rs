//! What a hook asks of bots: recorded while it runs, and requested when it has succeeded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Error, Result};
use crate::event::{Api, BotRef, DialogId, Request, RequestKind};
use crate::message::Draft;

/// A bot of the program, to speak for it in a hook ([`HookEvent::bot`](super::HookEvent::bot)).
#[derive(Clone, Debug)]
pub struct HookBot {
    bot: BotRef,
    api: Api,
    requests: HookRequests,
}

/// What a hook has asked so far. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct HookRequests(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The bots that are registered on the portal, with their API.
    bots: Vec<(BotRef, Api)>,
    /// The id of the hook's event.
    event: String,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    requests: Vec<Request>,
    /// The first error, which fails the hook.
    error: Option<Error>,
}

impl HookRequests {
    /// Returns the requests of a hook on this event.
    pub(crate) fn new(bots: Vec<(BotRef, Api)>, event: String) -> Self {
        Self(Arc::new(Inner {
            bots,
            event,
            asked: Mutex::default(),
        }))
    }

    pub(super) fn event(&self) -> &str {
        &self.0.event
    }

    /// Returns the bot with this code.
    pub(super) fn bot(&self, code: &str) -> Result<HookBot> {
        let known = self.0.bots.iter().find(|(bot, _)| bot.code == code);
        let (bot, api) = known.ok_or_else(|| {
            Error::failed(format_args!(
                "no bot `{code}` of this program is registered on the portal"
            ))
        })?;
        Ok(HookBot {
            bot: bot.clone(),
            api: *api,
            requests: self.clone(),
        })
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was asked, in order.
    ///
    /// # Errors
    /// A message was over a limit, or a payload cannot be serialised.
    pub(crate) fn take(&self) -> Result<Vec<Request>> {
        let mut asked = self.asked();
        match asked.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut asked.requests)),
        }
    }
}

impl HookBot {
    /// Sends a message to a chat when the hook has succeeded, ordered with what the bot says there.
    ///
    /// It is durable, and is sent once however often the hook is retried. In an open channel it is
    /// dropped while an operator has the chat. A message over a limit fails the hook, and is not
    /// retried.
    ///
    /// ```
    /// use imbot::event::payload::crm;
    /// use imbot::prelude::*;
    ///
    /// async fn deal_added(event: HookEvent) -> Result {
    ///     let deal: crm::Item = event.read()?;
    ///     event.bot("news")?.say_to(UserId(27), format!("Deal {} is new", deal.id));
    ///     Ok(())
    /// }
    /// # let _ = App::new().hook("ONCRMDEALADD", deal_added);
    /// ```
    pub fn say_to(&self, dialog: impl Into<DialogId>, message: impl Into<Draft>) {
        let draft = message.into();
        let checked = draft.check_for(self.api).map_err(Error::from);
        let kind = checked.map(|()| RequestKind::Say(draft.params()));
        self.ask(dialog.into(), kind);
    }

    /// Runs [`Bot::reminded`](super::Bot::reminded) with this payload in a chat, with the chat's
    /// state, when the hook has succeeded.
    pub fn remind(&self, dialog: impl Into<DialogId>, payload: impl Serialize) {
        let payload = serde_json::to_value(payload);
        let kind = payload.map(RequestKind::Remind).map_err(Error::from);
        self.ask(dialog.into(), kind);
    }

    fn ask(&self, dialog: DialogId, kind: Result<RequestKind>) {
        let mut asked = self.requests.asked();
        match kind {
            Ok(kind) => {
                let key = format!("hook {} {}", self.requests.event(), asked.requests.len());
                asked.requests.push(Request {
                    bot: self.bot.clone(),
                    dialog,
                    key,
                    kind,
                });
            }
            Err(error) => {
                asked.error.get_or_insert(error);
            }
        }
    }
}
