//! Items in the menu of a message (version 1 of the bot platform only).

use serde::Serialize;

use super::keyboard::{Does, check_item};
use super::{Device, Oversized, check_size, is_no, wrong, yes};

const PART: &str = "menu";

/// Items in the menu of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Menu {
    #[serde(rename = "ITEMS")]
    items: Vec<Item>,
}

/// One item: a text and exactly one thing that it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Item {
    text: String,
    #[serde(flatten)]
    does: Does,
    #[serde(skip_serializing_if = "is_no", serialize_with = "yes")]
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Device>,
}

impl Menu {
    /// A menu without items.
    pub fn new() -> Menu {
        Menu::default()
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: Item) -> Menu {
        self.items.push(item);
        self
    }

    /// Whether the portal would take it whole.
    ///
    /// # Errors
    /// It is too large, or holds an item that the portal would drop.
    pub fn check(&self) -> Result<(), Oversized> {
        if self.items.is_empty() {
            return Err(wrong(PART, "no item"));
        }
        self.items
            .iter()
            .try_for_each(|item| check_item(PART, &item.text, &item.does))?;
        check_size(PART, self)
    }
}

impl Item {
    fn new(text: impl Into<String>, does: Does) -> Item {
        Item {
            text: text.into(),
            does,
            disabled: false,
            context: None,
        }
    }

    /// Gives the bot a command of its own.
    pub fn command(
        text: impl Into<String>,
        command: impl Into<String>,
        params: impl Into<String>,
    ) -> Item {
        Item::new(
            text,
            Does::Command {
                command: command.into(),
                command_params: params.into(),
            },
        )
    }

    /// Opens an address.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Item {
        Item::new(text, Does::Link { link: link.into() })
    }

    /// Sends a text as the person who chooses it.
    pub fn send(text: impl Into<String>, value: impl Into<String>) -> Item {
        Item::new(
            text,
            Does::Action {
                action: "SEND",
                action_value: value.into(),
            },
        )
    }

    /// Puts a text into the input field.
    pub fn put(text: impl Into<String>, value: impl Into<String>) -> Item {
        Item::new(
            text,
            Does::Action {
                action: "PUT",
                action_value: value.into(),
            },
        )
    }

    /// Copies a text.
    pub fn copy(text: impl Into<String>, value: impl Into<String>) -> Item {
        Item::new(
            text,
            Does::Action {
                action: "COPY",
                action_value: value.into(),
            },
        )
    }

    /// Shows it greyed out. Default: no.
    #[must_use]
    pub fn disabled(mut self) -> Item {
        self.disabled = true;
        self
    }

    /// Shows it on these devices only. Default: on all.
    #[must_use]
    pub fn only_on(mut self, device: Device) -> Item {
        self.context = Some(device);
        self
    }
}
