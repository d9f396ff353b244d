//! The profile of a bot.

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
    properties: Map<String, Value>,
    redelivery: Redelivery,
    blocks_after_failure: bool,
    alongside_operators: bool,
}

/// The kind of a bot: which messages of a group it gets (`TYPE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BotKind {
    /// Messages that mention it.
    #[default]
    Bot,
    /// Messages that mention it; the portal shows it typing before it answers.
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

/// The gender of a bot, for the portal's sentences about it (`PERSONAL_GENDER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
}

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
            redelivery: Redelivery::default(),
            blocks_after_failure: false,
            alongside_operators: false,
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

    /// Sets the text below the name: what the bot does. Default: none.
    #[must_use]
    pub fn work_position(self, text: impl Into<String>) -> Self {
        self.with("WORK_POSITION", text.into())
    }

    /// Sets the colour. Default: the portal chooses.
    #[must_use]
    pub fn color(self, color: BotColor) -> Self {
        let words = format!("{color:?}");
        let mut name = String::new();
        for char in words.chars() {
            if char.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(char.to_uppercase());
        }
        self.with("COLOR", name)
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

    /// Sets the web page. Default: none.
    #[must_use]
    pub fn website(self, address: impl Into<String>) -> Self {
        self.with("PERSONAL_WWW", address.into())
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

    /// Returns the properties under their v2 names. v2 has no web page.
    pub(crate) fn properties_v2(&self) -> Map<String, Value> {
        let names = [
            ("NAME", "name"),
            ("LAST_NAME", "lastName"),
            ("WORK_POSITION", "workPosition"),
            ("COLOR", "color"),
            ("PERSONAL_GENDER", "gender"),
            ("PERSONAL_PHOTO", "avatar"),
        ];
        let rename = |(v1, v2): (&str, &str)| {
            let value = self.properties.get(v1)?.clone();
            Some((v2.to_owned(), value))
        };
        names.into_iter().filter_map(rename).collect()
    }

    pub(crate) fn is_for_open_channels(&self) -> bool {
        self.openline || self.kind == BotKind::OpenChannel
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

    pub(crate) fn redelivery_mode(&self) -> Redelivery {
        self.redelivery
    }

    pub(crate) fn properties(&self) -> &Map<String, Value> {
        &self.properties
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
    fn colours_are_written_in_the_portals_spelling() {
        let profile = Profile::new("a", "A").color(BotColor::LightBlue);
        assert_eq!(profile.properties["COLOR"], "LIGHT_BLUE");
    }
}
