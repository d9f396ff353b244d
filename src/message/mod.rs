//! What a bot says: text with BB codes, keyboards, attachments and menus.
//!
//! Builders cannot fail; [`Draft::check`] tells whether the portal would take the result, and names the limit if not. It
//! runs whenever a bot says something, so a message that is too long fails the turn in which it was built.
//!
//! ```
//! use imbot::message::{Button, Draft, Keyboard, Text};
//!
//! let name = "[b]Eve[/b]"; // what people type is never taken for BB codes
//! let draft = Draft::new(Text::new().plain("Hello, ").bold(name).plain("! Which colour?"))
//!     .keyboard(Keyboard::new().row([Button::command("Red", "paint", "red"), Button::command("Blue", "paint", "blue")]));
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

/// The longest text, in characters: the portal cuts what is longer (`bots-v2`, `imbot.v2.Chat.Message.send`).
pub const TEXT_CHARS_MAX: usize = 20_000;
/// The largest keyboard, attachment or menu as JSON, in bytes (`imbot.message.add`: 30 KB each).
pub const RICH_BYTES_MAX: usize = 30 * 1024;

/// Parameter of a message that keeps it from the client of an open channel.
pub(crate) const WHISPER: &str = "SKIP_CONNECTOR";

/// A message that is not sent yet.
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

/// Why the portal would not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oversized {
    /// There is no text: the portal wants one even beside an attachment.
    #[error(
        "the message has no text; the portal wants one even beside an attachment or a keyboard"
    )]
    NoText,
    /// The text is longer than [`TEXT_CHARS_MAX`].
    #[error("the text is {chars} characters long; the portal takes {TEXT_CHARS_MAX}")]
    Text {
        /// How long it is.
        chars: usize,
    },
    /// A keyboard, attachment or menu is larger than [`RICH_BYTES_MAX`].
    #[error("the {part} takes {bytes} bytes as JSON; the portal takes {RICH_BYTES_MAX}")]
    Rich {
        /// `keyboard`, `attachment` or `menu`.
        part: &'static str,
        /// How large it is.
        bytes: usize,
    },
    /// A part of it would be dropped or refused by the portal.
    #[error("the {part} holds {what}")]
    Wrong {
        /// `keyboard`, `attachment` or `menu`.
        part: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl Draft {
    /// A message of this text. Strings are taken as they are, BB codes included; [`Text`] escapes.
    pub fn new(text: impl Into<String>) -> Draft {
        Draft {
            text: text.into(),
            ..Draft::default()
        }
    }

    /// Puts a keyboard under it.
    #[must_use]
    pub fn keyboard(mut self, keyboard: impl Into<Keyboard>) -> Draft {
        self.keyboard = Some(keyboard.into());
        self
    }

    /// Attaches blocks.
    #[must_use]
    pub fn attach(mut self, attach: impl Into<Attach>) -> Draft {
        self.attach = Some(attach.into());
        self
    }

    /// Adds items to the message's menu.
    #[must_use]
    pub fn menu(mut self, menu: Menu) -> Draft {
        self.menu = Some(menu);
        self
    }

    /// Shows it as a notice, without an author. Default: no.
    #[must_use]
    pub fn system(mut self) -> Draft {
        self.system = true;
        self
    }

    /// Shows no preview of links in it. Default: a preview is shown.
    #[must_use]
    pub fn without_preview(mut self) -> Draft {
        self.no_preview = true;
        self
    }

    /// Keeps it from the client of an open channel (`SKIP_CONNECTOR`): only operators see it. Default: the client sees it.
    #[must_use]
    pub fn whisper(mut self) -> Draft {
        self.is_whisper = true;
        self
    }

    /// This draft with the text of another, and its other parts where that has them.
    #[must_use]
    pub fn edited(self, new: Draft) -> Draft {
        Draft {
            text: new.text,
            keyboard: new.keyboard.or(self.keyboard),
            attach: new.attach.or(self.attach),
            menu: new.menu.or(self.menu),
            system: self.system,
            no_preview: self.no_preview || new.no_preview,
            is_whisper: self.is_whisper || new.is_whisper,
        }
    }

    /// Whether the client of an open channel does not see it.
    pub fn is_whisper(&self) -> bool {
        self.is_whisper
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the portal would take it.
    ///
    /// # Errors
    /// The limit that it breaks, or the part that the portal would drop.
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

    /// The parameters of `imbot.message.add` and its relatives that stand for the message itself.
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
    fn from(text: T) -> Draft {
        Draft::new(text)
    }
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default() // text keys and plain values: cannot fail
}

/// Refuses a part that is too large as JSON.
fn check_size(part: &'static str, value: &impl Serialize) -> Result<(), Oversized> {
    let bytes = json(value).to_string().len();
    if bytes > RICH_BYTES_MAX {
        Err(Oversized::Rich { part, bytes })
    } else {
        Ok(())
    }
}

/// Refuses a link that the portal would drop: absolute `http(s)` and portal-relative ones pass.
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

/// A yes that the portal writes `Y`; a no is left out.
fn yes<S: serde::Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("Y")
}

fn is_no(flag: &bool) -> bool {
    !flag
}
