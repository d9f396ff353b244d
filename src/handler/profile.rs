//! Who a bot is on the portal.

use serde_json::{Map, Value};

use crate::event::Api;
use crate::store::Redelivery;

/// Who a bot is on the portal (`imbot.register`), and how its turns are treated.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    code: String,
    kind: BotKind,
    openline: bool,
    api: Api,
    event_mode: Option<EventMode>,
    properties: Map<String, Value>,
    redelivery: Redelivery,
    waits: bool,
    alongside_operators: bool,
}

/// What a bot hears in groups (`TYPE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BotKind {
    /// Messages that mention it.
    #[default]
    Bot,
    /// Messages that mention it; the portal shows it typing before it answers.
    Human,
    /// Every message of its chats.
    Supervisor,
    /// Every message of its chats; people without access to it do not find it. The first generation has it as a
    /// supervisor.
    Personal,
    /// Every message of the open channels it serves.
    OpenChannel,
}

/// How the events of a bot of the second generation come (`eventMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventMode {
    /// The portal posts them to our address.
    Webhook,
    /// They are polled (`imbot.v2.Event.get`): no public address is needed, and what is not confirmed stays on the portal
    /// for a day.
    Fetch,
}

/// The colour of a bot on phones (`COLOR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The gender of a bot, for the portal's phrases (`PERSONAL_GENDER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
}

impl Profile {
    /// A bot under this code, which is unique on a portal and stays, and this name, which people see.
    pub fn new(code: impl Into<String>, name: impl Into<String>) -> Profile {
        let profile = Profile {
            code: code.into(),
            kind: BotKind::Bot,
            openline: false,
            api: Api::default(),
            event_mode: None,
            properties: Map::new(),
            redelivery: Redelivery::default(),
            waits: false,
            alongside_operators: false,
        };
        profile.with("NAME", name.into())
    }

    /// A profile by the name of a type: `FrontDesk` is `front_desk`, named "Front desk".
    pub fn of<T: ?Sized>() -> Profile {
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
        Profile::new(words.to_lowercase().replace(' ', "_"), words)
    }

    /// A last name. Default: none.
    #[must_use]
    pub fn last_name(self, name: impl Into<String>) -> Profile {
        self.with("LAST_NAME", name.into())
    }

    /// What it hears in groups. Default: [`BotKind::Bot`].
    #[must_use]
    pub fn kind(mut self, kind: BotKind) -> Profile {
        self.kind = kind;
        self
    }

    /// Lets it serve open channels, too. Default: no.
    #[must_use]
    pub fn serves_open_channels(mut self) -> Profile {
        self.openline = true;
        self
    }

    /// What it does, below its name. Default: nothing.
    #[must_use]
    pub fn work_position(self, text: impl Into<String>) -> Profile {
        self.with("WORK_POSITION", text.into())
    }

    /// Its colour. Default: the portal chooses.
    #[must_use]
    pub fn color(self, color: BotColor) -> Profile {
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

    /// Its gender. Default: the portal chooses.
    #[must_use]
    pub fn gender(self, gender: Gender) -> Profile {
        self.with(
            "PERSONAL_GENDER",
            if gender == Gender::Male { "M" } else { "F" },
        )
    }

    /// Its picture, a file of at most 5,000 by 5,000 pixels in base64. Default: none.
    #[must_use]
    pub fn photo(self, base64: impl Into<String>) -> Profile {
        self.with("PERSONAL_PHOTO", base64.into())
    }

    /// Its web page. Default: none.
    #[must_use]
    pub fn website(self, address: impl Into<String>) -> Profile {
        self.with("PERSONAL_WWW", address.into())
    }

    /// The generation of the bot platform that it is registered with. Default: [`Api::V2`]; a portal on a server of its
    /// owner may know the first only.
    #[must_use]
    pub fn api(mut self, api: Api) -> Profile {
        self.api = api;
        self
    }

    /// How its events come; the first generation has webhooks only. Default: by webhook if the program has a public
    /// address, else they are polled.
    #[must_use]
    pub fn event_mode(mut self, mode: EventMode) -> Profile {
        self.event_mode = Some(mode);
        self
    }

    /// What becomes of a message that may have been sent: the process died while it was on its way, or no answer came.
    /// Default: [`Redelivery::AtLeastOnce`].
    #[must_use]
    pub fn redelivery(mut self, redelivery: Redelivery) -> Profile {
        self.redelivery = redelivery;
        self
    }

    /// Lets a chat wait, after an event that could not be handled, until an operator retries or drops that event
    /// (`dead retry`, `dead drop`). Default: the chat goes on with its next event.
    #[must_use]
    pub fn blocks_after_failure(mut self) -> Profile {
        self.waits = true;
        self
    }

    /// Goes on to hear and to speak in the chats of open channels that people have taken over, and hears operators, too:
    /// [`Context::role`](super::Context::role) tells who speaks. Default: it is silent from the moment an operator speaks,
    /// the client asks for one or the bot hands the chat over, until another session begins or it is brought in again.
    #[must_use]
    pub fn alongside_operators(mut self) -> Profile {
        self.alongside_operators = true;
        self
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Profile {
        self.properties.insert(key.to_owned(), value.into());
        self
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.properties
            .get("NAME")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The portal's letter for what it hears.
    pub(crate) fn kind_letter(&self) -> char {
        match self.kind {
            BotKind::Bot => 'B',
            BotKind::Human => 'H',
            BotKind::Supervisor | BotKind::Personal => 'S',
            BotKind::OpenChannel => 'O',
        }
    }

    /// The second generation's word for what it hears.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self.kind {
            BotKind::Bot | BotKind::Human => "bot",
            BotKind::Supervisor => "supervisor",
            BotKind::Personal => "personal",
            BotKind::OpenChannel => "openline",
        }
    }

    /// Its properties in the words of the second generation, which has no place for a web page.
    pub(crate) fn properties_v2(&self) -> Map<String, Value> {
        let words = [
            ("NAME", "name"),
            ("LAST_NAME", "lastName"),
            ("WORK_POSITION", "workPosition"),
            ("COLOR", "color"),
            ("PERSONAL_GENDER", "gender"),
            ("PERSONAL_PHOTO", "avatar"),
        ];
        let word = |(first, second): (&str, &str)| {
            let value = self.properties.get(first)?.clone();
            Some((second.to_owned(), value))
        };
        words.into_iter().filter_map(word).collect()
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
        self.waits
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
    fn a_type_names_its_bot() {
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
    fn colours_are_written_as_the_portal_writes_them() {
        let profile = Profile::new("a", "A").color(BotColor::LightBlue);
        assert_eq!(profile.properties["COLOR"], "LIGHT_BLUE");
    }
}
