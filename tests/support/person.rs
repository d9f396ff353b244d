//! A person in a chat, who writes, presses buttons, and waits for messages.

use imbot::emulator::{Emulator, Feed};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// A person in one chat. They see what happens there from now on, in order.
pub(crate) struct Person {
    portal: Emulator,
    user: u64,
    dialog: String,
    live: Feed,
}

/// A new or edited message.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: u64,
    pub(crate) author: u64,
    pub(crate) text: String,
    pub(crate) is_edited: bool,
    buttons: Vec<Value>,
}

impl Person {
    pub(super) fn new(portal: &Emulator, user: u64, dialog: String) -> Person {
        Person {
            portal: portal.clone(),
            user,
            dialog,
            live: portal.subscribe(user),
        }
    }

    pub(super) fn at(self, dialog: &str) -> Person {
        Person {
            dialog: dialog.to_owned(),
            ..self
        }
    }

    /// Returns the dialog id, as this person writes it.
    pub(crate) fn dialog(&self) -> &str {
        &self.dialog
    }

    /// Opens the private chat.
    pub(crate) fn opens(&mut self) -> &mut Person {
        let partner = self.dialog.parse().expect("a private chat");
        self.portal.open(self.user, partner).expect("opened");
        self
    }

    /// Sends a message.
    pub(crate) fn says(&mut self, text: &str) -> &mut Person {
        self.portal
            .send(self.user, &self.dialog, text)
            .expect("said");
        self
    }

    /// Sends a message that mentions a bot of the group.
    pub(crate) fn tells(&mut self, bot: &str, text: &str) -> &mut Person {
        let id = self.portal.bot(bot).expect("a bot");
        self.says(&format!("[USER={id}]{bot}[/USER] {text}"))
    }

    /// Presses the button with this label.
    pub(crate) fn presses(&mut self, line: &Line, label: &str) -> &mut Person {
        let place = line.buttons.iter().position(|item| item["TEXT"] == label);
        let place =
            place.unwrap_or_else(|| panic!("no button `{label}` among {:?}", line.labels()));
        self.portal
            .press(self.user, line.id, place)
            .expect("pressed");
        self
    }

    /// Waits for a new or edited message of somebody else that contains this text.
    pub(crate) async fn sees(&mut self, text: &str) -> Line {
        let mut before = Vec::new();
        let seen = timeout(PATIENCE, async {
            loop {
                let line = self.next().await;
                if line.author != self.user && line.text.contains(text) {
                    return line;
                }
                before.push(line);
            }
        });
        match seen.await {
            Ok(line) => line,
            Err(_) => panic!("waited in vain for `{text}`; seen was {before:#?}"),
        }
    }

    /// Waits for the next message in the chat, including the person's own.
    async fn next(&mut self) -> Line {
        loop {
            let news = self.live.next().await.expect("the portal lives");
            let is_line = matches!(news["type"].as_str(), Some("message" | "edit"));
            if is_line && news["dialog_id"] == self.dialog {
                return Line::read(&news["message"]);
            }
        }
    }

    /// Returns all messages in the chat.
    pub(crate) fn history(&self) -> Vec<Line> {
        let history = self.portal.history(self.user, &self.dialog);
        history.iter().map(Line::read).collect()
    }
}

impl Line {
    fn read(message: &Value) -> Line {
        let buttons = message["keyboard"]["BUTTONS"].as_array();
        Line {
            id: message["id"].as_u64().expect("an id"),
            author: message["author"].as_u64().expect("an author"),
            text: message["text"].as_str().unwrap_or_default().to_owned(),
            is_edited: message["edited"] == true,
            buttons: buttons.cloned().unwrap_or_default(),
        }
    }

    /// Returns the labels of its buttons.
    pub(crate) fn labels(&self) -> Vec<&str> {
        let texts = self.buttons.iter().map(|item| &item["TEXT"]);
        texts.filter_map(Value::as_str).collect()
    }
}
