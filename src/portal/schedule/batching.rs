//! Calls as commands of a `batch`: which calls can be batched, and how they are encoded.
//!
//! Page `b24restdocs: settings/how-to-call-rest-api/batch.md`. A command is encoded as a form,
//! which cannot express all that JSON can, and the portal replaces everything that looks like a
//! reference to an earlier result, also in a person's text. A call that a form cannot express, or
//! in which something would be replaced, is sent alone.

use serde_json::{Map, Value};

use super::queue::BATCH_BYTES_MAX;
use crate::event::form;
use crate::portal::Error;
use crate::portal::auth::webhook;
use crate::portal::http::answer::{Answer, Time, map, number};
use crate::store::Access;

/// The words after `$` that the portal replaces in a batch, as in `$result[…]`
/// (protocol/server-behaviour.md 5.3).
const REFERENCES: [&str; 5] = ["result", "error", "total", "next", "time"];

/// Methods that cannot be batched: the portal does not run a batch in a batch
/// (protocol/server-behaviour.md 5.3), and files are too large.
const UNBATCHABLE: [&str; 3] = ["batch", "upload", "download"];

/// Returns the maximum size of a call in a batch, in bytes, or `None` if the call cannot be
/// batched.
pub(in crate::portal) fn size(method: &str, params: &Value) -> Option<usize> {
    let last = method.rsplit('.').next().unwrap_or_default();
    let is_alone = UNBATCHABLE
        .iter()
        .any(|name| name.eq_ignore_ascii_case(last));
    let size = method.len() + form_size(params, 0)?;
    (!is_alone && size <= BATCH_BYTES_MAX).then_some(size)
}

/// Returns the maximum size of a value as a form, in bytes, or `None` if a form cannot express it.
fn form_size(value: &Value, path: usize) -> Option<usize> {
    /// A byte may become three, such as `%5B`.
    const ESCAPED: usize = 3;
    let within = |key: usize, value| form_size(value, path + (key + 2) * ESCAPED);
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(path + 3),
        Value::Number(number) => Some(path + number.to_string().len() + 2),
        Value::String(text) if has_reference(text) => None,
        Value::String(text) => Some(path + text.len() * ESCAPED + 2),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => items.iter().map(|item| within(5, item)).sum(),
        Value::Object(fields) if fields.is_empty() => (path == 0).then_some(0),
        Value::Object(fields) => {
            let field = |(key, value): (&String, _)| {
                (!has_reference(key))
                    .then(|| within(key.len(), value))
                    .flatten()
            };
            fields.iter().map(field).sum()
        }
    }
}

/// Whether the portal would replace a part of this text.
fn has_reference(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let word = &text.as_bytes()[at + 1..];
        let begins = |name: &&str| {
            word.get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
        };
        REFERENCES.iter().any(begins)
    })
}

/// Encodes a call as a command.
pub(in crate::portal) fn command(method: &str, params: &Value, access: &Access) -> String {
    let mut params = params.as_object().cloned().unwrap_or_default();
    if let Access::Webhook(hook) = access {
        webhook::add_bot_token(method, &mut params, &hook.bot_token);
    }
    let mut params = Value::Object(params);
    let is_v2 = ["imbot.v2.", "im.v2."].iter().any(|family| {
        method
            .get(..family.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(family))
    });
    if is_v2 {
        flags_as_letters(&mut params);
    }
    format!("{method}?{}", form::encode(&params))
}

/// Writes booleans as `Y` and `N`, as v2 expects them where there is no JSON
/// (protocol/bots-v2.md 2).
fn flags_as_letters(value: &mut Value) {
    match value {
        Value::Bool(yes) => *value = if *yes { "Y" } else { "N" }.into(),
        Value::Array(items) => items.iter_mut().for_each(flags_as_letters),
        Value::Object(fields) => fields.values_mut().for_each(flags_as_letters),
        _ => {}
    }
}

/// Returns the parameters of a batch.
pub(in crate::portal) fn params(commands: Map<String, Value>, halts: bool) -> Value {
    let halt = u8::from(halts).into();
    Value::from_iter([("halt", halt), ("cmd", Value::Object(commands))])
}

/// The answers of a batch, by the keys of its commands.
#[derive(Debug, Default)]
pub(in crate::portal) struct BatchAnswers {
    results: Map<String, Value>,
    errors: Map<String, Value>,
    next: Map<String, Value>,
    times: Map<String, Value>,
}

impl BatchAnswers {
    pub(in crate::portal) fn from_result(mut result: Value) -> BatchAnswers {
        BatchAnswers {
            results: map(&mut result, "result"),
            errors: map(&mut result, "result_error"),
            next: map(&mut result, "result_next"),
            times: map(&mut result, "result_time"),
        }
    }

