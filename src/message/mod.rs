//! Messages of a bot: text with BB codes, keyboards, attachments and menus.
//!
//! Builders do not fail. [`Draft::check`] returns the limit of the portal that a message breaks. It
//! runs whenever a bot sends a message, so a message over a limit fails its turn.
//!
//! ```
//! use imbot::message::{Button, Draft, Keyboard, Text};
//!
//! let name = "[b]Eve[/b]"; // `Text` escapes what people type
//! let draft = Draft::new(Text::new().plain("Hello, ").bold(name).plain("! Which colour?"))
//!     .keyboard(Keyboard::new().row([
//!         Button::command("Red", "paint", "red"),
//!         Button::command("Blue", "paint", "blue"),
//!     ]));
//! draft.check()?;
//! # Ok::<(), imbot::message::InvalidDraft>(())
//! ```

mod attach;
mod color;
mod keyboard;
mod markdown;
mod menu;
mod offer;
mod plain;
mod split;
mod text;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::event::{Api, MessageId};

pub use attach::{Attach, AvatarType, Block, Display, FileLink, GridCell, Image, Link, Person};
pub use color::{Color, Tone};
pub(crate) use keyboard::is_command;
pub use keyboard::{Button, Device, Keyboard};
pub use menu::{Item, Menu};
pub(crate) use offer::{Answer, FormAnswer, Offer, Offered, has_offers, sign_offers};
pub use plain::plain;
pub use split::split;
pub use text::{ImageSize, Text};

/// Maximum length of a text, in characters. The portal cuts longer texts (protocol/bots-v2.md 7.3).
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Maximum size of a keyboard or an attachment of a v2 bot as JSON, in characters
/// (protocol/bots-v2.md 2.3).
pub const RICH_CHARS_MAX: usize = 60_000;
/// Maximum size of a keyboard, an attachment or a menu of a v1 bot as JSON, in bytes
/// (`imbot.message.add`: 30 KB each).
pub const RICH_BYTES_MAX: usize = 30 * 1024;
/// Maximum number of messages forwarded with one message (protocol/bots-v2.md 2.3).
pub const FORWARDS_MAX: usize = 100;
/// Maximum size of a file in a message, in bytes, since the message waits in the store until it is
/// sent. [`Context::upload`](crate::Context::upload) sends larger files at once.
pub const DRAFT_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Parameters of a message, as they are stored: those of `imbot.message.add`, and some more.
pub(crate) const MESSAGE: &str = "MESSAGE";
/// Its keyboard.
pub(crate) const KEYBOARD: &str = "KEYBOARD";
/// Its attachment.
pub(crate) const ATTACH: &str = "ATTACH";
/// Its menu.
pub(crate) const MENU: &str = "MENU";
/// Keeps it from the client of an open channel.
pub(crate) const WHISPER: &str = "SKIP_CONNECTOR";
/// The message that it replies to.
pub(crate) const REPLY: &str = "REPLY_ID";
/// The messages that it forwards.
pub(crate) const FORWARD: &str = "FORWARD_IDS";
/// Its file: `NAME`, and `CONTENT` in base64.
pub(crate) const FILE: &str = "FILE";

/// A message to be sent: a text, and optionally a keyboard, an attachment and a menu.
///
/// Text converts into it, so [`say`](crate::Context::say) takes a string as well.
///
/// ```
/// use imbot::prelude::*;
///
/// let draft = Draft::new("Which size?").keyboard([
///     Button::command("Small", "size", "s"),
///     Button::command("Large", "size", "l"),
/// ]);
/// assert!(draft.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    text: String,
    keyboard: Option<Keyboard>,
    attach: Option<Attach>,
    menu: Option<Menu>,
    system: bool,
    no_preview: bool,
    is_whisper: bool,
    reply_to: Option<MessageId>,
    forward: Vec<MessageId>,
    file: Option<(String, Bytes)>,
    fields: Map<String, Value>,
}

