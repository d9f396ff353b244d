//! Buttons under a message.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::{Color, Oversized, Tone, check_link, check_size, is_no, wrong, yes};

const PART: &str = "keyboard";
const IN_LINE: &str = "LINE";

/// Rows of buttons under a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyboard {
    rows: Vec<Vec<Button>>,
}

/// One button: a text and exactly one thing that it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Button {
    text: String,
    #[serde(flatten)]
    does: Does,
    #[serde(skip_serializing_if = "is_no", serialize_with = "yes")]
    block: bool,
    #[serde(skip_serializing_if = "is_no", serialize_with = "yes")]
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bg_color: Option<Color>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_color: Option<Color>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bg_color_token: Option<Tone>,
}

/// What a button or a menu item does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Does {
    #[serde(rename_all = "UPPERCASE")]
    Link { link: String },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Command {
        command: String,
        command_params: String,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Action {
        action: &'static str,
        action_value: String,
    },
}

/// Where a button is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Device {
    /// Phones and tablets only.
    Mobile,
    /// Browsers and the desktop application only.
    Desktop,
}

impl Keyboard {
    /// A keyboard without buttons.
    pub fn new() -> Keyboard {
        Keyboard::default()
    }

    /// Adds a row of buttons, which stand beside each other as far as the chat is wide enough.
    #[must_use]
    pub fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Keyboard {
        let mut row: Vec<Button> = buttons.into_iter().collect();
        if row.len() > 1 {
            for button in &mut row {
                button.display = Some(IN_LINE); // the portal's default, BLOCK, takes a line for each
            }
        }
        self.rows.push(row);
        self
    }

    /// Whether the portal would take it whole.
    ///
    /// # Errors
    /// It is too large, or holds a button that the portal would drop.
    pub fn check(&self) -> Result<(), Oversized> {
        let mut buttons = self.rows.iter().flatten().peekable();
        buttons.peek().ok_or_else(|| wrong(PART, "no button"))?;
        buttons.try_for_each(|button| check_item(PART, &button.text, &button.does))?;
        check_size(PART, self)
    }
}

/// Refuses what the portal drops silently (`im/lib/bot/keyboard.php`).
pub(super) fn check_item(part: &'static str, text: &str, does: &Does) -> Result<(), Oversized> {
    if text.trim().is_empty() {
        return Err(wrong(part, "a button without text, which the portal drops"));
    }
    match does {
        Does::Link { link } => check_link(part, link),
        Does::Command { command, .. } if !is_command(command) => Err(wrong(
            part,
            format!(
                "the command `{command}`; commands are Latin letters and digits, without a slash"
            ),
        )),
        Does::Action {
            action,
            action_value,
        } if action_value.is_empty() => {
            Err(wrong(part, format!("the action {action} without a value")))
        }
        _ => Ok(()),
    }
}

/// Whether a command can be registered under this name (`imbot.command.register`: Latin letters and digits).
pub(crate) fn is_command(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Serialize for Keyboard {
    /// The flat list that the portal takes: a `NEWLINE` between rows.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Full<'a> {
            #[serde(rename = "BUTTONS", serialize_with = "flat")]
            rows: &'a Vec<Vec<Button>>,
        }
        Full { rows: &self.rows }.serialize(serializer)
    }
}

fn flat<S: Serializer>(rows: &&Vec<Vec<Button>>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct NewLine {
        #[serde(rename = "TYPE")]
        kind: &'static str,
    }
    let mut list = serializer.serialize_seq(None)?;
    for (index, row) in rows.iter().filter(|row| !row.is_empty()).enumerate() {
        if index > 0 {
            list.serialize_element(&NewLine { kind: "NEWLINE" })?;
        }
        row.iter()
            .try_for_each(|button| list.serialize_element(button))?;
    }
    list.end()
}

impl From<Button> for Keyboard {
    fn from(button: Button) -> Keyboard {
        Keyboard::new().row([button])
    }
}

impl<const N: usize> From<[Button; N]> for Keyboard {
    /// One row.
    fn from(row: [Button; N]) -> Keyboard {
        Keyboard::new().row(row)
    }
}

impl Button {
    fn new(text: impl Into<String>, does: Does) -> Button {
        Button {
            text: text.into(),
            does,
            block: false,
            disabled: false,
            context: None,
            display: None,
            width: None,
            bg_color: None,
            text_color: None,
            bg_color_token: None,
        }
    }

    /// Gives the bot a command of its own (see [`CommandSpec`](crate::CommandSpec)), as if it were typed.
    pub fn command(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Button {
        Button::new(
            text,
            Does::Command {
                command: command.into(),
                command_params: params.into(),
            },
        )
    }

    /// Opens an address: `http(s)://…` or `/…` on the portal.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Button {
        Button::new(text, Does::Link { link: link.into() })
    }

    /// Sends a text as the person who presses.
    pub fn send(text: impl Into<String>, value: impl Into<String>) -> Button {
        Button::action(text, "SEND", value)
    }

    /// Puts a text into the input field.
    pub fn put(text: impl Into<String>, value: impl Into<String>) -> Button {
        Button::action(text, "PUT", value)
    }

    /// Copies a text.
    pub fn copy(text: impl Into<String>, value: impl Into<String>) -> Button {
        Button::action(text, "COPY", value)
    }

    /// Calls a number in international form.
    pub fn call(text: impl Into<String>, number: impl Into<String>) -> Button {
        Button::action(text, "CALL", number)
    }

    /// Opens a chat: `chat142`, or a user's number.
    pub fn dialog(text: impl Into<String>, dialog: impl Into<String>) -> Button {
        Button::action(text, "DIALOG", dialog)
    }

    fn action(text: impl Into<String>, action: &'static str, value: impl Into<String>) -> Button {
        Button::new(
            text,
            Does::Action {
                action,
                action_value: value.into(),
            },
        )
    }

    /// Blocks the keyboard after a press, until the message is edited. Works with commands only. Default: no.
    ///
    /// Only the chat window does so; nothing on the portal stops a second press.
    #[must_use]
    pub fn block(mut self) -> Button {
        self.block = true;
        self
    }

    /// Shows it greyed out. Default: no.
    #[must_use]
    pub fn disabled(mut self) -> Button {
        self.disabled = true;
        self
    }

    /// Shows it on these devices only. Default: on all.
    #[must_use]
    pub fn only_on(mut self, device: Device) -> Button {
        self.context = Some(device);
        self
    }

    /// Takes no more width than its text needs (`DISPLAY=LINE`). Default: so in a row of several, else the whole width.
    #[must_use]
    pub fn in_line(mut self) -> Button {
        self.display = Some(IN_LINE);
        self
    }

    /// Its width in pixels. Default: the portal's.
    #[must_use]
    pub fn width(mut self, pixels: u32) -> Button {
        self.width = Some(pixels);
        self
    }

    /// Its colour. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: Color) -> Button {
        self.bg_color = Some(color);
        self
    }

    /// The colour of its text. Default: the portal's.
    #[must_use]
    pub fn text_color(mut self, color: Color) -> Button {
        self.text_color = Some(color);
        self
    }

    /// Its colour by meaning. Default: [`Tone::Base`].
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Button {
        self.bg_color_token = Some(tone);
        self
    }
}
