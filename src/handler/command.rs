//! Commands as a bot declares them.

use serde_json::{Map, Value, json};

/// A command that a bot understands, as it is registered with the portal.
///
/// ```
/// use imbot::CommandSpec;
///
/// let order = CommandSpec::new("order", "Order something").params("<what> <quantity>").in_language("de", "Bestellen", "<was> <Menge>");
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
    /// A command of this name (Latin letters and digits, no slash) and what it does, in English.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> CommandSpec {
        let title = Title {
            language: "en".into(),
            title: title.into(),
            params: String::new(),
        };
        CommandSpec {
            name: name.into(),
            titles: vec![title],
            is_common: false,
            is_hidden: false,
            for_extranet: false,
        }
    }

    /// What follows the name, as people read it: `<what> <quantity>`. Default: nothing.
    #[must_use]
    pub fn params(mut self, params: impl Into<String>) -> CommandSpec {
        self.titles[0].params = params.into();
        self
    }

    /// The same in another language (`de`). Default: English for everybody.
    #[must_use]
    pub fn in_language(
        mut self,
        language: impl Into<String>,
        title: impl Into<String>,
        params: impl Into<String>,
    ) -> CommandSpec {
        self.titles.push(Title {
            language: language.into(),
            title: title.into(),
            params: params.into(),
        });
        self
    }

    /// Lets it be given in every chat of the portal, also where the bot is not. Default: only where the bot is.
    #[must_use]
    pub fn everywhere(mut self) -> CommandSpec {
        self.is_common = true;
        self
    }

    /// Leaves it out of the suggestions: for buttons. Default: it is suggested.
    #[must_use]
    pub fn hidden(mut self) -> CommandSpec {
        self.is_hidden = true;
        self
    }

    /// Lets people from outside the company give it. Default: no.
    #[must_use]
    pub fn for_extranet(mut self) -> CommandSpec {
        self.for_extranet = true;
        self
    }

    /// Its name, without a slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is typed.
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

    /// What it does, by language.
    pub(crate) fn titles(&self) -> Map<String, Value> {
        let title = |title: &Title| (title.language.clone(), title.title.clone().into());
        self.titles.iter().map(title).collect()
    }

    /// What follows its name, by language.
    pub(crate) fn all_params(&self) -> Map<String, Value> {
        let params = |title: &Title| (title.language.clone(), title.params.clone().into());
        self.titles.iter().map(params).collect()
    }

    /// `LANG` of `imbot.command.register`.
    pub(crate) fn lang(&self) -> Vec<Value> {
        let title = |title: &Title| json!({ "LANGUAGE_ID": title.language, "TITLE": title.title, "PARAMS": title.params });
        self.titles.iter().map(title).collect()
    }
}
