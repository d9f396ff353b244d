//! Presses of buttons that offered something, and the signature that proves the offer.
//!
//! The portal lets anybody in a chat send a command with any parameters. So the parameters of such
//! a button are signed (HMAC-SHA-256, 128 bits) with a key of the store, for one portal, bot, chat
//! and message, and if wanted for one person. In base64 they are: the signature (16 bytes), and a
//! JSON list with the message's call, the person, the last moment, whether it counts once, and the
//! content.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Language, Phrase, Result, tell};
use crate::event::{Command, CommandFrom, MessageId, UserId};
use crate::message::{Offer, Offered, has_offers, sign_offers};
use crate::store::{Call, CallId, Conversation, EventId, QueuedCall, Secret, Time};

/// Maximum number of messages of a chat whose pressed button is remembered, so that a second press
/// does not count.
pub const PRESSED_MAX: usize = 100;

/// Length of the signature, in bytes.
const TAG: usize = 16;

/// A press of a button that offered something ([`Button::press`](crate::message::Button::press)).
///
/// The bot did offer it in this chat, to this person if it was only for one. It is forged by
/// nobody, has not expired and, if it counts once, was not pressed before: other presses get an
/// answer and do not come here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Press {
    /// The message with the button.
    pub message: MessageId,
    payload: Value,
    language: Language,
}

impl Press {
    pub(super) fn new(message: MessageId, payload: Value, language: Language) -> Self {
        Self {
            message,
            payload,
            language,
        }
    }

    /// Returns what the button offered.
    ///
    /// # Errors
    /// It is not of this type, because an earlier version of the program offered it. Returned with
    /// `?`, the error tells the person that the button is outdated.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let read = T::deserialize(&self.payload);
        read.map_err(|_| tell(Phrase::OutdatedButton.text(self.language)))
    }
}

/// A press or a command, for [`Context::show`](super::Context::show).
pub trait Pressed: sealed::Sealed {
    /// Returns the message with the button. `None` for a command that was typed.
    fn pressed_message(&self) -> Option<MessageId>;
}

impl Pressed for Press {
    fn pressed_message(&self) -> Option<MessageId> {
        Some(self.message)
    }
}

impl Pressed for Command {
    fn pressed_message(&self) -> Option<MessageId> {
        match self.from {
            CommandFrom::Keyboard | CommandFrom::Menu => Some(self.message),
            CommandFrom::Text | CommandFrom::Mention | CommandFrom::Other(_) => None,
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Press {}
    impl Sealed for super::Command {}
}

/// Signs offers, and opens them when they come back.
#[derive(Clone)]
pub(crate) struct Signer(Arc<hmac::Key>);

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Content {
    event: EventId,
    index: u16,
    only_for: Option<UserId>,
    until: Option<Time>,
    is_once: bool,
    what: Offered,
}

/// An offer that came back and is genuine.
#[derive(Debug)]
pub(super) struct Opened {
    /// The call that sent the message with the button.
    pub(super) call: CallId,
    pub(super) is_once: bool,
    pub(super) what: Offered,
}

/// Why a press does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The bot did not offer it in this chat, or with an earlier store.
    NotOffered,
    /// It was only for another person.
    NotForSender,
    Expired,
    /// It counts once, and was pressed before.
    Done,
}

impl Refusal {
    /// Returns what the person is told.
    pub(super) fn phrase(self) -> Phrase {
        match self {
            Self::NotOffered | Self::Expired => Phrase::OutdatedButton,
            Self::NotForSender => Phrase::NotYourButton,
            Self::Done => Phrase::ButtonDone,
        }
    }
}

impl Signer {
    /// Returns the signer of a store.
    pub(crate) fn new(secret: &Secret) -> Self {
        let store = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
        let own = hmac::sign(&store, b"imbot buttons 1");
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())))
    }

    /// Returns an offer of a message in a chat as the parameters of a button.
    pub(super) fn sign(
        &self,
        chat: &Conversation,
        call: CallId,
        at: Time,
        offer: &Offer,
    ) -> String {
        let content = Content {
            event: call.event,
            index: call.index,
            only_for: offer.only_for,
            until: offer.lasts.map(|lasts| at + lasts),
            is_once: offer.is_once,
            what: offer.what.clone(),
        };
        let content = serde_json::to_vec(&content).unwrap_or_default(); // cannot fail: it was JSON
        let mut signed = self.tag(chat, &content).to_vec();
        signed.extend(content);
        URL_SAFE_NO_PAD.encode(signed)
    }

    /// Signs the offers of a message that no turn of a bot sends.
    pub(crate) fn sign_message(&self, message: &mut QueuedCall) {
        let QueuedCall {
            id, to, at, call, ..
        } = message;
        if let Call::Say { params, .. } = call
            && has_offers(params)
        {
            let sign = |offer: &Offer| self.sign(to, *id, *at, offer);
            sign_offers(Arc::make_mut(params), sign);
        }
    }

    /// Opens the parameters of a pressed button.
    pub(super) fn open(
        &self,
        chat: &Conversation,
        params: &str,
        sender: Option<UserId>,
        now: Time,
    ) -> Result<Opened, Refusal> {
        let signed = URL_SAFE_NO_PAD.decode(params.trim());
        let signed = signed.map_err(|_| Refusal::NotOffered)?;
        let (tag, content) = signed.split_at_checked(TAG).ok_or(Refusal::NotOffered)?;
        verify_slices_are_equal(tag, &self.tag(chat, content)).map_err(|_| Refusal::NotOffered)?;
        let content: Content = serde_json::from_slice(content).map_err(|_| Refusal::NotOffered)?;
        if content.only_for.is_some() && content.only_for != sender {
            return Err(Refusal::NotForSender);
        }
        if content.until.is_some_and(|until| now > until) {
            return Err(Refusal::Expired);
        }
        Ok(Opened {
            call: CallId {
                event: content.event,
                index: content.index,
            },
            is_once: content.is_once,
            what: content.what,
        })
    }

    /// Returns the id of a name, which differs in every store. It is marked as version 4, since the
    /// portal accepts no other (protocol/server-behaviour.md 4.3).
    pub(super) fn id_of(&self, name: &str) -> Uuid {
        let mut id = [0; 16];
        id.copy_from_slice(&hmac::sign(&self.0, name.as_bytes()).as_ref()[..16]);
        uuid::Builder::from_random_bytes(id).into_uuid()
    }

    /// Returns the signature of a content in a chat.
    fn tag(&self, chat: &Conversation, content: &[u8]) -> [u8; TAG] {
        let mut signing = hmac::Context::with_key(&self.0);
        signing.update(chat.to_string().as_bytes());
        signing.update(&[0]);
        signing.update(content);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&signing.sign().as_ref()[..TAG]);
        tag
    }
}

