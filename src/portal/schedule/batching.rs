//! Calls as commands of a `batch`: which may be, and how they are written.
//!
//! Page `batch.md`. A command is written as a form, which is not all that JSON is, and the portal replaces what looks like a
//! reference to an earlier result wherever it stands, also in what a person wrote. What a form cannot tell, or what would
//! be replaced, goes by itself.

use serde_json::{Map, Value};

use super::queue::BATCH_BYTES_MAX;
use crate::event::form;
use crate::portal::Error;
use crate::portal::auth::webhook;
use crate::portal::http::answer::{Answer, Time, map, number};
use crate::store::Access;

/// What the portal replaces in a batch: `$result[…]` and its like (server-behaviour, section 5.3).
const REFERENCES: [&str; 5] = ["result", "error", "total", "next", "time"];

/// What the portal does not run in a batch (section 5.3); methods for files carry too much.
const BY_THEMSELVES: [&str; 3] = ["batch", "upload", "download"];

/// The bytes that a call takes in a batch, at most; nothing for one that may not go in a batch.
pub(in crate::portal) fn size(method: &str, params: &Value) -> Option<usize> {
    let last = method.rsplit('.').next().unwrap_or_default();
    let is_alone = BY_THEMSELVES
        .iter()
        .any(|name| name.eq_ignore_ascii_case(last));
    let size = method.len() + written(params, 0)?;
    (!is_alone && size <= BATCH_BYTES_MAX).then_some(size)
}

/// The bytes of a value as a form, at most; nothing for one that a form cannot tell.
fn written(value: &Value, path: usize) -> Option<usize> {
    /// A byte may be written as `%5B`.
    const ESCAPED: usize = 3;
    let within = |key: usize, value| written(value, path + (key + 2) * ESCAPED);
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(path + 3),
        Value::Number(number) => Some(path + number.to_string().len() + 2),
        Value::String(text) if refers(text) => None,
        Value::String(text) => Some(path + text.len() * ESCAPED + 2),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => items.iter().map(|item| within(5, item)).sum(),
        Value::Object(fields) if fields.is_empty() => (path == 0).then_some(0),
        Value::Object(fields) => {
            let field = |(key, value): (&String, _)| {
                (!refers(key)).then(|| within(key.len(), value)).flatten()
            };
            fields.iter().map(field).sum()
        }
    }
}

/// Whether the portal would replace a part of this text.
fn refers(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let word = &text.as_bytes()[at + 1..];
        let begins = |name: &&str| {
            word.get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
        };
        REFERENCES.iter().any(begins)
    })
}

/// A call as a command.
pub(in crate::portal) fn command(method: &str, params: &Value, access: &Access) -> String {
    let mut params = params.as_object().cloned().unwrap_or_default();
    if let Access::Webhook(hook) = access {
        webhook::name_bots(method, &mut params, &hook.bot_token);
    }
    let mut params = Value::Object(params);
    let is_second = ["imbot.v2.", "im.v2."].iter().any(|family| {
        method
            .get(..family.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(family))
    });
    if is_second {
        with_letters(&mut params);
    }
    format!("{method}?{}", form::encode(&params))
}

/// Writes yes and no as `Y` and `N`, as the second generation wants them where there is no JSON (bots-v2, section 2).
fn with_letters(value: &mut Value) {
    match value {
        Value::Bool(yes) => *value = if *yes { "Y" } else { "N" }.into(),
        Value::Array(items) => items.iter_mut().for_each(with_letters),
        Value::Object(fields) => fields.values_mut().for_each(with_letters),
        _ => {}
    }
}

/// The parameters of a batch.
pub(in crate::portal) fn batch(commands: Map<String, Value>, halts: bool) -> Value {
    let halt = u8::from(halts).into();
    Value::from_iter([("halt", halt), ("cmd", Value::Object(commands))])
}

/// The answers of a batch, by the keys of its commands.
#[derive(Debug, Default)]
pub(in crate::portal) struct Answers {
    results: Map<String, Value>,
    errors: Map<String, Value>,
    next: Map<String, Value>,
    times: Map<String, Value>,
}

impl Answers {
    pub(in crate::portal) fn of(mut result: Value) -> Answers {
        Answers {
            results: map(&mut result, "result"),
            errors: map(&mut result, "result_error"),
            next: map(&mut result, "result_next"),
            times: map(&mut result, "result_time"),
        }
    }

    /// The answer to one command; nothing where the portal tells none, as after a halt.
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
            time: self.times.get(key).map(Time::of).unwrap_or_default(),
        }))
    }
}

/// The refusal of a command; the status is that of the batch.
fn refusal(method: &str, error: &Value) -> Error {
    let word = |name| match &error[name] {
        Value::String(word) => word.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // Some portals tell a bare text.
    let code = error.as_str().map_or_else(|| word("error"), str::to_owned);
    Error::refused(method, &code, &word("error_description"), 200, None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::portal::inbound;
    use crate::portal::schedule::batching::*;

    #[test]
    fn what_a_form_cannot_tell_or_the_portal_would_replace_goes_by_itself() {
        let folds = [
            json!({}),
            json!({"MESSAGE": "5 $ and a $resume, 100%", "KEYBOARD": [{"TEXT": "a"}]}),
        ];
        for params in folds {
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
    fn a_command_is_never_longer_than_reckoned() {
        let params =
            json!({"a": {"ключ": ["я b", 1.5, true, -7]}, "l": [{"x": false}, {"y": "&="}]});
        let access = inbound("https://example.com/rest/1/abc/").unwrap().access;
        let command = command("m", &params, &access);
        assert!(command.len() <= size("m", &params).unwrap(), "{command}");
    }

    #[test]
    fn commands_about_bots_name_their_token_and_the_second_generation_gets_letters() {
        let access = inbound("https://example.com/rest/1/abc/").unwrap().access;
        let first = command("imbot.message.add", &json!({"SYSTEM": true}), &access);
        assert!(
            first.starts_with("imbot.message.add?SYSTEM=1&CLIENT_ID="),
            "{first}"
        );
        let params = json!({"botId": 7, "fields": {"system": true, "urlPreview": false}});
        let second = command("imbot.v2.Chat.Message.send", &params, &access);
        assert!(
            second.contains("system%5D=Y") && second.contains("urlPreview%5D=N"),
            "{second}"
        );
        assert!(second.contains("&botToken="), "{second}");
    }

    #[test]
    fn answers_find_their_commands_also_in_lists() {
        let mut answers = Answers::of(json!({
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
