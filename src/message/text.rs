//! Text with BB codes, built from escaped pieces.

use std::fmt;

use super::Color;
use crate::event::{ChatId, DialogId, MessageId, SessionId, UserId};

/// Text with BB codes. Text that is added is escaped: brackets that people typed are not codes.
///
/// The portal documents no escape for a bracket, so an invisible word joiner (U+2060) is put into
/// what would be a code.
///
/// ```
/// use imbot::message::Text;
///
/// let text = Text::new().bold("Total").plain(": ").plain("[b]5[/b]");
/// assert_eq!(String::from(text), "[b]Total[/b]: [\u{2060}b]5[\u{2060}/b]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

/// The word joiner.
const JOINER: char = '\u{2060}';

impl Text {
    /// Returns an empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text, escaped.
    #[must_use]
    pub fn plain(mut self, text: impl fmt::Display) -> Self {
        escape(&mut self.0, &text.to_string());
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds text with BB codes, as it is.
    #[must_use]
    pub fn bb(mut self, codes: impl AsRef<str>) -> Self {
        self.0.push_str(codes.as_ref());
        self
    }

    /// Begins a new line.
    #[must_use]
    pub fn line(mut self) -> Self {
        self.0.push('\n');
        self
    }

    /// Adds bold text.
    #[must_use]
    pub fn bold(self, text: impl fmt::Display) -> Self {
        self.within("b", text)
    }

    /// Adds italic text.
    #[must_use]
    pub fn italic(self, text: impl fmt::Display) -> Self {
        self.within("i", text)
    }

    /// Adds underlined text.
    #[must_use]
    pub fn underlined(self, text: impl fmt::Display) -> Self {
        self.within("u", text)
    }

    /// Adds struck-through text.
    #[must_use]
    pub fn struck(self, text: impl fmt::Display) -> Self {
        self.within("s", text)
    }

    /// Adds text of fixed width.
    #[must_use]
    pub fn code(self, text: impl fmt::Display) -> Self {
        self.within("code", text)
    }

    /// Adds coloured text.
    #[must_use]
    pub fn color(self, color: Color, text: impl fmt::Display) -> Self {
        self.with("color", color, text)
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, label: impl fmt::Display, address: impl fmt::Display) -> Self {
        self.with("url", address, label)
    }

    /// Mentions a user.
    #[must_use]
    pub fn user(self, id: UserId, name: impl fmt::Display) -> Self {
        self.with("USER", id, name)
    }

    /// Mentions a chat.
    #[must_use]
    pub fn chat(self, id: ChatId, name: impl fmt::Display) -> Self {
        self.with("CHAT", id, name)
    }

    /// Adds a label that sends a text when it is clicked.
    #[must_use]
    pub fn send(self, label: impl fmt::Display, text: impl fmt::Display) -> Self {
        self.with("send", text, label)
    }

    /// Adds a label that puts a text into the input field when it is clicked.
    #[must_use]
    pub fn put(self, label: impl fmt::Display, text: impl fmt::Display) -> Self {
        self.with("put", text, label)
    }

    /// Adds a label that calls a number when it is clicked.
    #[must_use]
    pub fn call(self, label: impl fmt::Display, number: impl fmt::Display) -> Self {
        self.with("call", number, label)
    }

    /// Adds a label that opens a chat at a message.
    #[must_use]
    pub fn context(self, label: impl fmt::Display, dialog: &DialogId, message: MessageId) -> Self {
        self.with("context", format_args!("{dialog}/{message}"), label)
    }

    /// Mentions everybody in the chat.
    #[must_use]
    pub fn everybody(self, label: impl fmt::Display) -> Self {
        self.with("USER", "all", label)
    }

    /// Adds a link to the chat of a session of an open channel.
    #[must_use]
    pub fn open_channel(self, session: SessionId, label: impl fmt::Display) -> Self {
        self.with("CHAT", format_args!("imol|{session}"), label)
    }

    /// Adds text of this size, in pixels. The portal takes 8 to 30; others become the nearest.
    #[must_use]
    pub fn size(self, pixels: u8, text: impl fmt::Display) -> Self {
        self.with("size", pixels.clamp(8, 30), text)
    }

    /// Adds a picture.
    #[must_use]
    pub fn image(mut self, size: ImageSize, address: impl fmt::Display) -> Self {
        let address = value(address);
        // The portal needs the space before the end (protocol/bots-v2.md 11).
        self.0
            .push_str(&format!("[img size={}]{address} [/img]", size.word()));
        self
    }

    /// Adds a small picture within the text, of this width and height in pixels.
    #[must_use]
    pub fn icon(
        mut self,
        address: impl fmt::Display,
        pixels: u32,
        title: impl fmt::Display,
    ) -> Self {
        let (address, title) = (value(address), value(title));
        self.0
            .push_str(&format!("[icon={address} size={pixels} title={title}]"));
        self
    }

    /// Adds a file of the portal's drive, by its id.
    #[must_use]
    pub fn disk_file(mut self, id: u64) -> Self {
        self.0.push_str(&format!("[disk={id}]"));
        self
    }

    /// Adds a moment in Unix seconds, which each reader sees in their own time zone, in one of the
    /// portal's formats such as `SHORT_TIME_FORMAT`.
    #[must_use]
    pub fn timestamp(mut self, unix_seconds: u64, format: impl fmt::Display) -> Self {
        let format = value(format);
        self.0
            .push_str(&format!("[timestamp={unix_seconds} format={format}]"));
        self
    }

    /// Adds a quote, line by line.
    #[must_use]
    pub fn quote(mut self, text: impl fmt::Display) -> Self {
        for line in text.to_string().lines() {
            if !self.0.is_empty() && !self.0.ends_with('\n') {
                self.0.push('\n');
            }
            self.0.push_str(">>");
            escape(&mut self.0, line);
            self.0.push('\n');
        }
        self
    }

    fn within(mut self, code: &str, text: impl fmt::Display) -> Self {
        self.0.push_str(&format!("[{code}]"));
        self = self.plain(text);
        self.0.push_str(&format!("[/{code}]"));
        self
    }

    fn with(mut self, code: &str, value: impl fmt::Display, text: impl fmt::Display) -> Self {
        let value = self::value(value);
        self.0.push_str(&format!("[{code}={value}]"));
        self = self.plain(text);
        self.0.push_str(&format!("[/{code}]"));
        self
    }
}

/// Returns a value that can stand in a code. A bracket would end the code.
pub(super) fn value(value: impl fmt::Display) -> String {
    value
        .to_string()
        .replace('[', "%5B")
        .replace(']', "%5D")
        .replace('\n', " ")
}

/// The size of a picture in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names suffice")]
pub enum ImageSize {
    Small,
    #[default]
    Medium,
    Large,
}

impl ImageSize {
    fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// Appends text, escaped so that it has no BB code, quote or command.
fn escape(into: &mut String, text: &str) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            into.push('\n');
        }
        let begins = into.is_empty() || into.ends_with('\n');
        if begins && (line.starts_with(">>") || line.starts_with("------") || line.starts_with('/'))
        {
            into.push(JOINER);
        }
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            into.push(char);
            if char == '['
                && chars
                    .peek()
                    .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '*'))
            {
                into.push(JOINER);
            }
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.0
    }
}