impl fmt::Debug for Signer {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{BotId, DialogId, MemberId};

    const CALL: CallId = CallId {
        event: EventId(5),
        index: 16,
    };

    fn chat(dialog: &str) -> Conversation {
        Conversation {
            portal: MemberId::new("portal"),
            bot: BotId(7),
            dialog: DialogId::from(dialog),
        }
    }

    fn offer() -> Offer {
        Offer::new(Offered::Payload(Value::from("pizza")))
    }

    fn opened(
        signer: &Signer,
        signed: &str,
        dialog: &str,
        sender: u64,
    ) -> Result<Offered, Refusal> {
        let opened = signer.open(&chat(dialog), signed, Some(UserId(sender)), Time(20_000));
        opened.map(|opened| opened.what)
    }

    #[test]
    fn an_offer_comes_back_only_in_its_chat_and_with_its_key() {
        let signer = Signer::new(&Secret::random());
        let signed = signer.sign(&chat("chat1"), CALL, Time(1), &offer());
        assert_eq!(opened(&signer, &signed, "chat1", 27), Ok(offer().what));
        assert_eq!(
            opened(&signer, &signed, "chat2", 27),
            Err(Refusal::NotOffered)
        );
        let other = Signer::new(&Secret::random());
        assert_eq!(
            opened(&other, &signed, "chat1", 27),
            Err(Refusal::NotOffered)
        );
    }

    #[test]
    fn no_byte_of_an_offer_can_be_changed() {
        let signer = Signer::new(&Secret::random());
        let signed = signer.sign(&chat("1"), CALL, Time(1), &offer());
        let bytes = URL_SAFE_NO_PAD.decode(&signed).unwrap();
        for index in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(
                opened(&signer, &forged, "1", 27),
                Err(Refusal::NotOffered),
                "byte {index}"
            );
        }
        for forged in ["", "?", &signed[1..], "AAAA", &signed[..20]] {
            assert_eq!(opened(&signer, forged, "1", 27), Err(Refusal::NotOffered));
        }
    }

    #[test]
    fn an_offer_for_a_person_or_a_time_is_refused_to_others_and_later() {
        let signer = Signer::new(&Secret::random());
        let mut for_ann = offer();
        for_ann.only_for = Some(UserId(27));
        let signed = signer.sign(&chat("chat1"), CALL, Time(1), &for_ann);
        assert!(opened(&signer, &signed, "chat1", 27).is_ok());
        assert_eq!(
            opened(&signer, &signed, "chat1", 28),
            Err(Refusal::NotForSender)
        );
        let mut short = offer();
        short.lasts = Some(Duration::from_secs(10));
        for (at, result) in [
            (Time(10_000), Ok(offer().what)),
            (Time(9_999), Err(Refusal::Expired)),
        ] {
            let signed = signer.sign(&chat("chat1"), CALL, at, &short);
            assert_eq!(opened(&signer, &signed, "chat1", 27), result);
        }
    }
}
