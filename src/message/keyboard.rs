//! Buttons under a message.

use std::time::Duration;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    Color, InvalidDraft, Offer, Offered, Tone, check_link, check_size, is_false, json, wrong, yes,
};
use crate::event::{Api, PRESS, SINGLE_USE, UserId};

const PART: &str = "keyboard";
const IN_LINE: &str = "LINE";

/// Rows of buttons under a message.
///
/// ```
/// use imbot::prelude::*;
///
/// let keyboard = Keyboard::new()
///     .row([Button::command("Yes", "answer", "yes"), Button::command("No", "answer", "no")])
///     .row([Button::link("Help", "https://example.com/help")]);
/// assert!(keyboard.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keyboard {
    rows: Vec<Vec<Button>>,
}

/// A button: a text and one action.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Button {
    text: String,
    #[serde(flatten)]
    action: Action,
    #[serde(skip_serializing_if = "is_false", serialize_with = "yes")]
    block: bool,
    #[serde(skip_serializing_if = "is_false", serialize_with = "yes")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    off_bg_color: Option<Color>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off_text_color: Option<Color>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// The action of a button or a menu item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Action {
    #[serde(rename_all = "UPPERCASE")]
    Link { link: String },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Command {
        command: String,
        command_params: String,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Press {
        command: &'static str,
        /// The offer, until it is signed. The error says why there is none.
        #[serde(serialize_with = "offer")]
        command_params: Result<Box<Offer>, String>,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Client {
        action: &'static str,
        action_value: String,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    App { app_id: u64, app_params: String },
}

impl Action {
    /// Returns the action that sends a command.
    pub(super) fn command(command: impl Into<String>, params: impl Into<String>) -> Self {
        Self::Command {
            command: command.into(),
            command_params: params.into(),
        }
    }

    /// Returns an action of the chat window.
    pub(super) fn client(action: &'static str, value: impl Into<String>) -> Self {
        Self::Client {
            action,
            action_value: value.into(),
        }
    }

    /// Returns the name of the command that it sends.
    pub(super) fn command_name(&self) -> Option<&str> {
        match self {
            Self::Command { command, .. } => Some(command),
            Self::Press { command, .. } => Some(command),
            Self::Link { .. } | Self::Client { .. } | Self::App { .. } => None,
        }
    }
}

/// The devices that show a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Device {
    /// Phones and tablets only.
    Mobile,
    /// Browsers and the desktop application only.
    Desktop,
}

impl Keyboard {
    /// Returns a keyboard without buttons.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row of buttons, side by side if the chat is wide enough.
    #[must_use]
    pub fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        let mut row: Vec<Button> = buttons.into_iter().collect();
        if row.len() > 1 {
            for button in &mut row {
                button.display = Some(IN_LINE); // the portal's default, BLOCK, takes one line per button
            }
        }
        self.rows.push(row);
        self
    }

    /// Checks the portal's limits for bots of v2.
    ///
    /// # Errors
    /// The keyboard is empty or too large, or has a button that the portal would drop.
    pub fn check(&self) -> Result<(), InvalidDraft> {
        self.check_for(Api::V2)
    }

    /// Checks the portal's limits for bots of this API.
    ///
    /// # Errors
    /// The keyboard is empty or too large, or has a button that the portal would drop.
    pub fn check_for(&self, api: Api) -> Result<(), InvalidDraft> {
        let mut buttons = self.rows.iter().flatten().peekable();
        buttons.peek().ok_or_else(|| wrong(PART, "no button"))?;
        buttons.try_for_each(|button| check_item(PART, &button.text, &button.action))?;
        let mut all = self.rows.iter().flatten();
        let has_offers = all.any(|button| matches!(button.action, Action::Press { .. }));
        let json = if has_offers {
            json(&self.as_signed())
        } else {
            json(self)
        };
        check_size(PART, &json, api)
    }

    /// Returns a keyboard as large as this one is when its offers are signed.
    fn as_signed(&self) -> Self {
        let mut signed = self.clone();
        for button in signed.rows.iter_mut().flatten() {
            if let Action::Press {
                command,
                command_params: Ok(offer),
            } = &button.action
            {
                button.action = Action::command(*command, "x".repeat(offer.signed_len()));
            }
        }
        signed
    }

    /// Returns the names of the commands that its buttons send.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let buttons = self.rows.iter().flatten();
        buttons.filter_map(|button| button.action.command_name())
    }
}

