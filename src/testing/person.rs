//! A person of a test: writes, presses buttons, and waits for messages.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Write};
use std::sync::Arc;

use serde_json::Value;
use tokio::time::timeout;

use super::portal::{Inner, PATIENCE};
use crate::emulator::{Client, Emulator, Feed};
use crate::event::UserId;

/// A person in one chat. They see what happens there from the moment they were created, in order.
///
/// Methods whose names are verbs of a person act at once and return the person, so that what
/// follows can be awaited: `ann.says("2").sees("2 × pizza").await`.
pub struct Person {
    portal: Arc<Inner>,
    name: String,
    place: Place,
    /// What happens on the portal.
    feed: Feed,
    /// What was seen and not waited for.
    news: VecDeque<SeenMessage>,
}

/// Where a person is.
enum Place {
    /// In a chat of the portal, by the dialog id that this person uses.
    Chat { user: u64, dialog: String },
    /// Outside, as a client of an open channel. `seen` has the text of each message seen.
    Outside {
        client: Client,
        seen: HashMap<u64, String>,
    },
}

/// A message, as a person sees it: a new one, or one that was edited.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenMessage {
    /// The message's id.
    pub id: u64,
    /// The user who wrote it; 0 for the portal itself.
    pub author: u64,
    /// The text, with BB codes.
    pub text: String,
    /// Whether it was edited.
    pub is_edited: bool,
    /// The labels of its buttons.
    pub buttons: Vec<String>,
    /// The places of these buttons in the keyboard, where line breaks count.
    places: Vec<usize>,
}

impl Person {
    pub(super) fn in_chat(portal: &Arc<Inner>, user: u64, dialog: String) -> Self {
        let feed = portal.emulator.subscribe(user);
        let place = Place::Chat { user, dialog };
        Self::at(portal, name_of(&portal.emulator, user), place, feed)
    }

    pub(super) fn outside(portal: &Arc<Inner>, client: Client) -> Self {
        let feed = portal.emulator.subscribe(0);
        let (name, seen) = (client.name.clone(), HashMap::new());
        Self::at(portal, name, Place::Outside { client, seen }, feed)
    }

    fn at(portal: &Arc<Inner>, name: String, place: Place, feed: Feed) -> Self {
        Self {
            portal: Arc::clone(portal),
            name,
            place,
            feed,
            news: VecDeque::new(),
        }
    }

    fn emulator(&self) -> &Emulator {
        &self.portal.emulator
    }

    /// Returns the user and the dialog.
    ///
    /// # Panics
    /// The person is a client outside of the portal.
    fn chat(&self, verb: &str) -> (u64, &str) {
        match &self.place {
            Place::Chat { user, dialog } => (*user, dialog),
            Place::Outside { client, .. } => panic!(
                "{} is outside of the portal, where people cannot {verb}",
                client.name
            ),
        }
    }

    /// Returns the id of this person, which is the bot's dialog id in their private chat.
    ///
    /// # Panics
    /// The person is outside of the portal.
    pub fn user(&self) -> UserId {
        UserId(self.chat("have a number").0)
    }

    /// Returns the dialog id, as this person uses it: `27` in a private chat, `chat142` in a group.
    ///
    /// # Panics
    /// The person is outside of the portal.
    pub fn dialog(&self) -> &str {
        self.chat("see its chat").1
    }

    /// Sends a message.
    ///
    /// # Panics
    /// The portal refuses it: the text is blank, or the person has left the chat.
    pub fn says(&mut self, text: &str) -> &mut Self {
        let said = match &self.place {
            Place::Chat { user, dialog } => self.emulator().send(*user, dialog, text).map(drop),
            Place::Outside { client, .. } => self.emulator().client_says(client, text).map(drop),
        };
        said.unwrap_or_else(|refusal| panic!("{} cannot say `{text}`: {refusal}", self.name));
        self
    }