/// Why the portal would not take a message. The same message never succeeds, so it is not
/// retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDraft {
    /// There is no text. With v2, an attachment, a file or a forwarded message suffices.
    #[error(
        "the message has no text; a bot of v2 may leave it out next to an attachment, a file or a forwarded message, a bot of v1 and a message with a menu never"
    )]
    NoText,
    /// The text is longer than [`TEXT_CHARS_MAX`].
    #[error(
        "the text is {chars} characters long; the portal takes {TEXT_CHARS_MAX} (`Context::say_long` and `Draft::split` make several messages of it)"
    )]
    Text {
        /// Its length in characters.
        chars: usize,
    },
    /// A keyboard, attachment or menu of a v1 bot is larger than [`RICH_BYTES_MAX`].
    #[error("the {part} takes {bytes} bytes as JSON; the portal takes {RICH_BYTES_MAX} with v1")]
    Rich {
        /// `keyboard`, `attachment` or `menu`.
        part: &'static str,
        /// Its size in bytes.
        bytes: usize,
    },
    /// A keyboard or attachment of a v2 bot is larger than [`RICH_CHARS_MAX`].
    #[error("the {part} takes {chars} characters as JSON; the portal takes {RICH_CHARS_MAX}")]
    RichText {
        /// `keyboard` or `attachment`.
        part: &'static str,
        /// Its size in characters.
        chars: usize,
    },
    /// The portal would drop or refuse a part of the message.
    #[error("the {part} has {what}")]
    Wrong {
        /// `keyboard`, `attachment`, `menu`, `file` or `message`.
        part: &'static str,
        /// The problem.
        what: String,
    },
}

impl Draft {
    /// Returns a message with this text. BB codes in strings are kept; [`Text`] escapes.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Puts a keyboard under the message.
    #[must_use]
    pub fn keyboard(mut self, keyboard: impl Into<Keyboard>) -> Self {
        self.keyboard = Some(keyboard.into());
        self
    }

    /// Attaches blocks.
    #[must_use]
    pub fn attach(mut self, attach: impl Into<Attach>) -> Self {
        self.attach = Some(attach.into());
        self
    }

    /// Sets the message's menu.
    #[must_use]
    pub fn menu(mut self, menu: Menu) -> Self {
        self.menu = Some(menu);
        self
    }

    /// Shows the message as a notice, without an author. Default: with its author.
    ///
    /// It cannot be edited or deleted later: the portal refuses that for a message without an
    /// author (`ACCESS_DENIED`, protocol/bots-v2.md 7.3).
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Shows the message as a reply to another one of the same chat, which is quoted above it. The
    /// portal ignores messages of other chats.
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// fn answer(message: &Message) -> Draft {
    ///     Draft::new("Yes, that one.").reply_to(message.id)
    /// }
    /// ```
    #[must_use]
    pub fn reply_to(mut self, message: MessageId) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// Forwards messages, at most [`FORWARDS_MAX`], from chats that the bot is in. They follow the
    /// message's own text, which may be empty.
    ///
    /// The portal does not recognise a repeat: after a crash they may be forwarded twice.
    #[must_use]
    pub fn forward(mut self, messages: impl IntoIterator<Item = MessageId>) -> Self {
        self.forward.extend(messages);
        self
    }

