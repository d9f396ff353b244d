//! The profile of a bot.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::event::Api;
use crate::store::Redelivery;

/// The profile of a bot on the portal (`imbot.register`), and how its turns are run.
///
/// ```
/// use imbot::handler::{BotColor, BotKind};
/// use imbot::prelude::*;
///
/// let profile = Profile::new("front_desk", "Front desk")
///     .work_position("Answers questions about orders")
///     .color(BotColor::Azure)
///     .kind(BotKind::Supervisor);
/// assert_eq!(profile.code(), "front_desk");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    code: String,
    kind: BotKind,
    openline: bool,
    api: Api,
    event_mode: Option<EventMode>,
    /// Under their v1 names.
    properties: Map<String, Value>,
    color: Option<BotColor>,
    is_hidden: bool,
    is_without_reactions: bool,
    background: Option<BotBackground>,
    /// Under the names they have in the bot's API.
    raw_properties: Map<String, Value>,
    redelivery: Redelivery,
    blocks_after_failure: bool,
    alongside_operators: bool,
    /// Whether each person of a group has a state of their own.
    is_state_per_person: bool,
    turn_timeout: Option<Duration>,
    /// Whether every chat with the bot is stored.
    is_keeping_conversations: bool,
}

/// The kind of a bot: which messages of a group it gets (`TYPE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BotKind {
    /// Messages that mention it.
    #[default]
    Bot,
    /// Messages that mention it; the portal shows it typing before it answers. In v2 it is a
    /// [`Bot`](BotKind::Bot).
    Human,
    /// Every message of its chats.
    Supervisor,
    /// Every message of its chats. Users without access to it cannot find it. In v1 it is a
    /// supervisor.
    Personal,
    /// Every message of the open channels it serves.
    OpenChannel,
}

/// How the events of a v2 bot arrive (`eventMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventMode {
    /// The portal posts them to the program's address.
    Webhook,
    /// The program polls for them (`imbot.v2.Event.get`). No public address is needed. The portal
    /// keeps unconfirmed events for a day.
    Fetch,
}

/// The colour of a bot on phones (`COLOR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the colours")]
pub enum BotColor {
    Red,
    Green,
    Mint,
    LightBlue,
    DarkBlue,
    Purple,
    Aqua,
    Pink,
    Lime,
    Brown,
    Azure,
    Khaki,
    Sand,
    Marengo,
    Gray,
    Graphite,
}

impl BotColor {
    /// Returns the name of v1, such as `LIGHT_BLUE` (protocol/bots-v1.md 4.1).
    fn name_v1(self) -> String {
        let mut name = String::new();
        for char in format!("{self:?}").chars() {
            if char.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(char.to_uppercase());
        }
        name
    }

    /// Returns the name of v2, such as `lightBlue`. To a name it does not know, the portal gives a
    /// colour of its own (protocol/bots-v2.md 7.2).
    fn name_v2(self) -> String {
        in_camel_case(&format!("{self:?}"))
    }
}

/// The background of a bot's private chats (`backgroundId`); v2 only. The first six are dark, the
/// others light (protocol/bots-v2.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the backgrounds")]
pub enum BotBackground {
    Azure,
    Mint,
    Steel,
    Slate,
    Teal,
    Cornflower,
    Sky,
    Peach,
    Frost,
}

/// Returns the name of a variant with a small first letter.
fn in_camel_case(variant: &str) -> String {
    let (first, rest) = variant.split_at(1);
    first.to_ascii_lowercase() + rest
}

/// The gender of a bot or of a client, for the portal's sentences about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
}

/// The v1 and v2 names of the properties that both have.
const NAMES: [(&str, &str); 5] = [
    ("NAME", "name"),
    ("LAST_NAME", "lastName"),
    ("WORK_POSITION", "workPosition"),
    ("PERSONAL_GENDER", "gender"),
    ("PERSONAL_PHOTO", "avatar"),
];

impl Profile {
    /// Returns the profile of a bot with this code, which is unique on a portal and must not
    /// change, and this name, which people see.
    pub fn new(code: impl Into<String>, name: impl Into<String>) -> Self {
        let profile = Self {
            code: code.into(),
            kind: BotKind::Bot,
            openline: false,
            api: Api::default(),
            event_mode: None,
            properties: Map::new(),
            color: None,
            is_hidden: false,
            is_without_reactions: false,
            background: None,
            raw_properties: Map::new(),
            redelivery: Redelivery::default(),
            blocks_after_failure: false,
            alongside_operators: false,
            is_state_per_person: false,
            turn_timeout: None,
            is_keeping_conversations: false,
        };
        profile.with("NAME", name.into())
    }

