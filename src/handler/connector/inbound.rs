//! Messages from a client to a line.

use serde_json::{Map, Value, json};

use crate::event::UserId;
use crate::handler::{Error, Gender};
use crate::message::{TEXT_CHARS_MAX, Text};
use crate::store::Time;

/// Maximum length of a client's name on the portal, in characters (protocol/open-channels.md 2.1).
const NAME_CHARS_MAX: usize = 25;
/// Maximum length of an outside id, in bytes.
pub const OUTSIDE_ID_MAX: usize = 255;
/// Maximum number of files of one message.
pub const FILES_MAX: usize = 50;

/// A client of the outside messenger.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    id: String,
    fields: Map<String, Value>,
}

impl Client {
    /// Returns a client with this outside id.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        let fields = Map::from_iter([("id".to_owned(), id.clone().into())]);
        Self { id, fields }
    }

    /// Sets the first name, or the whole name. The portal takes letters, spaces, hyphens and
    /// apostrophes, at most 25 characters; other characters are left out. A name without a letter,
    /// such as a phone number, is not sent, and the portal names the client itself.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.with("name", accepted(name))
    }

    /// Sets the last name, with the limits of [`name`](Client::name).
    #[must_use]
    pub fn last_name(self, name: &str) -> Self {
        self.with("last_name", accepted(name))
    }

    /// Sets the address of the picture.
    #[must_use]
    pub fn picture(self, url: impl Into<String>) -> Self {
        self.with("picture", json!({ "url": url.into() }))
    }

    /// Sets the address of the outside profile page.
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Self {
        self.with("url", url.into())
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        self.with("email", email.into())
    }

    /// Sets the phone number. The portal drops what it does not recognise as one.
    #[must_use]
    pub fn phone(self, phone: impl Into<String>) -> Self {
        self.with("phone", phone.into())
    }

    /// Sets the gender.
    #[must_use]
    pub fn gender(self, gender: Gender) -> Self {
        let word = match gender {
            Gender::Male => "male",
            Gender::Female => "female",
        };
        self.with("gender", word)
    }

    /// Takes the phone number as it is, also if the portal does not recognise it as one. The page
    /// recommends it for exceptional cases only.
    #[must_use]
    pub fn skip_phone_validation(self) -> Self {
        self.with("skip_phone_validate", "Y")
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value != "" {
            self.fields.insert(key.to_owned(), value);
        }
        self
    }
}

/// Returns the part of a name that the portal takes; empty if that has no letter.
fn accepted(name: &str) -> String {
    let fits = |char: &char| char.is_alphabetic() || matches!(char, ' ' | '-' | '\'');
    let name: String = name.chars().filter(fits).take(NAME_CHARS_MAX).collect();
    let name = name.trim();
    let has_letter = name.chars().any(char::is_alphabetic);
    if has_letter {
        name.to_owned()
    } else {
        String::new()
    }
}

/// The receipt of a client's message: whether the portal took it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboundReceipt {
    /// The outside chat.
    pub chat: String,
    /// The message's outside id.
    pub message: String,
    /// The portal's refusal. `None` if it took the message.
    pub refused: Option<String>,
}

/// A message of a client for a line.
///
/// ```
/// use imbot::prelude::*;
///
/// let client = Client::new("eve").name("Eve");
/// let message = InboundMessage::new("chat-1", client, 7).text("Are you open?");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InboundMessage {
    pub(super) id: String,
    pub(super) chat: String,
    client: Client,
    chat_name: Option<String>,
    chat_url: Option<String>,
    text: String,
    files: Vec<(String, String)>,
    at: Option<Time>,
    is_outside_crm: bool,
    employee: Option<UserId>,
}

impl InboundMessage {
    /// Returns a message of a client in an outside chat. The id identifies the message: another one
    /// with the same id in the same chat is dropped.
    #[expect(clippy::needless_pass_by_value, reason = "an id is a number or a text")]
    pub fn new(chat: impl Into<String>, client: Client, id: impl ToString) -> Self {
        Self {
            id: id.to_string(),
            chat: chat.into(),
            client,
            chat_name: None,
            chat_url: None,
            text: String::new(),
            files: Vec::new(),
            at: None,
            is_outside_crm: false,
            employee: None,
        }
    }