    /// Sends a file of at most [`DRAFT_FILE_BYTES_MAX`] bytes; the text is its caption and may be
    /// empty. A message with a file has nothing else (protocol/bots-v2.md 7.6).
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// let draft = Draft::new("The list").file("list.txt", "milk, bread");
    /// assert!(draft.check().is_ok());
    /// ```
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.file = Some((name.into(), content.into()));
        self
    }

    /// Sets a field that has no method here, by the name that the bot's API has for it, such as
    /// `silentConnector` (v2) or `SILENT_CONNECTOR` (v1). It replaces a value that another method
    /// has set.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Shows no preview of links. Default: a preview is shown.
    #[must_use]
    pub fn without_preview(mut self) -> Self {
        self.no_preview = true;
        self
    }

    /// Hides the message from the client of an open channel (`SKIP_CONNECTOR`): only operators see
    /// it. Default: the client sees it.
    #[must_use]
    pub fn whisper(mut self) -> Self {
        self.is_whisper = true;
        self
    }

    /// Returns this draft with the text of another one, and with the other parts that the other one
    /// has.
    #[must_use]
    pub fn edited(self, new: Draft) -> Self {
        let mut fields = self.fields;
        fields.extend(new.fields);
        Self {
            text: new.text,
            keyboard: new.keyboard.or(self.keyboard),
            attach: new.attach.or(self.attach),
            menu: new.menu.or(self.menu),
            system: self.system,
            no_preview: self.no_preview || new.no_preview,
            is_whisper: self.is_whisper || new.is_whisper,
            reply_to: new.reply_to.or(self.reply_to),
            forward: if new.forward.is_empty() {
                self.forward
            } else {
                new.forward
            },
            file: new.file.or(self.file),
            fields,
        }
    }

    /// Returns this message with another text.
    pub(crate) fn with_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// Returns this message as several ones, if its text is longer than [`TEXT_CHARS_MAX`]. Each
    /// has a part of the text, as [`split`] makes them. The first is the reply; the last has
    /// everything below the text.
    ///
    /// ```
    /// use imbot::message::{Draft, TEXT_CHARS_MAX};
    ///
    /// let drafts = Draft::new("word ".repeat(5_000)).split();
    /// assert_eq!(drafts.len(), 2);
    /// assert!(drafts.iter().all(|draft| draft.check().is_ok()));
    /// ```
    pub fn split(mut self) -> Vec<Self> {
        if self.text.chars().count() <= TEXT_CHARS_MAX {
            return vec![self];
        }
        let mut texts = split(&self.text, TEXT_CHARS_MAX);
        self.text = texts.pop().unwrap_or_default();
        let mut drafts: Vec<Self> = texts
            .into_iter()
            .map(|text| Self {
                text,
                system: self.system,
                no_preview: self.no_preview,
                is_whisper: self.is_whisper,
                fields: self.fields.clone(),
                ..Self::default()
            })
            .collect();
        if let Some(first) = drafts.first_mut() {
            first.reply_to = self.reply_to.take();
        }
        drafts.push(self);
        drafts
    }

    /// Whether the message is hidden from the client of an open channel.
    pub fn is_whisper(&self) -> bool {
        self.is_whisper
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks the portal's limits for bots of v2.
    ///
    /// # Errors
    /// The limit that the message breaks, or the part that the portal would drop.
    pub fn check(&self) -> Result<(), InvalidDraft> {
        self.check_for(Api::V2)
    }

    /// Checks the portal's limits for bots of this API.
    ///
    /// # Errors
    /// The limit that the message breaks, or the part that the portal would drop.
    pub fn check_for(&self, api: Api) -> Result<(), InvalidDraft> {
        self.check_parts(api)?;
        if self.text.trim().is_empty() && !may_be_without_text(&self.params(), api) {
            return Err(InvalidDraft::NoText);
        }
        Ok(())
    }

    /// Checks the parts that are there. Whether one is missing is only known when the message is
    /// complete.
    pub(crate) fn check_parts(&self, api: Api) -> Result<(), InvalidDraft> {
        let api = if self.menu.is_some() { Api::V1 } else { api }; // only v1 takes menus
        let chars = self.text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(InvalidDraft::Text { chars });
        }
        self.keyboard
            .as_ref()
            .map_or(Ok(()), |it| it.check_for(api))?;
        self.attach
            .as_ref()
            .map_or(Ok(()), |it| it.check_for(api))?;
        self.menu.as_ref().map_or(Ok(()), Menu::check)?;
        if self.forward.len() > FORWARDS_MAX {
            let what = format!("more than {FORWARDS_MAX} forwarded messages");
            return Err(wrong("message", what));
        }
        if self.menu.is_some() && (self.reply_to.is_some() || !self.forward.is_empty()) {
            let what =
                "a menu, and is a reply or forwards messages; the portal has no method for both";
            return Err(wrong("message", what));
        }
        self.file
            .as_ref()
            .map_or(Ok(()), |(name, content)| self.check_file(name, content))
    }

    fn check_file(&self, name: &str, content: &Bytes) -> Result<(), InvalidDraft> {
        let has_other_parts = self.keyboard.is_some()
            || self.attach.is_some()
            || self.menu.is_some()
            || self.reply_to.is_some()
            || !self.forward.is_empty();
        let what = if name.trim().is_empty() {
            "no name".to_owned()
        } else if content.is_empty() {
            "no content".to_owned()
        } else if content.len() > DRAFT_FILE_BYTES_MAX {
            format!(
                "{} bytes; a message takes {DRAFT_FILE_BYTES_MAX} (`Context::upload` sends more)",
                content.len()
            )
        } else if has_other_parts {
            "other parts next to it than a text; send them in a message of their own".to_owned()
        } else {
            return Ok(());
        };
        Err(wrong("file", what))
    }

    /// Returns the names of the commands that its buttons and its menu send.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &str> {
        let buttons = self.keyboard.iter().flat_map(Keyboard::commands);
        buttons.chain(self.menu.iter().flat_map(Menu::commands))
    }

    /// Returns the parameters of the message for `imbot.message.add` and similar methods.
    pub fn params(&self) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert(MESSAGE.into(), self.text.clone().into());
        let mut rich =
            |name: &str, part: Option<Value>| part.map(|part| params.insert(name.into(), part));
        rich(KEYBOARD, self.keyboard.as_ref().map(json));
        rich(ATTACH, self.attach.as_ref().map(json));
        rich(MENU, self.menu.as_ref().map(json));
        rich("SYSTEM", self.system.then(|| "Y".into()));
        rich("URL_PREVIEW", self.no_preview.then(|| "N".into()));
        rich(WHISPER, self.is_whisper.then(|| "Y".into()));
        rich(REPLY, self.reply_to.map(|id| id.0.into()));
        rich(
            FORWARD,
            Some(json(&self.forward)).filter(|_| !self.forward.is_empty()),
        );
        let file = |(name, content): &(String, Bytes)| json!({ "NAME": name, "CONTENT": STANDARD.encode(content) });
        rich(FILE, self.file.as_ref().map(file));
        params.extend(self.fields.clone());
        params
    }
}

