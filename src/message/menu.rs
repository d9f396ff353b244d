//! Items in the menu of a message (v1 only).

use serde::Serialize;
use serde_json::{Map, Value};

use super::keyboard::{Action, check_item};
use super::{Device, InvalidDraft, check_size, is_false, json, wrong, yes};
use crate::event::Api;

const PART: &str = "menu";

/// Items in the menu of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Menu {
    #[serde(rename = "ITEMS")]
    items: Vec<Item>,
}

/// A menu item: a text and one action.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Item {
    text: String,
    #[serde(flatten)]
    action: Action,
    #[serde(skip_serializing_if = "is_false", serialize_with = "yes")]
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Device>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Menu {
    /// Returns a menu without items.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    /// Checks the portal's limits.
    ///
    /// # Errors
    /// The menu is empty or too large, or has an item that the portal would drop.
    pub fn check(&self) -> Result<(), InvalidDraft> {
        if self.items.is_empty() {
            return Err(wrong(PART, "no item"));
        }
        self.items
            .iter()
            .try_for_each(|item| check_item(PART, &item.text, &item.action))?;
        check_size(PART, &json(self), Api::V1)
    }

    /// Returns the names of the commands that its items send.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let items = self.items.iter();
        items.filter_map(|item| item.action.command_name())
    }
}

impl Item {
    fn new(text: impl Into<String>, action: Action) -> Self {
        Self {
            text: text.into(),
            action,
            disabled: false,
            context: None,
            fields: Map::new(),
        }
    }

    /// Sends one of the bot's commands.
    pub fn command(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Self {
        Self::new(text, Action::command(command, params))
    }

    /// Opens an address.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self::new(text, Action::Link { link: link.into() })
    }

    /// Sends a text in the name of the user who chooses it.
    pub fn send(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(text, Action::client("SEND", value))
    }

    /// Puts a text into the input field.
    pub fn put(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(text, Action::client("PUT", value))
    }

    /// Copies a text.
    pub fn copy(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(text, Action::client("COPY", value))
    }

    /// Calls a number in international form.
    pub fn call(text: impl Into<String>, number: impl Into<String>) -> Self {
        Self::new(text, Action::client("CALL", number))
    }

    /// Opens a chat: `chat142`, or a user's number.
    pub fn dialog(text: impl Into<String>, dialog: impl Into<String>) -> Self {
        Self::new(text, Action::client("DIALOG", dialog))
    }

    /// Opens an application, with parameters for it.
    pub fn app(text: impl Into<String>, app: u64, params: impl Into<String>) -> Self {
        let action = Action::App {
            app_id: app,
            app_params: params.into(),
        };
        Self::new(text, action)
    }

    /// Sets a field that has no method here, by the portal's name. It replaces a value that
    /// another method has set.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Shows the item greyed out. Default: active.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// Shows the item on these devices only. Default: on all.
    #[must_use]
    pub fn only_on(mut self, device: Device) -> Self {
        self.context = Some(device);
        self
    }
}
