//! The profile of a connector.

use serde_json::{Map, Value, json};

use crate::handler::Profile;
use crate::store::Redelivery;

/// The profile of a connector on the portal (`imconnector.register`), and how its messages are
/// sent.
///
/// ```
/// use imbot::handler::ConnectorIcon;
/// use imbot::prelude::*;
///
/// // A messenger in which nothing can be edited or deleted.
/// let profile = ConnectorProfile::new("sms", "SMS")
///     .icon(ConnectorIcon::speech_bubble().color("#1900ff"))
///     .without_edits()
///     .without_deletions();
/// assert_eq!(profile.id(), "sms");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorProfile {
    id: String,
    name: String,
    icon: ConnectorIcon,
    icon_disabled: Option<ConnectorIcon>,
    flags: Map<String, Value>,
    params: Map<String, Value>,
    redelivery: Redelivery,
}

/// The icon of a connector on the portal. An SVG text converts into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorIcon {
    svg: String,
    color: Option<String>,
    size: Option<String>,
    position: Option<String>,
}

/// Default icon: a speech bubble.
const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'>\
    <path fill='#fff' d='M4 4h16v12H9l-5 4z'/></svg>";

/// The flags of a registration, with our defaults. All are always sent: the portal's default of
/// `NEED_SYSTEM_MESSAGES` differs from ours, and a registration replaces the one before
/// (protocol/open-channels.md 2).
const FLAGS: [(&str, bool); 7] = [
    ("NEED_SIGNATURE", true),
    ("NEED_SYSTEM_MESSAGES", false),
    ("CHAT_GROUP", false),
    ("EDIT_INTERNAL_MESSAGES", true),
    ("DEL_INTERNAL_MESSAGES", true),
    ("DEL_EXTERNAL_MESSAGES", true),
    ("NEWSLETTER", true),
];

impl ConnectorIcon {
    /// Returns an icon of this SVG, in the portal's colour, size and position.
    pub fn new(svg: impl Into<String>) -> Self {
        Self {
            svg: svg.into(),
            color: None,
            size: None,
            position: None,
        }
    }

    /// Returns the default icon.
    pub fn speech_bubble() -> Self {
        Self::new(ICON)
    }

    /// Sets the colour behind the icon, such as `#1900ff`. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: impl Into<String>) -> Self {
        self.color = Some(color.into());
        self
    }

    /// Sets the size, such as `90%`. Default: the portal's.
    #[must_use]
    pub fn size(mut self, size: impl Into<String>) -> Self {
        self.size = Some(size.into());
        self
    }

    /// Sets the position, such as `center`. Default: the portal's.
    #[must_use]
    pub fn position(mut self, position: impl Into<String>) -> Self {
        self.position = Some(position.into());
        self
    }

    /// Returns it as a parameter of `imconnector.register`.
    fn param(&self) -> Value {
        let image = format!("data:image/svg+xml,{}", escaped(&self.svg));
        let mut icon = json!({ "DATA_IMAGE": image });
        for (key, value) in [
            ("COLOR", &self.color),
            ("SIZE", &self.size),
            ("POSITION", &self.position),
        ] {
            if let Some(value) = value {
                icon[key] = value.clone().into();
            }
        }
        icon
    }
}

impl<S: Into<String>> From<S> for ConnectorIcon {
    fn from(svg: S) -> Self {
        Self::new(svg)
    }
}