/// Whether a bot of this API may send a message with these parameters and without a text.
pub(crate) fn may_be_without_text(params: &Map<String, Value>, api: Api) -> bool {
    let has = |name: &str| params.contains_key(name);
    !has(MENU) && (has(FORWARD) || has(FILE) || (api == Api::V2 && has(ATTACH)))
}

impl<T: Into<String>> From<T> for Draft {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default() // cannot fail: keys are text, values are plain
}

/// Checks the size of a part as JSON, for bots of this API.
fn check_size(part: &'static str, value: &Value, api: Api) -> Result<(), InvalidDraft> {
    let text = value.to_string();
    match api {
        Api::V1 if text.len() > RICH_BYTES_MAX => Err(InvalidDraft::Rich {
            part,
            bytes: text.len(),
        }),
        Api::V2 if text.chars().count() > RICH_CHARS_MAX => Err(InvalidDraft::RichText {
            part,
            chars: text.chars().count(),
        }),
        Api::V1 | Api::V2 => Ok(()),
    }
}

/// Checks a link: the portal drops all but absolute `http(s)` and portal-relative ones.
fn check_link(part: &'static str, link: &str) -> Result<(), InvalidDraft> {
    let passes = ["http://", "https://", "/"]
        .iter()
        .any(|start| link.starts_with(start));
    if passes {
        Ok(())
    } else if link.starts_with("tel:") {
        let advice = "which the portal drops; `Button::call` and `Text::call` call a number";
        Err(wrong(part, format!("the link `{link}`, {advice}")))
    } else {
        Err(wrong(
            part,
            format!("the link `{link}`, which is neither http(s):// nor /…"),
        ))
    }
}

fn wrong(part: &'static str, what: impl Into<String>) -> InvalidDraft {
    InvalidDraft::Wrong {
        part,
        what: what.into(),
    }
}

/// Serialises true as the portal's `Y`. False is left out.
fn yes<S: serde::Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("Y")
}

fn is_false(flag: &bool) -> bool {
    !flag
}
