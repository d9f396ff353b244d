//! The profile of a connector.

use serde_json::{Map, Value, json};

use crate::handler::Profile;
use crate::store::Redelivery;

/// The profile of a connector on the portal (`imconnector.register`), and how its messages are
/// sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorProfile {
    id: String,
    name: String,
    icon: String,
    color: Option<String>,
    flags: Map<String, Value>,
    redelivery: Redelivery,
}

/// Default icon: a speech bubble.
const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'>\
    <path fill='#fff' d='M4 4h16v12H9l-5 4z'/></svg>";

impl ConnectorProfile {
    /// Returns the profile of a connector with this id (digits, Latin letters and `_`; converted to
    /// lower case), which must not change, and this name, which people see.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into().to_lowercase(),
            name: name.into(),
            icon: ICON.to_owned(),
            color: None,
            flags: Map::new(),
            redelivery: Redelivery::default(),
        }
    }

    /// Returns the profile for a type's name: `WebChat` becomes `web_chat`, named "Web chat".
    pub fn of<T: ?Sized>() -> Self {
        let profile = Profile::of::<T>();
        Self::new(profile.code(), profile.name())
    }

    /// Sets the icon, as SVG. Default: a speech bubble.
    #[must_use]
    pub fn icon(mut self, svg: impl Into<String>) -> Self {
        self.icon = svg.into();
        self
    }

    /// Sets the colour behind the icon, such as `#1900ff`. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: impl Into<String>) -> Self {
        self.color = Some(color.into());
        self
    }

    /// Leaves out the author's name. Default: a message begins with `[b]Ann Meyer:[/b] [br]`.
    #[must_use]
    pub fn without_signature(self) -> Self {
        self.flag("NEED_SIGNATURE", false)
    }

    /// Passes the portal's own notices on to clients as well. Default: they stay on the portal.
    #[must_use]
    pub fn with_system_messages(self) -> Self {
        self.flag("NEED_SYSTEM_MESSAGES", true)
    }

    /// Makes one chat per outside chat, whoever writes in it, without automatic links to CRM.
    /// Default: one chat per person.
    #[must_use]
    pub fn group_chats(self) -> Self {
        self.flag("CHAT_GROUP", true)
    }

    /// Sets what happens to a client's message that may have been passed to the portal, because the
    /// process died before the answer or no answer came. The portal does not recognise repeats.
    /// Default: [`Redelivery::AtLeastOnce`].
    #[must_use]
    pub fn redelivery(mut self, redelivery: Redelivery) -> Self {
        self.redelivery = redelivery;
        self
    }

    fn flag(mut self, name: &str, value: bool) -> Self {
        self.flags.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the portal accepts the id.
    pub(crate) fn is_valid(&self) -> bool {
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '_';
        !self.id.is_empty() && self.id.chars().all(fits)
    }

    pub(crate) fn redelivery_mode(&self) -> Redelivery {
        self.redelivery
    }

    /// Returns the parameters of `imconnector.register`.
    pub(crate) fn params(&self, settings: &str) -> Value {
        let mut icon =
            json!({ "DATA_IMAGE": format!("data:image/svg+xml,{}", escaped(&self.icon)) });
        if let Some(color) = &self.color {
            icon["COLOR"] = color.clone().into();
        }
        let mut params = self.flags.clone();
        params.insert("ID".to_owned(), self.id.clone().into());
        params.insert("NAME".to_owned(), self.name.clone().into());
        params.insert("ICON".to_owned(), icon);
        params.insert("PLACEMENT_HANDLER".to_owned(), settings.into());
        Value::Object(params)
    }
}

/// Escapes SVG for a data URI: characters that would end the URI or the attribute around it.
fn escaped(svg: &str) -> String {
    let mut text = String::with_capacity(svg.len());
    for char in svg.chars() {
        match char {
            '#' => text.push_str("%23"),
            '%' => text.push_str("%25"),
            '"' => text.push('\''),
            '<' => text.push_str("%3C"),
            '>' => text.push_str("%3E"),
            char if char.is_control() => text.push(' '),
            char => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::handler::connector::profile::*;

    struct WebChat;

    #[test]
    fn a_profile_has_all_parameters_of_the_registration() {
        let profile = ConnectorProfile::of::<WebChat>()
            .color("#1900ff")
            .without_signature();
        let params = profile.params("https://bots.example.com/connectors/web_chat");
        assert_eq!(
            (&params["ID"], &params["NAME"]),
            (&json!("web_chat"), &json!("Web chat"))
        );
        assert_eq!(params["NEED_SIGNATURE"], false);
        assert_eq!(params["ICON"]["COLOR"], "#1900ff");
        let image = params["ICON"]["DATA_IMAGE"].as_str().unwrap();
        assert!(image.starts_with("data:image/svg+xml,%3Csvg") && !image.contains(['#', '<', '"']));
    }

    #[test]
    fn an_id_is_digits_letters_and_underscores_in_lower_case() {
        assert!(ConnectorProfile::new("My_Sms2", "SMS").is_valid());
        assert_eq!(ConnectorProfile::new("My_Sms2", "SMS").id(), "my_sms2");
        for id in ["", "a.b", "a b", "é"] {
            assert!(!ConnectorProfile::new(id, "SMS").is_valid(), "{id}");
        }
    }
}