impl ConnectorProfile {
    /// Returns the profile of a connector with this id (digits, Latin letters and `_`; converted to
    /// lower case), which must not change, and this name, which people see.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into().to_lowercase(),
            name: name.into(),
            icon: ConnectorIcon::speech_bubble(),
            icon_disabled: None,
            flags: FLAGS
                .map(|(name, on)| (name.to_owned(), on.into()))
                .into_iter()
                .collect(),
            params: Map::new(),
            redelivery: Redelivery::default(),
        }
    }

    /// Returns the profile for a type's name: `WebChat` becomes `web_chat`, named "Web chat".
    pub fn of<T: ?Sized>() -> Self {
        let profile = Profile::of::<T>();
        Self::new(profile.code(), profile.name())
    }

    /// Sets the icon: SVG, or a [`ConnectorIcon`]. Default: a speech bubble.
    #[must_use]
    pub fn icon(mut self, icon: impl Into<ConnectorIcon>) -> Self {
        self.icon = icon.into();
        self
    }

    /// Sets the icon of the connector while it is not connected. Default: the portal's.
    #[must_use]
    pub fn icon_disabled(mut self, icon: impl Into<ConnectorIcon>) -> Self {
        self.icon_disabled = Some(icon.into());
        self
    }

    /// Sets the colour behind the icon, such as `#1900ff`. Default: the portal's.
    #[must_use]
    pub fn color(mut self, color: impl Into<String>) -> Self {
        self.icon = self.icon.color(color);
        self
    }

    /// Leaves out the author's name. Default: a message begins with `[b]Ann Meyer:[/b] [br]`.
    #[must_use]
    pub fn without_signature(self) -> Self {
        self.flag("NEED_SIGNATURE", false)
    }

    /// Passes the portal's own texts, such as the line's greeting, on to clients as well. Default:
    /// they stay on the portal.
    #[must_use]
    pub fn with_system_messages(self) -> Self {
        self.flag("NEED_SYSTEM_MESSAGES", true)
    }

    /// Says that the messenger cannot edit what was delivered: operators cannot edit their messages
    /// then. Default: they can, and [`Connector::edited`](super::Connector::edited) is called.
    #[must_use]
    pub fn without_edits(self) -> Self {
        self.flag("EDIT_INTERNAL_MESSAGES", false)
    }

    /// Says that the messenger cannot delete what was delivered: operators cannot delete their
    /// messages then. Default: they can, and [`Connector::deleted`](super::Connector::deleted) is
    /// called.
    #[must_use]
    pub fn without_deletions(self) -> Self {
        self.flag("DEL_INTERNAL_MESSAGES", false)
    }

    /// Forbids operators to delete clients' messages. Default: they can.
    #[must_use]
    pub fn keeps_client_messages(self) -> Self {
        self.flag("DEL_EXTERNAL_MESSAGES", false)
    }

    /// Excludes the channel from CRM newsletters. Default: it can be used for them.
    #[must_use]
    pub fn without_newsletters(self) -> Self {
        self.flag("NEWSLETTER", false)
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

    /// Sets a parameter of `imconnector.register` that has no method here (`COMMENT`), in place of
    /// a value set otherwise. It is sent unchanged.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
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
        let mut params = self.flags.clone();
        params.insert("ID".to_owned(), self.id.clone().into());
        params.insert("NAME".to_owned(), self.name.clone().into());
        params.insert("ICON".to_owned(), self.icon.param());
        if let Some(icon) = &self.icon_disabled {
            params.insert("ICON_DISABLED".to_owned(), icon.param());
        }
        params.insert("PLACEMENT_HANDLER".to_owned(), settings.into());
        params.extend(self.params.clone());
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
    fn all_flags_are_sent_so_that_a_default_replaces_an_earlier_value() {
        let params = ConnectorProfile::of::<WebChat>().params("https://a.example/");
        for (flag, is_on) in FLAGS {
            assert_eq!(params[flag], is_on, "{flag}");
        }
        let profile = ConnectorProfile::of::<WebChat>()
            .with_system_messages()
            .without_edits()
            .without_deletions()
            .keeps_client_messages()
            .without_newsletters();
        let params = profile.params("https://a.example/");
        assert_eq!(params["NEED_SYSTEM_MESSAGES"], true);
        for flag in [
            "EDIT_INTERNAL_MESSAGES",
            "DEL_INTERNAL_MESSAGES",
            "DEL_EXTERNAL_MESSAGES",
            "NEWSLETTER",
        ] {
            assert_eq!(params[flag], false, "{flag}");
        }
    }

    #[test]
    fn icons_and_parameters_without_a_method_are_sent() {
        let grey = ConnectorIcon::new("<svg/>").size("90%").position("center");
        let profile = ConnectorProfile::of::<WebChat>()
            .icon_disabled(grey)
            .param("COMMENT", "on the settings page");
        let params = profile.params("https://a.example/");
        assert_eq!(params["ICON_DISABLED"]["SIZE"], "90%");
        assert_eq!(params["ICON_DISABLED"]["POSITION"], "center");
        assert_eq!(params["COMMENT"], "on the settings page");
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
