//! Items in the menu of a message (v1 only).

use serde::Serialize;

use super::keyboard::{Action, check_item};
use super::{Device, Oversized, check_size, is_false, wrong, yes};

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
    pub fn check(&self) -> Result<(), Oversized> {
        if self.items.is_empty() {
            return Err(wrong(PART, "no item"));
        }
        self.items
            .iter()
            .try_for_each(|item| check_item(PART, &item.text, &item.action))?;
        check_size(PART, self)
    }
}

impl Item {
    fn new(text: impl Into<String>, action: Action) -> Self {
        Self {
            text: text.into(),
            action,
            disabled: false,
            context: None,
        }
    }

    /// Sends one of the bot's commands.
    pub fn command(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Self {
        Self::new(
            text,
            Action::Command {
                command: command.into(),
                command_params: params.into(),
            },
        )
    }

    /// Opens an address.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self::new(text, Action::Link { link: link.into() })
    }

    /// Sends a text in the name of the user who chooses it.
    pub fn send(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(
            text,
            Action::Client {
                action: "SEND",
                action_value: value.into(),
            },
        )
    }

    /// Puts a text into the input field.
    pub fn put(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(
            text,
            Action::Client {
                action: "PUT",
                action_value: value.into(),
            },
        )
    }

    /// Copies a text.
    pub fn copy(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(
            text,
            Action::Client {
                action: "COPY",
                action_value: value.into(),
            },
        )
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
