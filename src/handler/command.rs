//! The commands of a bot, as they are registered.

use serde_json::{Map, Value, json};

/// A command of a bot, as it is registered with the portal.
///
/// ```
/// use imbot::CommandSpec;
///
/// let order = CommandSpec::new("order", "Order something")
///     .params("<what> <quantity>")
///     .in_language("de", "Bestellen", "<was> <Menge>");
/// assert_eq!(order.usage(), "/order <what> <quantity>");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSpec {
    name: String,
    titles: Vec<Title>,
    is_common: bool,
    is_hidden: bool,
    for_extranet: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Title {
    language: String,
    title: String,
    params: String,
}

impl CommandSpec {
    /// Returns a command with this name (Latin letters and digits, no slash) and this title in
    /// English.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        let title = Title {
            language: "en".into(),
            title: title.into(),
            params: String::new(),
        };
        Self {
            name: name.into(),
            titles: vec![title],
            is_common: false,
            is_hidden: false,
            for_extranet: false,
        }
    }

    /// Sets the parameters shown to people: `<what> <quantity>`. Default: none.
    #[must_use]
    pub fn params(mut self, params: impl Into<String>) -> Self {
        self.titles[0].params = params.into();
        self
    }

    /// Adds title and parameters in another language (`de`). Default: English for everybody.
    #[must_use]
    pub fn in_language(
        mut self,
        language: impl Into<String>,
        title: impl Into<String>,
        params: impl Into<String>,
    ) -> Self {
        self.titles.push(Title {
            language: language.into(),
            title: title.into(),
            params: params.into(),
        });
        self
    }

    /// Allows the command in every chat of the portal. Default: only in chats with the bot.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.is_common = true;
        self
    }

    /// Leaves the command out of the suggestions, for commands of buttons. Default: it is
    /// suggested.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// Allows the command to users from outside the company. Default: not allowed.
    #[must_use]
    pub fn for_extranet(mut self) -> Self {
        self.for_extranet = true;
        self
    }

    /// Returns the name, without a slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the command with its parameters, as it is typed.
    pub fn usage(&self) -> String {
        format!("/{} {}", self.name, self.titles[0].params)
            .trim_end()
            .to_owned()
    }

    pub(crate) fn is_common(&self) -> bool {
        self.is_common
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    pub(crate) fn is_for_extranet(&self) -> bool {
        self.for_extranet
    }

    /// Returns the titles by language.
    pub(crate) fn titles(&self) -> Map<String, Value> {
        let title = |title: &Title| (title.language.clone(), title.title.clone().into());
        self.titles.iter().map(title).collect()
    }

    /// Returns the parameters by language.
    pub(crate) fn all_params(&self) -> Map<String, Value> {
        let params = |title: &Title| (title.language.clone(), title.params.clone().into());
        self.titles.iter().map(params).collect()
    }

    /// Returns `LANG` of `imbot.command.register`.
    pub(crate) fn lang(&self) -> Vec<Value> {
        let title = |title: &Title| json!({ "LANGUAGE_ID": title.language, "TITLE": title.title, "PARAMS": title.params });
        self.titles.iter().map(title).collect()
    }
}
