//! Reads a request as the portal does: protocol/server-behaviour.md 5.1.
//!
//! The body takes precedence over the query, and the path over both. Invalid JSON is ignored, and
//! the call continues with the query.

use poem::Request;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::uri::Scheme;
use serde_json::Value;

use super::multipart;
use super::params::Params;
use crate::emulator::refusal::Refusal;
use crate::event::form;

/// Maximum size of a body, in bytes: a file of 100 MB in base64 fits.
const BODY_BYTES_MAX: usize = 150 * 1024 * 1024;

/// Parameters that only identify the SDK.
const TELEMETRY: [&str; 3] = ["BX24_REQUEST_ID", "BX24_SDK_VER", "BX24_SDK_TYPE"];

/// A parsed call.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The method, in lower case and without suffix.
    pub(crate) name: String,
    pub(crate) params: Params,
    pub(crate) credential: Credential,
    /// Whether the answer is XML: the suffix `.xml`.
    pub(crate) wants_xml: bool,
    /// Whether it came through TLS.
    pub(crate) is_secure: bool,
    /// The body for the traffic log; the query if there was no body.
    pub(crate) body: String,
}

/// The authorization of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// None.
    None,
    /// `auth`, `access_token`, or the `Authorization` header.
    Token(String),
    /// `/rest/<user>/<secret>/`.
    Webhook(String, String),
}

/// Reads a request to `/rest/…`.
pub(super) async fn read(mut request: Request) -> Result<Incoming, Refusal> {
    let (name, in_path) = address(request.uri().path())?;
    let scheme = request.uri().scheme().unwrap_or(request.scheme());
    let is_secure = *scheme == Scheme::HTTPS;
    let path = request.uri().path().trim_end_matches('/').to_lowercase();
    let wants_xml = path.ends_with(".xml");
    let bearer = bearer(&request);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let body = request.take_body().into_bytes_limit(BODY_BYTES_MAX).await;
    let body =
        body.map_err(|_| Refusal::new("INVALID_REQUEST", "The request is too large").status(413))?;
    let mut params = merge(query.as_bytes(), &kind, &body);
    let token = take_token(&mut params).or(bearer);
    let credential = in_path
        .or(token.map(Credential::Token))
        .unwrap_or(Credential::None);
    let body = if body.is_empty() {
        query
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    Ok(Incoming {
        name,
        params,
        credential,
        wants_xml,
        is_secure,
        body,
    })
}

/// Returns the method, and the webhook if the path has one. Doubled and trailing slashes are
/// ignored.
fn address(path: &str) -> Result<(String, Option<Credential>), Refusal> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .skip(1)
        .collect();
    match parts.as_slice() {
        ["api", ..] => Err(not_found()),
        [method] => Ok((name(method), None)),
        [user, secret, method] => Ok((
            name(method),
            Some(Credential::Webhook(
                (*user).to_owned(),
                (*secret).to_owned(),
            )),
        )),
        _ => Err(not_found()),
    }
}

fn name(method: &str) -> String {
    let method = method.to_lowercase();
    let bare = method
        .strip_suffix(".json")
        .or_else(|| method.strip_suffix(".xml"));
    bare.unwrap_or(&method).to_owned()
}

/// The method does not exist.
pub(super) fn not_found() -> Refusal {
    Refusal::new("ERROR_METHOD_NOT_FOUND", "Method not found!").status(404)
}

/// Merges query and body; the body takes precedence.
fn merge(query: &[u8], kind: &str, body: &[u8]) -> Params {
    let mut params = form_params(query);
    let media = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    params.merge(
        match multipart::boundary(kind).filter(|_| media == "multipart/form-data") {
            Some(boundary) => form_params(&multipart::to_form(boundary, body)),
            None if media == "application/json" || media.contains("+json") => json_params(body),
            None => form_params(body),
        },
    );
    for name in TELEMETRY {
        params.take(name);
    }
    params
}

fn json_params(body: &[u8]) -> Params {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Params::new(fields),
        _ => Params::default(),
    }
}

/// Returns the parameters of a form or of a batch command.
pub(super) fn form_params(body: &[u8]) -> Params {
    match form::decode(body) {
        Ok(Value::Object(fields)) => Params::new(fields),
        _ => Params::default(),
    }
}

fn take_token(params: &mut Params) -> Option<String> {
    let auth = params.take("AUTH");
    let access = params.take("ACCESS_TOKEN");
    auth.or(access)?.as_str().map(str::to_owned)
}

fn bearer(request: &Request) -> Option<String> {
    request
        .header(AUTHORIZATION)
        .unwrap_or_default()
        .strip_prefix("Bearer ")
        .map(|token| token.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::request::*;

    #[test]
    fn a_method_is_found_in_all_forms_of_its_path() {
        let hook = |user: &str, secret: &str| {
            Some(Credential::Webhook(user.to_owned(), secret.to_owned()))
        };
        let cases = [
            ("/rest/imbot.register", "imbot.register", None),
            ("/rest/imBot.Register.json", "imbot.register", None),
            ("/rest//batch/", "batch", None),
            ("/rest/1/abc/profile.xml", "profile", hook("1", "abc")),
            ("/rest//1//abc//profile/", "profile", hook("1", "abc")),
        ];
        for (path, name, webhook) in cases {
            assert_eq!(address(path).unwrap(), (name.to_owned(), webhook), "{path}");
        }
        for path in [
            "/rest/",
            "/rest/a/b",
            "/rest/a/b/c/d",
            "/rest/api/tasks.task.get",
        ] {
            assert_eq!(address(path).unwrap_err().http_status(), 404, "{path}");
        }
    }

    #[test]
    fn the_body_takes_precedence_over_the_query_and_invalid_json_is_ignored() {
        let cases = [
            ("", "A=form", Some("form")),
            ("application/x-www-form-urlencoded", "a=form", Some("form")),
            ("application/json", r#"{"a":"json"}"#, Some("json")),
            (
                "application/json; charset=utf-8",
                r#"{"a":"json"}"#,
                Some("json"),
            ),
            ("application/vnd.api+json", r#"{"a":"json"}"#, Some("json")),
            ("application/json", r#"{"a":"#, Some("query")),
            ("application/json", "[1]", Some("query")),
            ("text/json", r#"{"a":"json"}"#, Some("query")),
        ];
        for (kind, body, expected) in cases {
            let params = merge(b"a=query&bx24_sdk_ver=1", kind, body.as_bytes());
            assert_eq!(params.text("A").as_deref(), expected, "{kind} {body}");
            assert_eq!(params.text("BX24_SDK_VER"), None);
        }
    }
}
