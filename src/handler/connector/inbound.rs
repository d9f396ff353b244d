//! What a client writes, on its way to a line.

use serde_json::{Map, Value, json};

use crate::handler::Error;
use crate::message::{TEXT_CHARS_MAX, Text};
use crate::store::Time;

/// The longest name of a client that the portal takes, in characters (open-channels, section 2.1).
const NAME_CHARS_MAX: usize = 25;
/// The longest id outside, in bytes.
pub const OUTSIDE_ID_MAX: usize = 255;
/// The most files of one message.
pub const FILES_MAX: usize = 50;

/// A client outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    id: String,
    fields: Map<String, Value>,
}

impl Client {
    /// The client of this id outside.
    pub fn new(id: impl Into<String>) -> Client {
        let id = id.into();
        let fields = Map::from_iter([("id".to_owned(), id.clone().into())]);
        Client { id, fields }
    }

    /// Their first name, or all of it. Of what people call themselves the portal takes letters, spaces, hyphens and
    /// apostrophes, 25 characters: the rest is left out.
    #[must_use]
    pub fn name(self, name: &str) -> Client {
        self.with("name", taken(name))
    }

    /// Their last name; as with [`name`](Client::name).
    #[must_use]
    pub fn last_name(self, name: &str) -> Client {
        self.with("last_name", taken(name))
    }

    /// Where their picture is.
    #[must_use]
    pub fn picture(self, url: impl Into<String>) -> Client {
        self.with("picture", json!({ "url": url.into() }))
    }

    /// Their page outside.
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Client {
        self.with("url", url.into())
    }

    /// Their e-mail address.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Client {
        self.with("email", email.into())
    }

    /// Their phone number. The portal leaves out what it takes for none.
    #[must_use]
    pub fn phone(self, phone: impl Into<String>) -> Client {
        self.with("phone", phone.into())
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Client {
        let value = value.into();
        if value != "" {
            self.fields.insert(key.to_owned(), value);
        }
        self
    }
}

/// What the portal takes of a name.
fn taken(name: &str) -> String {
    let fits = |char: &char| char.is_alphabetic() || matches!(char, ' ' | '-' | '\'');
    let name: String = name.chars().filter(fits).take(NAME_CHARS_MAX).collect();
    name.trim().to_owned()
}

/// What became of a client's message on its way to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboundReceipt {
    /// The chat outside.
    pub chat: String,
    /// The message's id outside.
    pub message: String,
    /// Why the portal did not take it; `None` where it did.
    pub refused: Option<String>,
}

/// A message of a client, for a line.
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
}

impl InboundMessage {
    /// A message of this id, by a client in a chat outside. The id is that of the occurrence: what comes again under it in
    /// the same chat is dropped.
    #[expect(clippy::needless_pass_by_value, reason = "an id is a number or a text")]
    pub fn new(chat: impl Into<String>, client: Client, id: impl ToString) -> InboundMessage {
        InboundMessage {
            id: id.to_string(),
            chat: chat.into(),
            client,
            chat_name: None,
            chat_url: None,
            text: String::new(),
            files: Vec::new(),
            at: None,
            is_outside_crm: false,
        }
    }

    /// Its text, as the client typed it: what looks like BB codes in it is none.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> InboundMessage {
        self.text = String::from(Text::new().plain(text.as_ref()));
        self
    }

    /// Its text, with BB codes.
    #[must_use]
    pub fn bb(mut self, text: impl Into<String>) -> InboundMessage {
        self.text = text.into();
        self
    }

    /// Adds a file, by an address that the portal can reach, and its name.
    #[must_use]
    pub fn file(mut self, url: impl Into<String>, name: impl Into<String>) -> InboundMessage {
        self.files.push((url.into(), name.into()));
        self
    }

    /// When it was written. Default: when it came.
    #[must_use]
    pub fn at(mut self, at: Time) -> InboundMessage {
        self.at = Some(at);
        self
    }

    /// What the chat outside is called.
    #[must_use]
    pub fn chat_name(mut self, name: impl Into<String>) -> InboundMessage {
        self.chat_name = Some(name.into());
        self
    }

    /// Where the chat outside can be seen.
    #[must_use]
    pub fn chat_url(mut self, url: impl Into<String>) -> InboundMessage {
        self.chat_url = Some(url.into());
        self
    }

    /// Keeps the client out of CRM. Default: the portal finds or makes a lead for them, as its line is set up.
    #[must_use]
    pub fn without_crm(mut self) -> InboundMessage {
        self.is_outside_crm = true;
        self
    }

    /// Whether the portal would take it.
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

    /// It as an element of `MESSAGES`.
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
    fn a_message_is_written_as_the_portal_reads_it() {
        let client = Client::new("c1")
            .name("Zoë <b>O'Neil-Smith</b> the 3rd of her name")
            .phone("");
        let incoming = InboundMessage::new("chat-1", client, 7)
            .text("[b]hi[/b]")
            .file("https://x.example/a.png", "a.png");
        incoming.check(true).unwrap();
        let element = incoming.element(Time(1_700_000_000_500));
        assert_eq!(element["user"]["name"], "Zoë bO'Neil-Smithb the rd");
        assert!(element["user"].get("phone").is_none());
        assert_eq!(element["message"]["date"], 1_700_000_000);
        assert_eq!(element["message"]["id"], "7");
        assert_eq!(element["message"]["files"][0]["name"], "a.png");
        assert_ne!(
            element["message"]["text"], "[b]hi[/b]",
            "what clients type is no code"
        );
    }

    #[test]
    fn what_the_portal_would_not_take_is_told() {
        let of = |chat: &str, text: &str| {
            let incoming = InboundMessage::new(chat, Client::new("c"), 1).text(text);
            incoming.check(true).map_err(|error| error.to_string())
        };
        assert!(of("a", "hi").is_ok());
        assert!(of("a|b", "hi").unwrap_err().contains("`|`"));
        assert!(of("", "hi").unwrap_err().contains("chat"));
        assert!(of("a", " ").unwrap_err().contains("neither"));
        assert!(of("a", &"x".repeat(20_001)).unwrap_err().contains("20000"));
    }
}
