//! What a button offers: data that comes back to the bot when the button is pressed.
//!
//! In the parameters of a message an offer is an object in place of the command's parameters. It is
//! signed when the message is queued, because the signature covers the chat and the message.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::KEYBOARD;
use crate::event::{PRESS, UserId};

/// Length of a signed offer beside its content, in bytes: the signature, the call, the person and
/// the time.
const SIGNED_WITH: usize = 90;

/// What a button offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) what: Offered,
    /// The only person who may press it. `None` for anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) only_for: Option<UserId>,
    /// Whether only the first press on a button of the message counts.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub(crate) is_once: bool,
    /// How long after the turn it may be pressed. `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lasts: Option<Duration>,
}

/// What comes back when a button is pressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Offered {
    /// Data of the author.
    Payload(Value),
    /// An answer to a question of a form.
    Answer(FormAnswer),
    /// The end of the answer that grows.
    Stop,
}

/// An answer to a question of a form, as its button has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FormAnswer {
    pub(crate) form: String,
    pub(crate) version: u32,
    /// The index of the question.
    pub(crate) step: usize,
    pub(crate) answer: Answer,
}

/// What a button of a form does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Answers the question with this text.
    Text(String),
    /// Goes to the question before.
    Back,
    /// Ends the form.
    Cancel,
}

impl Offer {
    pub(crate) fn new(what: Offered) -> Self {
        Self {
            what,
            only_for: None,
            is_once: false,
            lasts: None,
        }
    }

    /// Returns about how long it is when it is signed, in bytes.
    pub(super) fn signed_len(&self) -> usize {
        let content = serde_json::to_string(&self.what).unwrap_or_default();
        (content.len() + SIGNED_WITH).div_ceil(3) * 4
    }
}

/// Replaces the offers in the keyboard of a message by their signed texts. Does nothing to other
/// parameters.
pub(crate) fn sign_offers(params: &mut Map<String, Value>, sign: impl Fn(&Offer) -> String) {
    let buttons = params
        .get_mut(KEYBOARD)
        .and_then(|keyboard| keyboard.get_mut("BUTTONS"))
        .and_then(Value::as_array_mut);
    for button in buttons.into_iter().flatten() {
        if button.get("COMMAND").is_none_or(|command| command != PRESS) {
            continue;
        }
        let Some(offered) = button.get_mut("COMMAND_PARAMS") else {
            continue;
        };
        if let Ok(offer) = Offer::deserialize(&*offered) {
            *offered = sign(&offer).into();
        }
    }
}

/// Whether the keyboard of a message has offers that are not signed.
pub(crate) fn has_offers(params: &Map<String, Value>) -> bool {
    let buttons = params
        .get(KEYBOARD)
        .and_then(|keyboard| keyboard.get("BUTTONS")?.as_array());
    let mut buttons = buttons.into_iter().flatten();
    buttons.any(|button| {
        let is_press = button
            .get("COMMAND")
            .is_some_and(|command| command == PRESS);
        is_press && button.get("COMMAND_PARAMS").is_some_and(Value::is_object)
    })
}