    /// Sets the text as the client typed it. BB codes in it are escaped.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text = String::from(Text::new().plain(text.as_ref()));
        self
    }

    /// Sets the text with BB codes.
    #[must_use]
    pub fn bb(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Adds a file, by an address that the portal can reach, and its name.
    #[must_use]
    pub fn file(mut self, url: impl Into<String>, name: impl Into<String>) -> Self {
        self.files.push((url.into(), name.into()));
        self
    }

    /// Sets the time when it was written. Default: the time of
    /// [`Channel::inbound`](super::Channel::inbound).
    #[must_use]
    pub fn at(mut self, at: Time) -> Self {
        self.at = Some(at);
        self
    }

    /// Sets the name of the outside chat.
    #[must_use]
    pub fn chat_name(mut self, name: impl Into<String>) -> Self {
        self.chat_name = Some(name.into());
        self
    }

    /// Sets the address of the outside chat.
    #[must_use]
    pub fn chat_url(mut self, url: impl Into<String>) -> Self {
        self.chat_url = Some(url.into());
        self
    }

    /// Keeps the client out of CRM. Default: the portal finds or creates a lead, by the line's
    /// settings.
    #[must_use]
    pub fn without_crm(mut self) -> Self {
        self.is_outside_crm = true;
        self
    }

    /// Shows the message as this employee's, and not as the client's: what somebody has answered in
    /// the messenger's own app, outside the portal. The client already has it, so it is not sent
    /// out again. A bot on the line takes it as an operator's and is silent from then on.
    #[must_use]
    pub fn by_employee(mut self, employee: UserId) -> Self {
        self.employee = Some(employee);
        self
    }

    /// Checks the portal's limits.
    ///
    /// # Errors
    /// The limit that the message breaks.
    pub(super) fn check(&self, needs_content: bool) -> Result<(), Error> {
        let chars = self.text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(Error::failed(format_args!(
                "the client's text is {chars} characters long; the portal takes {TEXT_CHARS_MAX}"
            )));
        }
        if self.files.len() > FILES_MAX {
            return Err(Error::failed(format_args!(
                "the client's message has {} files; at most {FILES_MAX} are passed on",
                self.files.len()
            )));
        }
        for (what, id) in [
            ("chat", &self.chat),
            ("client", &self.client.id),
            ("message", &self.id),
        ] {
            if id.is_empty() || id.len() > OUTSIDE_ID_MAX || id.contains('|') {
                return Err(Error::failed(format_args!(
                    "the id of a {what} outside is between 1 and {OUTSIDE_ID_MAX} bytes long, and without `|`, with which the \
                     portal separates ids"
                )));
            }
        }
        if needs_content && self.text.trim().is_empty() && self.files.is_empty() {
            return Err(Error::failed(
                "the client's message has neither text nor files",
            ));
        }
        Ok(())
    }

    /// Returns the message as an element of `MESSAGES`.
    pub(super) fn element(&self, now: Time) -> Value {
        let mut message = json!({ "id": self.id, "date": self.at.unwrap_or(now).0 / 1_000 });
        if !self.text.is_empty() {
            message["text"] = self.text.clone().into();
        }
        if !self.files.is_empty() {
            let file = |(url, name): &(String, String)| json!({ "url": url, "name": name });
            message["files"] = self.files.iter().map(file).collect();
        }
        if self.is_outside_crm {
            message["disable_crm"] = "Y".into();
        }
        if let Some(employee) = self.employee {
            message["user_id"] = json!(employee);
        }
        let mut chat = json!({ "id": self.chat });
        for (key, value) in [("name", &self.chat_name), ("url", &self.chat_url)] {
            if let Some(value) = value {
                chat[key] = value.clone().into();
            }
        }
        json!({ "user": self.client.fields, "message": message, "chat": chat })
    }
}

#[cfg(test)]
mod tests {
    use crate::handler::connector::inbound::*;

    #[test]
    fn a_message_has_the_portals_format() {
        let client = Client::new("c1")
            .name("Zoë <b>O'Neil-Smith</b> the 3rd of her name")
            .phone("");
        let message = InboundMessage::new("chat-1", client, 7)
            .text("[b]hi[/b]")
            .file("https://x.example/a.png", "a.png");
        message.check(true).unwrap();
        let element = message.element(Time(1_700_000_000_500));
        assert_eq!(element["user"]["name"], "Zoë bO'Neil-Smithb the rd");
        assert!(element["user"].get("phone").is_none());
        assert_eq!(element["message"]["date"], 1_700_000_000);
        assert_eq!(element["message"]["id"], "7");
        assert_eq!(element["message"]["files"][0]["name"], "a.png");
        assert_ne!(
            element["message"]["text"], "[b]hi[/b]",
            "BB codes in a client's text are escaped"
        );
    }

    #[test]
    fn a_name_without_a_letter_is_not_sent() {
        for name in ["+7 999 000-11-22", "+49 30 1234-56", "12345", "-", "' '"] {
            let fields = Client::new("w").name(name).last_name(name).fields;
            assert!(!fields.contains_key("name"), "{name}: {fields:?}");
            assert!(!fields.contains_key("last_name"), "{name}: {fields:?}");
        }
        assert_eq!(Client::new("w").name("Anna 2").fields["name"], "Anna");
    }

    #[test]
    fn gender_phone_validation_and_employee_have_the_portals_names() {
        let client = Client::new("c")
            .gender(Gender::Female)
            .phone("12")
            .skip_phone_validation();
        let message = InboundMessage::new("a", client, 1).text("hi");
        let element = message.by_employee(UserId(7)).element(Time(0));
        assert_eq!(element["user"]["gender"], "female");
        assert_eq!(element["user"]["skip_phone_validate"], "Y");
        assert_eq!(element["message"]["user_id"], 7);
    }

    #[test]
    fn a_message_over_a_limit_is_refused_with_the_limit() {
        let of = |chat: &str, text: &str| {
            let message = InboundMessage::new(chat, Client::new("c"), 1).text(text);
            message.check(true).map_err(|error| error.to_string())
        };
        assert!(of("a", "hi").is_ok());
        assert!(of("a|b", "hi").unwrap_err().contains("`|`"));
        assert!(of("", "hi").unwrap_err().contains("chat"));
        assert!(of("a", " ").unwrap_err().contains("neither"));
        assert!(of("a", &"x".repeat(20_001)).unwrap_err().contains("20000"));
    }
}