    /// Returns the profile for a type's name: `FrontDesk` becomes `front_desk`, named "Front desk".
    pub fn of<T: ?Sized>() -> Self {
        let path = std::any::type_name::<T>();
        let path = path.split('<').next().unwrap_or(path);
        let name = path.rsplit("::").next().unwrap_or(path);
        let mut words = String::new();
        for (index, char) in name.chars().enumerate() {
            if char.is_uppercase() && index > 0 {
                words.push(' ');
                words.extend(char.to_lowercase());
            } else {
                words.push(char);
            }
        }
        Self::new(words.to_lowercase().replace(' ', "_"), words)
    }

    /// Sets the last name. Default: none.
    #[must_use]
    pub fn last_name(self, name: impl Into<String>) -> Self {
        self.with("LAST_NAME", name.into())
    }

    /// Sets which messages of a group the bot gets. Default: [`BotKind::Bot`].
    #[must_use]
    pub fn kind(mut self, kind: BotKind) -> Self {
        self.kind = kind;
        self
    }

    /// Lets the bot serve open channels as well. Default: it does not.
    #[must_use]
    pub fn serves_open_channels(mut self) -> Self {
        self.openline = true;
        self
    }

    /// Gives each person of a group a state of their own
    /// ([`Context::state`](super::Context::state)). Default: a chat has one state.
    ///
    /// Without it, one person's answer can be taken as another's in a conversation of several
    /// steps. Events of a chat are handled in order all the same. An event that nobody caused has
    /// the state of the chat; a reminder has that of the person in whose turn it was set, who is
    /// its [`sender`](super::Context::sender). It has no effect on a bot that serves open channels.
    #[must_use]
    pub fn state_per_person(mut self) -> Self {
        self.is_state_per_person = true;
        self
    }

    /// Stores every chat in which the bot has had a turn, so that a broadcast reaches it and
    /// [`conversations`](crate::BotHandle::conversations) lists it. Default: a chat is stored if it
    /// has a state that is not the default.
    ///
    /// It costs a row of some fifty bytes for each chat, and a write of it with the first turn in
    /// an hour. Where the settings limit the age of idle conversations, it is removed with them.
    #[must_use]
    pub fn keeps_conversations(mut self) -> Self {
        self.is_keeping_conversations = true;
        self
    }

    /// Sets the text below the name: what the bot does. Default: none.
    #[must_use]
    pub fn work_position(self, text: impl Into<String>) -> Self {
        self.with("WORK_POSITION", text.into())
    }

    /// Sets the colour. Default: the portal chooses.
    #[must_use]
    pub fn color(mut self, color: BotColor) -> Self {
        self.color = Some(color);
        self
    }

    /// Sets the gender. Default: the portal chooses.
    #[must_use]
    pub fn gender(self, gender: Gender) -> Self {
        self.with(
            "PERSONAL_GENDER",
            if gender == Gender::Male { "M" } else { "F" },
        )
    }

    /// Sets the picture: an image of at most 5,000 by 5,000 pixels, in base64. Default: none.
    #[must_use]
    pub fn photo(self, base64: impl Into<String>) -> Self {
        self.with("PERSONAL_PHOTO", base64.into())
    }

    /// Sets the web page. v1 only. Default: none.
    #[must_use]
    pub fn website(self, address: impl Into<String>) -> Self {
        self.with("PERSONAL_WWW", address.into())
    }

    /// Sets the e-mail address, which must not be that of a user of the portal. v1 only. Default:
    /// none.
    #[must_use]
    pub fn email(self, address: impl Into<String>) -> Self {
        self.with("EMAIL", address.into())
    }

    /// Sets the birthday, as `YYYY-MM-DD`. v1 only. Default: none.
    #[must_use]
    pub fn birthday(self, date: impl Into<String>) -> Self {
        self.with("PERSONAL_BIRTHDAY", date.into())
    }

    /// Leaves the bot out of the contact list. v2 only. Default: it is in the list.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// Switches off reactions to the bot's messages, and their events. v2 only. Default: people can
    /// react.
    #[must_use]
    pub fn without_reactions(mut self) -> Self {
        self.is_without_reactions = true;
        self
    }

    /// Sets the background of the bot's private chats. v2 only. Default: the background that the
    /// user has chosen.
    #[must_use]
    pub fn background(mut self, background: BotBackground) -> Self {
        self.background = Some(background);
        self
    }

