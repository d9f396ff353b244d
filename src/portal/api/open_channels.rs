//! Calls methods of open channels from the outbox, and interprets their unusual answers.

use serde_json::{Map, Value};

use crate::portal::{Error, Portal};

/// The refusal, by method and code, that means the effect is already there: the client is with an
/// operator.
const DONE_ALREADY: (&str, &str) = ("imopenlines.bot.session.operator", "WRONG_CHAT");

impl Portal {
    /// Makes a call of open channels that was decided earlier. Succeeds also if the effect is
    /// already there.
    ///
    /// # Errors
    /// The portal refused, also inside an answer that looks like success; those of every
    /// [`call`](Portal::call).
    pub(crate) async fn call_open_channel(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<(), Error> {
        match self.call::<Value>(method, &Value::Object(params)).await {
            Ok(answer) => refusal_within(method, &answer).map_or(Ok(()), Err),
            Err(error) if is_done_already(method, &error) => {
                tracing::debug!(portal = %self.id(), method, %error, "the effect is already there");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn is_done_already(method: &str, error: &Error) -> bool {
    DONE_ALREADY.0 == method && error.is(DONE_ALREADY.1)
}

/// Returns the refusal inside an answer with HTTP status 200. Methods of connectors report one per
/// message (protocol/open-channels.md 2.1), and that of a registration inside the result.
fn refusal_within(method: &str, answer: &Value) -> Option<Error> {
    let refused =
        |code: &str, description: &str| Some(Error::refused(method, code, description, 200, None));
    if answer["SUCCESS"] == false {
        return refused("CONNECTOR_REFUSED", &messages(&answer["ERRORS"]));
    }
    if answer["result"] == false {
        let code = answer["error"].as_str().unwrap_or("CONNECTOR_REFUSED");
        return refused(code, &messages(&answer["error_description"]));
    }
    let results = answer["DATA"]["RESULT"].as_array()?;
    let item = results.iter().find(|item| item["SUCCESS"] == false)?;
    refused("CONNECTOR_REFUSED", &messages(&item["ERRORS"]))
}

/// The portal's messages, joined.
fn messages(errors: &Value) -> String {
    match errors {
        Value::String(text) => text.clone(),
        Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
            texts.join("; ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::api::open_channels::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_found_at_every_place_it_may_have_in_an_answer() {
        let of = |answer: Value| {
            let error = refusal_within("imconnector.send.messages", &answer)?;
            Some((error.code()?.to_owned(), error.to_string()))
        };
        assert_eq!(of(json!(true)), None);
        assert_eq!(of(json!({ "SUCCESS": true, "DATA": [] })), None);
        let sent = |ok: bool| json!({ "SUCCESS": true, "DATA": { "RESULT": [{ "SUCCESS": ok, "ERRORS": ["no", "way"] }] } });
        assert_eq!(of(sent(true)), None);
        let (code, text) = of(sent(false)).unwrap();
        assert_eq!(code, "CONNECTOR_REFUSED");
        assert!(text.contains("no; way"), "{text}");
        let registered =
            json!({ "result": false, "error": "NAME_REQUIRED", "error_description": "Name" });
        assert_eq!(of(registered).unwrap().0, "NAME_REQUIRED");
    }
}
