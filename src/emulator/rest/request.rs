//! Reads a request as the portal does: server-behaviour.md 5.1.
//!
//! Query first, the body on top, what stands in the path on top of that. JSON that does not parse is swallowed, and
//! the call goes on with what the query gave.

use poem::Request;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::uri::Scheme;
use serde_json::Value;

use super::multipart;
use super::params::Params;
use crate::emulator::refusal::Refusal;
use crate::event::form;

/// The largest body a call may have: a file of 100 MB in base64 fits.
const BODY_BYTES_MAX: usize = 150 * 1024 * 1024;

/// Parameters that only tell which SDK calls.
const TELEMETRY: [&str; 3] = ["BX24_REQUEST_ID", "BX24_SDK_VER", "BX24_SDK_TYPE"];

/// A call that has been read.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Lower case, without suffix.
    pub(crate) name: String,
    pub(crate) params: Params,
    pub(crate) credential: Credential,
    /// Whether the answer is to be XML: the suffix `.xml`.
    pub(crate) wants_xml: bool,
    /// Whether it came through TLS.
    pub(crate) is_secure: bool,
    /// As it came, for the wire log; the query if there was no body.
    pub(crate) body: String,
}

/// What a call proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing.
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

/// The method, and the webhook if the path has one. Doubled and trailing slashes mean nothing.
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

/// The answer to a method that is not there.
pub(super) fn not_found() -> Refusal {
    Refusal::new("ERROR_METHOD_NOT_FOUND", "Method not found!").status(404)
}

/// Query and body, the body on top.
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

/// The parameters of a form or of a batch command.
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
    fn a_method_is_found_however_its_path_is_written() {
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
    fn the_body_wins_over_the_query_and_broken_json_is_swallowed() {
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