    /// Sets a property that has no method here, under the name it has in the bot's API, in place of
    /// a value set otherwise. It is sent unchanged in `PROPERTIES` (v1) or `fields.properties`
    /// (v2).
    ///
    /// ```
    /// # use imbot::prelude::*;
    /// let profile = Profile::new("desk", "Desk").property("lastName", "of the office");
    /// ```
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.raw_properties.insert(name.into(), value.into());
        self
    }

    /// Sets the API that the bot is registered with. Default: [`Api::V2`]. On-premise portals may
    /// have v1 only.
    #[must_use]
    pub fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    /// Sets how events arrive; v1 has webhooks only. Default: by webhook if the program has a
    /// public address, otherwise by polling.
    #[must_use]
    pub fn event_mode(mut self, mode: EventMode) -> Self {
        self.event_mode = Some(mode);
        self
    }

    /// Sets what happens to a message that may have been sent, because the process died before the
    /// answer or no answer came. Default: [`Redelivery::AtLeastOnce`].
    #[must_use]
    pub fn redelivery(mut self, redelivery: Redelivery) -> Self {
        self.redelivery = redelivery;
        self
    }

    /// Stops a chat after a failed event until an operator retries or drops that event (`dead
    /// retry`, `dead drop`). Default: the chat goes on with its next event.
    #[must_use]
    pub fn blocks_after_failure(mut self) -> Self {
        self.blocks_after_failure = true;
        self
    }

    /// Keeps the bot active in chats of open channels that an operator has taken over. It then also
    /// gets operators' messages; see [`Context::role`](super::Context::role). Default: the bot is
    /// silent from the moment an operator writes, the client asks for one or the bot hands the chat
    /// over, until the next session begins or the bot is added again.
    #[must_use]
    pub fn alongside_operators(mut self) -> Self {
        self.alongside_operators = true;
        self
    }

    /// Sets the time limit of each handler of this bot, in place of that of the program. Default:
    /// the setting `turn_timeout`, which is [`TURN_TIMEOUT`](crate::engine::TURN_TIMEOUT) unless
    /// it is set.
    ///
    /// A handler that takes longer is stopped where it waits, and its turn fails: nothing of it is
    /// kept, and it is retried like after any other failure. The chat's next events wait
    /// meanwhile, so choose it no longer than people wait for an answer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use imbot::prelude::*;
    /// // Waits for a language model.
    /// let profile = Profile::new("writer", "Writer").turn_timeout(Duration::from_secs(300));
    /// ```
    #[must_use]
    pub fn turn_timeout(mut self, limit: Duration) -> Self {
        self.turn_timeout = Some(limit);
        self
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(key.to_owned(), value.into());
        self
    }

    /// Returns the code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.properties
            .get("NAME")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Returns the v1 letter of the kind.
    pub(crate) fn kind_letter(&self) -> char {
        match self.kind {
            BotKind::Bot => 'B',
            BotKind::Human => 'H',
            BotKind::Supervisor | BotKind::Personal => 'S',
            BotKind::OpenChannel => 'O',
        }
    }

    /// Returns the v2 word of the kind.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self.kind {
            BotKind::Bot | BotKind::Human => "bot",
            BotKind::Supervisor => "supervisor",
            BotKind::Personal => "personal",
            BotKind::OpenChannel => "openline",
        }
    }

    /// Returns the properties under their v1 names.
    pub(crate) fn properties_v1(&self) -> Map<String, Value> {
        let mut properties = self.properties.clone();
        if let Some(color) = self.color {
            properties.insert("COLOR".to_owned(), color.name_v1().into());
        }
        properties.extend(self.raw_properties.clone());
        properties
    }

    /// Returns the properties under their v2 names.
    pub(crate) fn properties_v2(&self) -> Map<String, Value> {
        let rename = |(v1, v2): (&str, &str)| {
            let value = self.properties.get(v1)?.clone();
            Some((v2.to_owned(), value))
        };
        let mut properties: Map<_, _> = NAMES.into_iter().filter_map(rename).collect();
        if let Some(color) = self.color {
            properties.insert("color".to_owned(), color.name_v2().into());
        }
        properties.extend(self.raw_properties.clone());
        properties
    }

    /// Adds an empty value for each text that the profile does not have, so that an update removes
    /// what an earlier profile had.
    pub(crate) fn with_removals(&self, mut properties: Map<String, Value>) -> Map<String, Value> {
        for (v1, v2) in [("LAST_NAME", "lastName"), ("WORK_POSITION", "workPosition")] {
            let name = if self.api == Api::V1 { v1 } else { v2 };
            properties
                .entry(name)
                .or_insert_with(|| String::new().into());
        }
        properties
    }

    /// Whether it is left out of the contact list.
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    /// Whether people can react to its messages.
    pub(crate) fn has_reactions(&self) -> bool {
        !self.is_without_reactions
    }

    /// Returns `backgroundId`; `None` for the user's own.
    pub(crate) fn background_id(&self) -> Option<String> {
        let background = self.background.as_ref()?;
        Some(in_camel_case(&format!("{background:?}")))
    }

    /// Returns the methods of this type whose values have no effect in the bot's API.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let has = |name: &str| self.properties.contains_key(name);
        let settings: &[(&str, bool)] = match self.api {
            Api::V1 => &[
                ("kind(BotKind::Personal)", self.kind == BotKind::Personal),
                (
                    "event_mode(EventMode::Fetch)",
                    self.event_mode == Some(EventMode::Fetch),
                ),
                ("hidden", self.is_hidden),
                ("without_reactions", self.is_without_reactions),
                ("background", self.background.is_some()),
            ],
            Api::V2 => &[
                ("kind(BotKind::Human)", self.kind == BotKind::Human),
                ("website", has("PERSONAL_WWW")),
                ("email", has("EMAIL")),
                ("birthday", has("PERSONAL_BIRTHDAY")),
            ],
        };
        let set = settings.iter().filter(|(_, is_set)| *is_set);
        set.map(|(name, _)| *name).collect()
    }

    pub(crate) fn is_for_open_channels(&self) -> bool {
        self.openline || self.kind == BotKind::OpenChannel
    }

    pub(crate) fn is_state_per_person(&self) -> bool {
        self.is_state_per_person && !self.is_for_open_channels()
    }

    pub(crate) fn is_keeping_conversations(&self) -> bool {
        self.is_keeping_conversations
    }

    /// Returns true if states of people were asked for and cannot be given.
    pub(crate) fn lacks_state_per_person(&self) -> bool {
        self.is_state_per_person && self.is_for_open_channels()
    }

    pub(crate) fn is_alongside_operators(&self) -> bool {
        self.alongside_operators
    }

    pub(crate) fn on_api(&self) -> Api {
        self.api
    }

    pub(crate) fn on_event_mode(&self) -> Option<EventMode> {
        self.event_mode
    }

    pub(crate) fn blocks_on_failure(&self) -> bool {
        self.blocks_after_failure
    }

    /// Returns the time limit of the bot's handlers, if it has one of its own.
    pub(crate) fn own_turn_timeout(&self) -> Option<Duration> {
        self.turn_timeout
    }

    pub(crate) fn redelivery_mode(&self) -> Redelivery {
        self.redelivery
    }
}