    /// Sends a message that mentions a bot of the group.
    ///
    /// # Panics
    /// There is no such bot, or the portal refuses the message.
    pub fn tells(&mut self, bot: &str, text: &str) -> &mut Self {
        let id = self.emulator().bot(bot);
        let id = id.unwrap_or_else(|| panic!("no bot `{bot}` is registered on the portal"));
        self.says(&format!("[USER={id}]{bot}[/USER] {text}"))
    }

    /// Opens the private chat. The first time, the bot gets an event.
    ///
    /// # Panics
    /// It is not a private chat.
    pub fn opens(&mut self) -> &mut Self {
        let (user, dialog) = self.chat("open a chat");
        let partner = dialog.parse().expect("a private chat");
        self.emulator().open(user, partner).expect("opened");
        self
    }

    /// Presses the button with this label.
    ///
    /// # Panics
    /// The message has no such button, or it has no command.
    pub fn presses(&mut self, message: &SeenMessage, label: &str) -> &mut Self {
        let (user, _) = self.chat("press buttons");
        let button = message.buttons.iter().position(|button| button == label);
        let Some(button) = button else {
            panic!("no button `{label}` among {:?}", message.buttons);
        };
        let pressed = self
            .emulator()
            .press(user, message.id, message.places[button]);
        pressed.unwrap_or_else(|refusal| panic!("`{label}` cannot be pressed: {refusal}"));
        self
    }

    /// Changes the text of one of the person's own messages.
    ///
    /// # Panics
    /// The portal refuses it.
    pub fn edits(&mut self, message: u64, text: &str) -> &mut Self {
        let (user, _) = self.chat("edit");
        let edited = self.emulator().edit(user, message, text);
        edited.unwrap_or_else(|refusal| panic!("the message cannot be edited: {refusal}"));
        self
    }

    /// Waits for a new or edited message of somebody else that contains this text, at most for
    /// [`PATIENCE`] of the test's clock. Messages before it are skipped.
    ///
    /// # Panics
    /// It does not come.
    pub async fn sees(&mut self, text: &str) -> SeenMessage {
        let mut skipped = Vec::new();
        let portal = Arc::clone(&self.portal);
        let seen = async {
            loop {
                let message = self.next().await;
                if self.is_others(&message) && message.text.contains(text) {
                    return message;
                }
                skipped.push(message);
            }
        };
        match portal.clock.released(timeout(PATIENCE, seen)).await {
            Ok(message) => message,
            Err(_) => panic!(
                "{} waited in vain for `{text}`\nseen instead: {}\n{}\nthe chat:\n{}",
                self.name,
                Texts(&skipped),
                portal.describe(),
                self.transcript(),
            ),
        }
    }

    /// Waits until nothing more can happen without the clock, and fails if a message of somebody
    /// else came that was not waited for.
    ///
    /// # Panics
    /// A message came.
    pub async fn sees_nothing_more(&mut self) {
        self.portal.settle().await;
        let mut more = Vec::new();
        while let Some(message) = futures_util::FutureExt::now_or_never(self.next()) {
            if self.is_others(&message) {
                more.push(message);
            }
        }
        assert!(more.is_empty(), "{} saw more: {}", self.name, Texts(&more));
    }

    fn is_others(&self, message: &SeenMessage) -> bool {
        match &self.place {
            Place::Chat { user, .. } => message.author != *user,
            Place::Outside { client, .. } => {
                name_of(self.emulator(), message.author) != client.name
            }
        }
    }

    /// Waits for the next message, including the person's own.
    async fn next(&mut self) -> SeenMessage {
        loop {
            if let Some(message) = self.news.pop_front() {
                return message;
            }
            let update = self.feed.next().await.expect("the portal runs");
            match &mut self.place {
                Place::Chat { dialog, .. } => {
                    let is_message = matches!(update["type"].as_str(), Some("message" | "edit"));
                    if is_message && update["dialog_id"] == *dialog {
                        return SeenMessage::read(&update["message"]);
                    }
                }
                Place::Outside { client, seen } => {
                    for message in self.portal.emulator.client_sees(client) {
                        let message = SeenMessage::read(&message);
                        let before = seen.insert(message.id, message.text.clone());
                        if before.as_ref() != Some(&message.text) {
                            self.news.push_back(message);
                        }
                    }
                }
            }
        }
    }

