//! Runs a press of a button with an offer: checks it, and calls the handler for what it offered.

use super::parts::Parts;
use super::{Bot, Context, Erased, Language, Result, State};
use crate::event::{Command, Message};
use crate::handler::press::{Opened, PRESSED_MAX, Press, Refusal};
use crate::handler::tell;
use crate::message::{Answer, FormAnswer, Offered};
use crate::store::CallId;

/// Name of the part that holds the calls whose button counts once and was pressed.
const PRESSED: &str = "pressed";

impl<S: State, B: Bot<S>> Erased<B, S> {
    /// Handles a press. One that does not count is answered.
    pub(super) async fn on_press(&self, cx: &mut Context<S>, command: &Command) -> Result {
        let language = Language::of(cx.language());
        match counted(cx, command).await? {
            Ok(Offered::Payload(payload)) => {
                let press = Press::new(command.message, payload, language);
                self.bot.press(cx, press).await
            }
            Ok(Offered::Answer(answer)) => {
                let message = Message::of_button(command.message, text_of(&answer));
                cx.context_mut().form_answer = Some(answer);
                self.bot.message(cx, message).await
            }
            Ok(Offered::Stop) => Ok(()), // the answer that grew has ended by now
            Err(refusal) => {
                tracing::debug!(conversation = %cx.context().conversation, ?refusal, "a press does not count");
                cx.effects().refuse_press();
                Err(tell(refusal.phrase().text(language)))
            }
        }
    }
}

/// Returns what a pressed button offered, if the press counts.
async fn counted<S>(cx: &mut Context<S>, command: &Command) -> Result<Result<Offered, Refusal>> {
    let context = cx.context();
    let opened = context.services.signer.open(
        &context.conversation,
        &command.params,
        cx.sender(),
        context.now,
    );
    let Opened {
        call,
        is_once,
        what,
    } = match opened {
        Ok(opened) => opened,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if is_once {
        if !mark_pressed(&cx.parts(), call).await? {
            return Ok(Err(Refusal::Done));
        }
        cx.effects().remove_keyboard(Some(command.message));
    }
    Ok(Ok(what))
}

/// Notes that the button of a call was pressed. Returns false if it was pressed before.
async fn mark_pressed(parts: &Parts, call: CallId) -> Result<bool> {
    let mut pressed: Vec<CallId> = parts.read(PRESSED).await?.unwrap_or_default();
    if pressed.contains(&call) {
        return Ok(false);
    }
    pressed.push(call);
    let surplus = pressed.len().saturating_sub(PRESSED_MAX);
    parts.set(PRESSED, &&pressed[surplus..])?;
    Ok(true)
}

/// Returns the text of a message that a button of a form stands for.
fn text_of(answer: &FormAnswer) -> String {
    match &answer.answer {
        Answer::Text(text) => text.clone(),
        Answer::Back | Answer::Cancel => String::new(),
    }
}