#[cfg(test)]
mod tests {
    use crate::handler::profile::*;

    struct FrontDesk;
    struct Generic<T>(T);

    #[test]
    fn the_default_profile_is_made_from_the_types_name() {
        assert_eq!(
            Profile::of::<FrontDesk>(),
            Profile::new("front_desk", "Front desk")
        );
        assert_eq!(
            Profile::of::<Generic<FrontDesk>>(),
            Profile::new("generic", "Generic")
        );
    }

    #[test]
    fn colours_are_written_in_the_spelling_of_each_api() {
        let profile = Profile::new("a", "A").color(BotColor::LightBlue);
        assert_eq!(profile.properties_v1()["COLOR"], "LIGHT_BLUE");
        assert_eq!(profile.properties_v2()["color"], "lightBlue");
        let mint = profile.color(BotColor::Mint);
        assert_eq!(mint.properties_v1()["COLOR"], "MINT");
        assert_eq!(mint.properties_v2()["color"], "mint");
    }

    #[test]
    fn a_raw_property_replaces_the_value_of_a_method() {
        let profile = Profile::new("a", "A")
            .color(BotColor::Mint)
            .property("color", "orange")
            .property("pronouns", "they");
        let properties = profile.properties_v2();
        assert_eq!(properties["color"], "orange");
        assert_eq!(properties["pronouns"], "they");
    }

    #[test]
    fn settings_of_the_other_api_are_reported() {
        let profile = Profile::new("a", "A").website("https://example.com");
        assert_eq!(profile.without_effect(), ["website"]);
        assert_eq!(profile.clone().api(Api::V1).without_effect(), [""; 0]);
        let profile = profile.api(Api::V1).hidden().event_mode(EventMode::Fetch);
        assert_eq!(
            profile.without_effect(),
            ["event_mode(EventMode::Fetch)", "hidden"]
        );
        assert_eq!(Profile::new("a", "A").hidden().without_effect(), [""; 0]);
    }
}