    /// Stores a state of the chat, as an earlier version of the program wrote it: the next turn
    /// reads it, or [upgrades](crate::Bot::upgrade) it.
    ///
    /// ```
    /// use imbot::prelude::*;
    /// use imbot::testing::TestPortal;
    /// use serde_json::{Value, json};
    ///
    /// struct Counter;
    ///
    /// impl Bot<u32> for Counter {
    ///     async fn message(&self, cx: &mut Context<u32>, _: Message) -> Result {
    ///         cx.state += 1;
    ///         cx.say(cx.state.to_string());
    ///         Ok(())
    ///     }
    ///
    ///     fn state_version(&self) -> u32 { 1 }
    ///
    ///     fn upgrade(&self, _: u32, old: Value) -> Result<u32> {
    ///         Ok(serde_json::from_value(old["count"].clone())?)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let portal = TestPortal::with(App::new().bot(Counter)).await;
    /// let mut ann = portal.private("Ann", "counter");
    /// ann.had_state("counter", 0, &json!({ "count": 6 })).await;
    /// ann.says("?").sees("7").await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// There is no such bot, or the store fails.
    pub async fn had_state(&mut self, bot: &str, version: u32, state: &Value) {
        let bot = self.emulator().bot(bot);
        let bot = bot.unwrap_or_else(|| panic!("no such bot is registered on the portal"));
        let (user, dialog) = self.chat("have a state");
        let dialog = match dialog.parse::<u64>() {
            Ok(_) => user.to_string(), // for a bot, its private chat is that of the person
            Err(_) => dialog.to_owned(),
        };
        self.portal.put_state(bot, &dialog, version, state).await;
    }

    /// Returns all messages that the person sees in the chat, oldest first.
    pub fn history(&self) -> Vec<SeenMessage> {
        let messages = match &self.place {
            Place::Chat { user, dialog } => self.emulator().whole_history(*user, dialog),
            Place::Outside { client, .. } => self.emulator().client_sees(client),
        };
        messages.iter().map(SeenMessage::read).collect()
    }

    /// Returns the chat as the person sees it, for a snapshot: names, texts as they are now, and
    /// labels of buttons, without ids and times.
    ///
    /// ```text
    /// Ann: Hello
    /// Shop: What would you like?
    ///   [Pizza] [Pasta]
    /// ```
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for message in self.history() {
            let author = match message.author {
                0 => "(portal)".to_owned(),
                author => name_of(self.emulator(), author),
            };
            let _ = writeln!(text, "{author}: {}", message.text.replace('\n', "\n  "));
            if !message.buttons.is_empty() {
                let _ = writeln!(text, "  [{}]", message.buttons.join("] ["));
            }
        }
        text
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SeenMessage {
    fn read(message: &Value) -> Self {
        let keyboard = message["keyboard"]["BUTTONS"].as_array();
        let labels = keyboard.into_iter().flatten().enumerate();
        let labels = labels.filter_map(|(at, button)| Some((at, button["TEXT"].as_str()?)));
        let (places, buttons) = labels.map(|(at, label)| (at, label.to_owned())).unzip();
        Self {
            id: message["id"].as_u64().unwrap_or_default(),
            author: message["author"].as_u64().unwrap_or_default(),
            text: message["text"].as_str().unwrap_or_default().to_owned(),
            is_edited: message["edited"] == true,
            buttons,
            places,
        }
    }
}

/// Writes texts as a list.
struct Texts<'m>(&'m [SeenMessage]);

impl fmt::Display for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(|message| &message.text);
        f.debug_list().entries(texts).finish()
    }
}

/// Returns the name of a user, without the family name of a person.
fn name_of(portal: &Emulator, user: u64) -> String {
    portal.first_name(user).unwrap_or_else(|| user.to_string())
}
