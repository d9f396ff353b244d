//! The settings of the assistant, from the environment.

use std::fmt;

use secrecy::SecretString;

use super::model::{Endpoint, EndpointError, Model, Scripted};
use super::{Assistant, PROMPT};

/// The environment variable with the URL of the endpoint, such as `https://api.openai.com/v1`.
pub const URL: &str = "ASSISTANT_URL";
/// The environment variable with the name of the model.
pub const MODEL: &str = "ASSISTANT_MODEL";
/// The environment variable with the key of the endpoint.
pub const KEY: &str = "ASSISTANT_KEY";
/// The environment variable with the instructions for the model.
pub const INSTRUCTIONS: &str = "ASSISTANT_PROMPT";

/// A setting is missing or wrong. Its text has no value, since that may be the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    name: &'static str,
    why: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.why)
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    fn new(name: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { name, why }
    }

    fn of(error: EndpointError) -> Self {
        let name = match error {
            EndpointError::Url | EndpointError::UrlParts | EndpointError::Client => URL,
            EndpointError::Key | EndpointError::KeyInTheClear => KEY,
        };
        Self::new(name, error.to_string())
    }
}

impl Assistant {
    /// Returns the assistant that the environment describes: with the model at [`URL`], or without
    /// a URL with a small scripted model.
    ///
    /// # Errors
    /// A setting is missing or wrong.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::from_settings(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(SettingError::new(name, "is not UTF-8")),
        })
    }

    /// Returns an assistant with a model at an endpoint of the chat-completions kind.
    ///
    /// # Errors
    /// The URL or the key cannot be used.
    pub fn with_endpoint(
        url: &str,
        model: &str,
        key: Option<&SecretString>,
    ) -> Result<Self, SettingError> {
        let endpoint = Endpoint::new(url, model, key).map_err(SettingError::of)?;
        Ok(Self::of(Model::Endpoint(endpoint)))
    }

    /// Returns an assistant with the small scripted model, which needs no network.
    pub fn scripted() -> Self {
        Self::of(Model::Scripted(Scripted))
    }

    fn of(model: Model) -> Self {
        Self {
            model,
            instructions: PROMPT.to_owned(),
        }
    }

    fn from_settings(
        setting: impl Fn(&'static str) -> Result<Option<String>, SettingError>,
    ) -> Result<Self, SettingError> {
        let filled = |name| {
            let value = setting(name)?;
            Ok(value.filter(|value| !value.trim().is_empty()))
        };
        let key = filled(KEY)?.map(SecretString::from);
        let assistant = match (filled(URL)?, filled(MODEL)?) {
            (Some(url), Some(model)) => Self::with_endpoint(&url, model.trim(), key.as_ref())?,
            (Some(_), None) => {
                let why = format!("is missing: which model shall {URL} serve?");
                return Err(SettingError::new(MODEL, why));
            }
            (None, None) if key.is_none() => Self::scripted(),
            (None, _) => {
                let why = format!("is missing, but {MODEL} or {KEY} is set");
                return Err(SettingError::new(URL, why));
            }
        };
        Ok(match filled(INSTRUCTIONS)? {
            Some(text) => assistant.instructions(text),
            None => assistant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("sample.env");

    fn with(settings: &[(&str, &str)]) -> Result<Assistant, SettingError> {
        Assistant::from_settings(|name| {
            let found = settings.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn without_settings_the_model_is_scripted() {
        let scripted = with(&[(URL, ""), (MODEL, " ")]).unwrap();
        assert!(matches!(scripted.model, Model::Scripted(_)));
        assert_eq!(scripted.instructions, PROMPT);
    }

    #[test]
    fn an_endpoint_needs_a_url_and_a_model() {
        let url = (URL, "https://api.example.com/v1");
        let assistant = with(&[
            url,
            (MODEL, "m"),
            (KEY, "sk-secret"),
            (INSTRUCTIONS, "Rhyme."),
        ]);
        let assistant = assistant.unwrap();
        assert!(matches!(assistant.model, Model::Endpoint(_)));
        assert_eq!(assistant.instructions, "Rhyme.");
        assert!(!format!("{assistant:?}").contains("secret"));
        for (settings, begins) in [
            (vec![url], "ASSISTANT_MODEL is missing"),
            (vec![(MODEL, "m")], "ASSISTANT_URL is missing"),
            (vec![(KEY, "sk-secret")], "ASSISTANT_URL is missing"),
            (
                vec![(URL, "sk-secret"), (MODEL, "m")],
                "ASSISTANT_URL is no",
            ),
            (
                vec![url, (MODEL, "m"), (KEY, "sk-secret\u{7}")],
                "ASSISTANT_KEY has",
            ),
        ] {
            let error = with(&settings).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(
                text.starts_with(begins) && !text.contains("secret"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_sample_names_every_setting() {
        let lines = SAMPLE.lines().filter(|line| line.contains('='));
        let names = lines.filter_map(|line| line.trim_start_matches('#').split('=').next());
        let names: Vec<&str> = names.filter(|name| !name.contains(' ')).collect();
        assert_eq!(names, [URL, MODEL, KEY, INSTRUCTIONS]);
    }
}
