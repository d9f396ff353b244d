//! Where an answer grows: its chat, and the calls that show it there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::running::RunningAnswer;
use crate::event::{Api, MessageId, UserId};
use crate::handler::turn::effects::Effects;
use crate::handler::turn::parts::Parts;
use crate::handler::{Context, Language, Phrase, Result, Showing};
use crate::message::{Button, Draft, Offer, Offered, TEXT_CHARS_MAX, split};
use crate::portal::{BotClient, Status};
use crate::store::{EventId, MessageRef};

/// Name of the part that holds the message of the answer to an event.
const PART: &str = "stream";

/// The message of an answer, so that a further attempt at its event continues in it.
#[derive(Serialize, Deserialize)]
struct Shown {
    event: EventId,
    message: MessageId,
}

/// Where an answer grows.
pub(super) struct Place {
    parts: Parts,
    effects: Effects,
    client: BotClient,
    /// The person who is answered.
    person: Option<UserId>,
    language: Language,
    pub(super) has_button: bool,
}

impl Place {
    pub(super) fn of<S>(cx: &Context<S>) -> Self {
        let client = cx.client();
        let portal = client.portal().with_key(&cx.context().conversation);
        Self {
            parts: cx.parts(),
            effects: cx.effects().clone(),
            client: BotClient::new(portal.in_bulk(), client.bot(), cx.effects().api()),
            person: cx.sender(),
            language: Language::of(cx.language()),
            has_button: false,
        }
    }

    /// Registers the answer as one that can be stopped.
    pub(super) fn begin(&self, words: Vec<String>) -> RunningAnswer {
        let Self { parts, person, .. } = self;
        parts.answers().begin(
            (parts.conversation(), parts.event()),
            *person,
            words,
            self.language,
        )
    }

    /// Returns the message in which an earlier attempt at the event has shown its answer.
    pub(super) async fn shown_before(&self) -> Result<Option<MessageId>> {
        let shown: Option<Shown> = self.parts.stored(PART).await?;
        let shown = shown.filter(|shown| shown.event == self.parts.event());
        let message = shown.map(|shown| shown.message);
        self.effects.set_streamed(message);
        Ok(message)
    }

    /// Shows the bot as writing until the guard is dropped.
    pub(super) fn show_writing(&self) -> Showing {
        let dialog = &self.parts.conversation().dialog;
        Showing::begin(&self.client, dialog, Status::Generating)
    }

    /// Shows what has come: in the message, or in a new one. Returns the message.
    pub(super) async fn show(&self, message: Option<MessageId>, codes: &str) -> Result<MessageId> {
        let params = self.effects.signed_now(&self.draft(codes));
        if let Some(message) = message {
            self.client.edit(message, params).await?;
            return Ok(message);
        }
        let dialog = &self.parts.conversation().dialog;
        let id = (self.effects.api() == Api::V2).then(|| self.repeat_id());
        let message = self.client.say(dialog, params, id).await?;
        self.effects.set_streamed(Some(message));
        let event = self.parts.event();
        self.parts.put(PART, &Shown { event, message }).await?;
        Ok(message)
    }

    /// Sends the whole text when the turn is committed.
    pub(super) fn finish(&self, codes: &str, shown: Option<MessageId>) {
        self.parts.remove(PART);
        if codes.trim().is_empty() && shown.is_none() {
            return;
        }
        let mut shown = shown;
        for draft in Draft::new(codes).split() {
            let Some(message) = shown.take() else {
                let dialog = self.parts.conversation().dialog.clone();
                self.effects.say(dialog, &draft);
                continue;
            };
            let handle = self.effects.handle(MessageRef::Sent(message)).edit(draft);
            if self.has_button {
                handle.without_keyboard();
            }
        }
    }

    /// Returns the message with what has come, as far as one message can hold it.
    fn draft(&self, codes: &str) -> Draft {
        let text = split(codes, TEXT_CHARS_MAX).into_iter().next();
        let draft = Draft::new(text.unwrap_or_default());
        if !self.has_button {
            return draft;
        }
        let mut offer = Offer::new(Offered::Stop);
        offer.only_for = self.person;
        draft.keyboard(Button::offer(Phrase::Stop.text(self.language), offer))
    }

    /// Returns the id by which the portal recognises the message if it is sent again.
    fn repeat_id(&self) -> Uuid {
        let (chat, event) = (self.parts.conversation(), self.parts.event());
        self.parts.signer().id_of(&format!("{chat} {event} {PART}"))
    }
}
