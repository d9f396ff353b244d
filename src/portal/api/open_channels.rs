//! What is done on open channels out of the outbox: the odd answers of its methods, read for what they mean.

use serde_json::{Map, Value};

use crate::portal::{Error, Portal};

/// What is done already, by method and code: a client who is to be handed over to people is with people by now.
const DONE_ALREADY: (&str, &str) = ("imopenlines.bot.session.operator", "WRONG_CHAT");

impl Portal {
    /// Makes a call of open channels that was decided earlier. That it is done already is no error; that the portal took
    /// the call and refuses what is in it is one.
    ///
    /// # Errors
    /// The portal's refusal, also where it stands in an answer that looks like success.
    pub(crate) async fn do_on_line(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<(), Error> {
        match self.call::<Value>(method, &Value::Object(params)).await {
            Ok(answer) => refusal_within(method, &answer).map_or(Ok(()), Err),
            Err(error) if is_done_already(method, &error) => {
                tracing::debug!(portal = %self.id(), method, %error, "it is done already");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn is_done_already(method: &str, error: &Error) -> bool {
    DONE_ALREADY.0 == method && error.is(DONE_ALREADY.1)
}

/// What an answer with HTTP status 200 refuses: connectors' methods tell it of each message by itself (open-channels, 2.1),
/// and of a registration within the result.
fn refusal_within(method: &str, answer: &Value) -> Option<Error> {
    let refused = |code: &str, words: &str| Some(Error::refused(method, code, words, 200, None));
    if answer["SUCCESS"] == false {
        return refused("CONNECTOR_REFUSED", &words(&answer["ERRORS"]));
    }
    if answer["result"] == false {
        let code = answer["error"].as_str().unwrap_or("CONNECTOR_REFUSED");
        return refused(code, &words(&answer["error_description"]));
    }
    let results = answer["DATA"]["RESULT"].as_array()?;
    let item = results.iter().find(|item| item["SUCCESS"] == false)?;
    refused("CONNECTOR_REFUSED", &words(&item["ERRORS"]))
}

/// The portal's words, of which there may be several.
fn words(told: &Value) -> String {
    match told {
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
    fn a_refusal_is_found_wherever_it_stands() {
        let of = |answer: Value| {
            let error = refusal_within("imconnector.send.messages", &answer)?;
            Some((error.code()?.to_owned(), error.to_string()))
        };
        assert_eq!(of(json!(true)), None);
        assert_eq!(of(json!({ "SUCCESS": true, "DATA": [] })), None);
        let sent = |ok: bool| json!({ "SUCCESS": true, "DATA": { "RESULT": [{ "SUCCESS": ok, "ERRORS": ["no", "way"] }] } });
        assert_eq!(of(sent(true)), None);
        let (code, words) = of(sent(false)).unwrap();
        assert_eq!(code, "CONNECTOR_REFUSED");
        assert!(words.contains("no; way"), "{words}");
        let registered =
            json!({ "result": false, "error": "NAME_REQUIRED", "error_description": "Name" });
        assert_eq!(of(registered).unwrap().0, "NAME_REQUIRED");
    }
}
