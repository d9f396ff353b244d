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
//! # Ok::<(), imbot::message::Oversized>(())
//! ```

mod attach;
mod color;
mod keyboard;
mod menu;
mod plain;
mod text;

use serde::Serialize;
use serde_json::{Map, Value};

pub use attach::{Attach, Block, Display, FileLink, GridCell, Image, Link, Person};
pub use color::{Color, Tone};
pub(crate) use keyboard::is_command;
pub use keyboard::{Button, Device, Keyboard};
pub use menu::{Item, Menu};
pub use plain::plain;
pub use text::Text;

/// Maximum length of a text, in characters. The portal cuts longer texts (protocol/bots-v2.md 7.3).
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Maximum size of a keyboard, an attachment or a menu as JSON, in bytes (`imbot.message.add`: 30
/// KB each).
pub const RICH_BYTES_MAX: usize = 30 * 1024;

/// Parameter of a message that keeps it from the client of an open channel.
pub(crate) const WHISPER: &str = "SKIP_CONNECTOR";

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
}

/// A limit of the portal that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oversized {
    /// There is no text. The portal requires one even with an attachment.
    #[error(
        "the message has no text; the portal requires one even with an attachment or a keyboard"
    )]
    NoText,
    /// The text is longer than [`TEXT_CHARS_MAX`].
    #[error("the text is {chars} characters long; the portal takes {TEXT_CHARS_MAX}")]
    Text {
        /// Its length in characters.
        chars: usize,
    },
    /// A keyboard, attachment or menu is larger than [`RICH_BYTES_MAX`].
    #[error("the {part} takes {bytes} bytes as JSON; the portal takes {RICH_BYTES_MAX}")]
    Rich {
        /// `keyboard`, `attachment` or `menu`.
        part: &'static str,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The portal would drop or refuse a part of the message.
    #[error("the {part} has {what}")]
    Wrong {
        /// `keyboard`, `attachment` or `menu`.
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
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
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
        Self {
            text: new.text,
            keyboard: new.keyboard.or(self.keyboard),
            attach: new.attach.or(self.attach),
            menu: new.menu.or(self.menu),
            system: self.system,
            no_preview: self.no_preview || new.no_preview,
            is_whisper: self.is_whisper || new.is_whisper,
        }
    }

    /// Whether the message is hidden from the client of an open channel.
    pub fn is_whisper(&self) -> bool {
        self.is_whisper
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks the portal's limits.
    ///
    /// # Errors
    /// The limit that the message breaks, or the part that the portal would drop.
    pub fn check(&self) -> Result<(), Oversized> {
        if self.text.trim().is_empty() {
            return Err(Oversized::NoText);
        }
        let chars = self.text.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(Oversized::Text { chars });
        }
        self.keyboard.as_ref().map_or(Ok(()), Keyboard::check)?;
        self.attach.as_ref().map_or(Ok(()), Attach::check)?;
        self.menu.as_ref().map_or(Ok(()), Menu::check)
    }

    /// Returns the parameters of the message for `imbot.message.add` and similar methods.
    pub fn params(&self) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert("MESSAGE".into(), self.text.clone().into());
        let mut rich =
            |name: &str, part: Option<Value>| part.map(|part| params.insert(name.into(), part));
        rich("KEYBOARD", self.keyboard.as_ref().map(json));
        rich("ATTACH", self.attach.as_ref().map(json));
        rich("MENU", self.menu.as_ref().map(json));
        rich("SYSTEM", self.system.then(|| "Y".into()));
        rich("URL_PREVIEW", self.no_preview.then(|| "N".into()));
        rich(WHISPER, self.is_whisper.then(|| "Y".into()));
        params
    }
}

impl<T: Into<String>> From<T> for Draft {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default() // cannot fail: keys are text, values are plain
}

/// Checks the size of a part as JSON.
fn check_size(part: &'static str, value: &impl Serialize) -> Result<(), Oversized> {
    let bytes = json(value).to_string().len();
    if bytes > RICH_BYTES_MAX {
        Err(Oversized::Rich { part, bytes })
    } else {
        Ok(())
    }
}

/// Checks a link: the portal drops all but absolute `http(s)` and portal-relative ones.
fn check_link(part: &'static str, link: &str) -> Result<(), Oversized> {
    let passes = ["http://", "https://", "/"]
        .iter()
        .any(|start| link.starts_with(start));
    if passes {
        Ok(())
    } else {
        Err(wrong(
            part,
            format!("the link `{link}`, which is neither http(s):// nor /…"),
        ))
    }
}

fn wrong(part: &'static str, what: impl Into<String>) -> Oversized {
    Oversized::Wrong {
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