    /// Takes the answer to one command; `None` if there is none, as after a halt.
    pub(in crate::portal) fn take(
        &mut self,
        key: &str,
        method: &str,
    ) -> Option<Result<Answer, Error>> {
        if let Some(error) = self.errors.remove(key) {
            return Some(Err(refusal(method, &error)));
        }
        let result = self.results.remove(key)?;
        Some(Ok(Answer {
            result,
            next: self.next.get(key).and_then(number),
            time: self.times.get(key).map(Time::read).unwrap_or_default(),
        }))
    }
}

/// The refusal of a command; its status is that of the batch.
fn refusal(method: &str, error: &Value) -> Error {
    let word = |name| match &error[name] {
        Value::String(word) => word.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // Some portals answer with a bare text.
    let code = error.as_str().map_or_else(|| word("error"), str::to_owned);
    Error::refused(method, &code, &word("error_description"), 200, None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::portal::inbound_webhook;
    use crate::portal::schedule::batching::*;

    #[test]
    fn calls_a_form_cannot_express_or_the_portal_would_change_are_not_batched() {
        let batchable = [
            json!({}),
            json!({"MESSAGE": "5 $ and a $resume, 100%", "KEYBOARD": [{"TEXT": "a"}]}),
        ];
        for params in batchable {
            assert!(size("imbot.message.add", &params).is_some(), "{params}");
        }
        let alone = [
            json!({"MESSAGE": "$result[0]"}),
            json!({"MESSAGE": "what is $RESULT?"}),
            json!({"a": {"b": ["$time"]}}),
            json!({"$next": 1}),
            json!({"title": {"en": null}}),
            json!({"users": []}),
            json!({"a": {}}),
            json!({"MESSAGE": "x".repeat(BATCH_BYTES_MAX)}),
        ];
        for params in alone {
            assert_eq!(size("imbot.message.add", &params), None, "{params}");
        }
        for method in ["batch", "imbot.v2.File.upload", "im.v2.File.download"] {
            assert_eq!(size(method, &json!({})), None, "{method}");
        }
    }

    #[test]
    fn a_size_is_the_sum_of_the_method_and_the_escaped_fields() {
        assert_eq!(size("m.get", &json!({})), Some(5));
        assert_eq!(size("m.get", &json!({"k": true})), Some(5 + 9 + 3));
        assert_eq!(
            size("m.get", &json!({"k": true, "l": 7})),
            Some(5 + 12 + 12)
        );
    }

    #[test]
    fn a_command_is_never_longer_than_its_computed_size() {
        let params =
            json!({"a": {"ключ": ["я b", 1.5, true, -7]}, "l": [{"x": false}, {"y": "&="}]});
        let access = inbound_webhook("https://example.com/rest/1/abc/")
            .unwrap()
            .access;
        let command = command("m", &params, &access);
        assert!(command.len() <= size("m", &params).unwrap(), "{command}");
    }

    #[test]
    fn commands_about_bots_carry_their_token_and_v2_flags_are_letters() {
        let access = inbound_webhook("https://example.com/rest/1/abc/")
            .unwrap()
            .access;
        let v1 = command("imbot.message.add", &json!({"SYSTEM": true}), &access);
        assert!(
            v1.starts_with("imbot.message.add?SYSTEM=1&CLIENT_ID="),
            "{v1}"
        );
        let params = json!({"botId": 7, "fields": {"system": true, "urlPreview": false}});
        let v2 = command("imbot.v2.Chat.Message.send", &params, &access);
        assert!(
            v2.contains("system%5D=Y") && v2.contains("urlPreview%5D=N"),
            "{v2}"
        );
        assert!(v2.contains("&botToken="), "{v2}");
    }

    #[test]
    fn answers_are_found_by_key_in_maps_and_in_lists() {
        let mut answers = BatchAnswers::from_result(json!({
            "result": [5, {"id": 6}], "result_error": {"x": {"error": "CANCELED", "error_description": "no"}, "y": "bare"},
            "result_next": {"1": 50}, "result_time": [],
        }));
        assert_eq!(answers.take("0", "m").unwrap().unwrap().result, 5);
        assert_eq!(answers.take("1", "m").unwrap().unwrap().next, Some(50));
        let error = answers.take("x", "m").unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "m: the portal refused with CANCELED (200): no"
        );
        assert!(answers.take("y", "m").unwrap().unwrap_err().is("BARE"));
        assert!(answers.take("z", "m").is_none());
    }
}