/// Refuses items that the portal drops silently (`im/lib/bot/keyboard.php`).
pub(super) fn check_item(
    part: &'static str,
    text: &str,
    action: &Action,
) -> Result<(), InvalidDraft> {
    if text.trim().is_empty() {
        return Err(wrong(part, "a button without text, which the portal drops"));
    }
    match action {
        Action::Link { link } => check_link(part, link),
        Action::Command { command, .. } if !is_command(command) => Err(wrong(
            part,
            format!(
                "the command `{command}`; commands are Latin letters and digits, without a slash"
            ),
        )),
        Action::Press {
            command_params: Err(why),
            ..
        } => Err(wrong(part, format!("the button `{text}`: {why}"))),
        Action::Client {
            action,
            action_value,
        } if action_value.is_empty() => {
            Err(wrong(part, format!("the action {action} without a value")))
        }
        _ => Ok(()),
    }
}

/// Whether a command can be registered under this name (`imbot.command.register`: Latin letters and
/// digits).
pub(crate) fn is_command(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Serialize for Keyboard {
    /// Writes the portal's flat list, with a `NEWLINE` between rows.
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

/// Writes an offer, or nothing in place of one that there is not.
fn offer<S: Serializer>(
    offer: &Result<Box<Offer>, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match offer {
        Ok(offer) => offer.serialize(serializer),
        Err(_) => serializer.serialize_str(""),
    }
}

impl From<Button> for Keyboard {
    fn from(button: Button) -> Self {
        Self::new().row([button])
    }
}

impl From<Vec<Button>> for Keyboard {
    /// Makes a keyboard of one row.
    fn from(row: Vec<Button>) -> Self {
        Self::new().row(row)
    }
}

impl<const N: usize> From<[Button; N]> for Keyboard {
    /// Makes a keyboard of one row.
    fn from(row: [Button; N]) -> Self {
        Self::new().row(row)
    }
}

impl Button {
    fn new(text: impl Into<String>, action: Action) -> Self {
        Self {
            text: text.into(),
            action,
            block: false,
            disabled: false,
            context: None,
            display: None,
            width: None,
            bg_color: None,
            text_color: None,
            bg_color_token: None,
            off_bg_color: None,
            off_text_color: None,
            fields: Map::new(),
        }
    }

    /// Sends one of the bot's commands (see [`CommandSpec`](crate::CommandSpec)), as if it were
    /// typed.
    pub fn command(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Self {
        Self::new(text, Action::command(command, params))
    }

    /// Sends one of the bot's commands, once: only the first press on such a button of a message
    /// counts, whoever presses and however fast. Its turn also removes the keyboard, unless it puts
    /// another one in its place.
    ///
    /// Further presses are recognised for a day, and by then the keyboard is gone. On the portal,
    /// the parameters have an invisible character at their end.
    pub fn command_once(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Self {
        let mut params = params.into();
        params.push(SINGLE_USE);
        Self::command(text, command, params).block()
    }

    /// Comes to [`Bot::press`](crate::Bot::press) with this payload when it is pressed. Any value
    /// that serde can serialise is a payload.
    ///
    /// The payload is signed: a press proves that the bot offered it in this chat. People can read
    /// it, and pass the button on within the chat unless it is [only for](Button::only_for) one
    /// person. Whether that person may do it now, the handler still checks.
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// enum Offer {
    ///     Take { item: u32 },
    ///     No,
    /// }
    ///
    /// struct Shop;
    ///
    /// impl Bot for Shop {
    ///     async fn message(&self, cx: &mut Context, _: Message) -> Result {
    ///         cx.say("Pizza for 9?").keyboard([
    ///             Button::press("Yes", Offer::Take { item: 7 }).once(),
    ///             Button::press("No", Offer::No).once(),
    ///         ]);
    ///         Ok(())
    ///     }
    ///
    ///     async fn press(&self, cx: &mut Context, press: Press) -> Result {
    ///         match press.read()? {
    ///             Offer::Take { item } => cx.show(&press, format!("Item {item} is on its way.")),
    ///             Offer::No => cx.show(&press, "Another time, then."),
    ///         };
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn press(text: impl Into<String>, payload: impl Serialize) -> Self {
        let payload = serde_json::to_value(payload);
        let offer = payload.map(|payload| Box::new(Offer::new(Offered::Payload(payload))));
        let offer = offer.map_err(|error| format!("its payload is no JSON: {error}"));
        Self::with_offer(text, offer)
    }

    /// Makes a button of an offer.
    pub(crate) fn offer(text: impl Into<String>, offer: Offer) -> Self {
        Self::with_offer(text, Ok(Box::new(offer)))
    }

    fn with_offer(text: impl Into<String>, offer: Result<Box<Offer>, String>) -> Self {
        let action = Action::Press {
            command: PRESS,
            command_params: offer,
        };
        Self::new(text, action)
    }

    /// Counts once: of all buttons with this under a message only the first press counts, whoever
    /// presses and however fast. Its turn also removes the keyboard, unless it puts another one in
    /// its place; a turn that fails leaves the button as it was. Only for
    /// [`press`](Button::press). Default: each press counts.
    ///
    /// The last [`PRESSED_MAX`](crate::handler::PRESSED_MAX) messages of a chat whose button was
    /// pressed are remembered.
    #[must_use]
    pub fn once(self) -> Self {
        self.offered(|offer| offer.is_once = true).block()
    }

    /// Lets only this person press. Only for [`press`](Button::press). Default: everybody in the
    /// chat.
    ///
    /// `None`, such as the [sender](crate::Context::sender) of an event that nobody caused, fails
    /// the turn.
    #[must_use]
    pub fn only_for(mut self, user: impl Into<Option<UserId>>) -> Self {
        let user = user.into();
        if user.is_none()
            && let Action::Press { command_params, .. } = &mut self.action
        {
            *command_params = Err("it is only for a person, and there is none".to_owned());
        }
        self.offered(|offer| offer.only_for = user)
    }

    /// Stops counting this long after the turn. Only for [`press`](Button::press). Default: never.
    #[must_use]
    pub fn expires_after(self, time: Duration) -> Self {
        self.offered(|offer| offer.lasts = Some(time))
    }

    /// Changes what it offers. A button without an offer is refused when it is sent.
    fn offered(mut self, change: impl FnOnce(&mut Offer)) -> Self {
        match &mut self.action {
            Action::Press {
                command_params: Ok(offer),
                ..
            } => change(offer),
            Action::Press { .. } => {}
            _ => {
                self.action = Action::Press {
                    command: PRESS,
                    command_params: Err(
                        "only `Button::press` counts once, expires or is only for a person"
                            .to_owned(),
                    ),
                };
            }
        }
        self
    }

    /// Opens an address: `http(s)://…` or `/…` on the portal.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self::new(text, Action::Link { link: link.into() })
    }

    /// Sends a text in the name of the user who presses it.
    pub fn send(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::action(text, "SEND", value)
    }

    /// Puts a text into the input field.
    pub fn put(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::action(text, "PUT", value)
    }

    /// Copies a text.
    pub fn copy(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::action(text, "COPY", value)
    }

    /// Calls a number in international form.
    pub fn call(text: impl Into<String>, number: impl Into<String>) -> Self {
        Self::action(text, "CALL", number)
    }

    /// Opens a chat: `chat142`, or a user's number.
    pub fn dialog(text: impl Into<String>, dialog: impl Into<String>) -> Self {
        Self::action(text, "DIALOG", dialog)
    }

    /// Opens an application, with parameters for it. Only in chats of open channels; elsewhere use
    /// a widget (protocol/bots-v2.md 9).
    pub fn app(text: impl Into<String>, app: u64, params: impl Into<String>) -> Self {
        let action = Action::App {
            app_id: app,
            app_params: params.into(),
        };
        Self::new(text, action)
    }

    fn action(text: impl Into<String>, action: &'static str, value: impl Into<String>) -> Self {
        Self::new(text, Action::client(action, value))
    }

    /// Sets a field that has no method here, by the portal's name, such as `"WIDTH"`. It replaces
    /// a value that another method has set.
    ///
    /// ```
    /// use imbot::message::Button;
    ///
    /// let button = Button::command("Go", "go", "").field("NEW_FIELD", 1);
    /// ```
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Blocks the keyboard after a press, until the message is edited. Works with commands only.
    /// Default: not blocked.
    ///
    /// Only the chat window blocks it; the portal accepts a second press.
    /// [`command_once`](Button::command_once) does not.
    #[must_use]
    pub fn block(mut self) -> Self {
        self.block = true;
        self
    }

    /// Shows the button greyed out. Default: active.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Shows the button on these devices only. Default: on all.
    #[must_use]
    pub fn only_on(mut self, device: Device) -> Self {
        self.context = Some(device);
        self
    }

    /// Makes the button as wide as its text (`DISPLAY=LINE`). Default: so in a row of several
    /// buttons, otherwise the whole width.
    #[must_use]
    pub fn in_line(mut self) -> Self {
        self.display = Some(IN_LINE);
        self
    }

    /// Sets the width in pixels. Default: the portal's.
    #[must_use]
    pub fn width(mut self, pixels: u32) -> Self {
        self.width = Some(pixels);
        self
    }

    /// Sets the colour. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.bg_color = Some(color);
        self
    }

    /// Sets the colour of the text. Default: the portal's.
    #[must_use]
    pub fn text_color(mut self, color: Color) -> Self {
        self.text_color = Some(color);
        self
    }

    /// Sets the colour by meaning. Default: [`Tone::Base`].
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.bg_color_token = Some(tone);
        self
    }

    /// Sets the colour while the button is disabled. Default: the portal's.
    #[must_use]
    pub fn disabled_color(mut self, color: Color) -> Self {
        self.off_bg_color = Some(color);
        self
    }

    /// Sets the colour of the text while the button is disabled. Default: the portal's.
    #[must_use]
    pub fn disabled_text_color(mut self, color: Color) -> Self {
        self.off_text_color = Some(color);
        self
    }
}
