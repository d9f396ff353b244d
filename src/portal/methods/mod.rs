//! The portal's REST methods as types: a table of their parameters and answers, one row each.
//!
//! A row has the type's name, the REST method, its required and its optional parameters, and its
//! answer. Listed errors are the method's own; any call may also fail as
//! [`Error`](crate::portal::Error) describes.
//!
//! ```no_run
//! # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
//! use imbot::portal::methods::im;
//!
//! let chat = portal.run(im::ChatAdd::new().title("Deal 7").message("Here we go")).await?;
//! portal.run(im::ChatMute::new().chat(chat).mute(true)).await?;
//! # Ok(()) }
//! ```

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Creates a type for each row.
///
/// `Name "rest.method" (required: Type = "KEY", …) [optional: Type = "KEY", …] -> Answer;`, where a
/// key such as `fields.title` is nested.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        $name:ident $method:literal
        ($($required:ident: $rtype:ty = $rkey:literal),* $(,)?)
        [$($optional:ident: $otype:ty = $okey:literal),* $(,)?]
        -> $answer:ty;
    )*) => {$(
        $(#[$doc])*
        ///
        #[doc = concat!("The REST method `", $method, "`.")]
        #[derive(Clone, Debug)]
        #[must_use = "a call is made by `Portal::run`"]
        pub struct $name($crate::portal::methods::Params);

        #[allow(clippy::new_without_default, reason = "methods without parameters have rows as the others")]
        impl $name {
            #[doc = concat!("A call of `", $method, "`" $(, ", with `", $rkey, "`")*, ".")]
            pub fn new($($required: impl Into<$rtype>),*) -> $name {
                #[allow(unused_mut, reason = "some methods need nothing")]
                let mut params = $crate::portal::methods::Params::default();
                $(params.put::<$rtype>($rkey, $required.into());)*
                $name(params)
            }

            $(
                #[doc = concat!("The same with `", $okey, "`.")]
                pub fn $optional(mut self, $optional: impl Into<$otype>) -> $name {
                    self.0.put::<$otype>($okey, $optional.into());
                    self
                }
            )*
        }

        impl $crate::portal::methods::Method for $name {
            const NAME: &'static str = $method;
            type Answer = $answer;

            fn params(self) -> serde_json::Value {
                self.0.into()
            }
        }
    )*};
}

pub mod app;
pub mod event;
pub mod im;
pub mod im_notify;
pub mod im_v2;
pub mod imbot;
pub mod imbot_v2;
pub mod imconnector;
pub mod imopenlines;
pub mod profile;
pub mod user;

/// A call of a method whose parameters and answer have types.
pub trait Method {
    /// The REST method's name.
    const NAME: &'static str;
    /// The type of its answer.
    type Answer: DeserializeOwned;

    /// Returns its parameters.
    fn params(self) -> Value;
}

/// The parameters of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Sets a parameter. A value that serde cannot write as JSON becomes null.
    fn put<T: Serialize>(&mut self, key: &str, value: T) {
        let value = json!(value);
        match key.split_once('.') {
            Some((outer, inner)) => {
                let within = self.0.entry(outer).or_insert_with(|| json!({}));
                within[inner] = value;
            }
            None => {
                self.0.insert(key.to_owned(), value);
            }
        }
    }
}

impl From<Params> for Value {
    fn from(params: Params) -> Value {
        Value::Object(params.0)
    }
}

/// Reads a value that is not needed; one of another type than documented becomes the default.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A boolean that is written `Y` or `N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct YesNo(pub bool);

impl From<bool> for YesNo {
    fn from(value: bool) -> Self {
        Self(value)
    }
}

impl Serialize for YesNo {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "Y" } else { "N" })
    }
}

/// Whether the method succeeded. v1 answers `true`, v2 `{"result": true}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Success(pub bool);

impl<'de> Deserialize<'de> for Success {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Success, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Bare(bool),
            Nested { result: bool },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Bare(done) | Form::Nested { result: done } => Success(done),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{BotId, ChatId, UserId};
    use crate::portal::methods::*;

    #[test]
    fn a_call_contains_the_parameters_it_was_given_and_no_others() {
        let call = imbot_v2::ChatAdd::new(BotId(7))
            .title("Deal")
            .users([UserId(1), UserId(2)]);
        let params = json!({ "botId": 7, "fields": { "title": "Deal", "userIds": [1, 2] } });
        assert_eq!(call.params(), params);
        let call = im::ChatMute::new().chat(ChatId(5)).mute(true);
        assert_eq!(call.params(), json!({ "CHAT_ID": 5, "MUTE": "Y" }));
        assert_eq!(profile::Get::new().params(), json!({}));
    }

    #[test]
    fn success_is_read_in_its_v1_and_v2_form() {
        for answer in [json!(true), json!({ "result": true })] {
            assert_eq!(
                serde_json::from_value::<Success>(answer).unwrap(),
                Success(true)
            );
        }
    }

    #[test]
    fn an_answer_with_a_value_of_another_type_is_read_without_it() {
        let bot = json!({ "id": 7, "code": "echo", "countMessage": "many", "backgroundId": false, "type": "bot" });
        let bot: imbot_v2::BotInfo = serde_json::from_value(bot).unwrap();
        assert_eq!((bot.count_message, bot.background_id), (None, None));
        assert_eq!(bot.kind.as_deref(), Some("bot"));
    }
}
