//! The authorization server, on the portal's own address: tokens for codes and refresh tokens.
//!
//! `GET` with a query and `POST` with a form both work. A refresh token is valid once.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::LOCATION;
use poem::{Endpoint, Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::portal::Portal;
use super::refusal::Refusal;
use super::reply::json_response;
use super::rest::params::Params;
use super::traffic_log::AnsweredCall;
use super::transaction::Transaction;
use super::world::access::App;
use super::world::tokens::ACCESS_SECONDS;
use crate::event::form;

/// Maximum size of a form, in bytes; the longest real one has a few hundred.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Handles `/oauth/token/`.
pub(crate) fn token(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    poem::endpoint::make(move |mut request: Request| {
        let portal = Arc::clone(&portal);
        async move {
            let begun = Instant::now();
            let body = request
                .take_body()
                .into_bytes_limit(BODY_BYTES_MAX)
                .await
                .unwrap_or_default();
            let mut params = read(request.uri().query().unwrap_or_default().as_bytes());
            params.merge(read(&body));
            let planned = portal.planned().take_token_refusal();
            let granted = match planned {
                Some(refusal) => Err(refusal),
                None => portal.act(0, |tx| grant(tx, &params)),
            };
            let (status, answer) = match granted {
                Ok(answer) => (200, answer),
                Err(refusal) => (
                    refusal.http_status(),
                    json!({ "error": refusal.code(), "error_description": refusal.to_string() }),
                ),
            };
            let client_id = params.text("CLIENT_ID").unwrap_or_default();
            portal.traffic.call(&AnsweredCall {
                kind: "oauth",
                name: "oauth/token",
                app: portal.read(|world| world.apps.get(&client_id).map(|app| app.title.clone())),
                request: &params.to_value(),
                body: &String::from_utf8_lossy(&body),
                status,
                answer: &answer,
                took: begun.elapsed(),
            });
            json_response(
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
                &answer,
            )
        }
    })
}

fn read(form: &[u8]) -> Params {
    match form::decode(form) {
        Ok(Value::Object(fields)) => Params::new(fields),
        _ => Params::default(),
    }
}

/// Issues new tokens for an authorization code or a refresh token.
fn grant(tx: &mut Transaction<'_>, params: &Params) -> Result<Value, Refusal> {
    let field = |name: &str| params.text(name).unwrap_or_default();
    let app = known(tx, &field("CLIENT_ID"), &field("CLIENT_SECRET"))?;
    let now = tx.world.clock.unix();
    let granted = match field("GRANT_TYPE").as_str() {
        "refresh_token" => {
            tx.world
                .tokens
                .take_refresh(&field("REFRESH_TOKEN"), &app.client_id, now)
        }
        "authorization_code" => tx
            .world
            .tokens
            .take_code(&field("CODE"), &app.client_id, now),
        _ => return Err(Refusal::new("invalid_request", "Unsupported grant type")),
    };
    let user = granted
        .ok_or_else(|| Refusal::new("invalid_grant", "Invalid grant"))?
        .user;
    let pair = tx.world.tokens.issue(&app.client_id, user, now);
    Ok(json!({
        "access_token": pair.access,
        "expires": pair.expires,
        "expires_in": ACCESS_SECONDS,
        "scope": app.scope,
        "domain": tx.world.domain,
        "server_endpoint": tx.world.server_endpoint(),
        "status": "L",
        "client_endpoint": tx.world.endpoint(),
        "member_id": tx.world.member_id,
        "user_id": user,
        "refresh_token": pair.refresh,
    }))
}

fn known(tx: &Transaction<'_>, client_id: &str, client_secret: &str) -> Result<App, Refusal> {
    use subtle::ConstantTimeEq;
    let app = tx.world.apps.get(client_id).cloned();
    let app =
        app.filter(|app| bool::from(app.client_secret.as_bytes().ct_eq(client_secret.as_bytes())));
    app.ok_or_else(|| Refusal::new("invalid_client", "Invalid client"))
}

/// Handles `/oauth/authorize/`: sends the browser back to the application with a code, as the
/// administrator.
pub(crate) fn authorize(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    poem::endpoint::make_sync(move |request: Request| {
        let params = read(request.uri().query().unwrap_or_default().as_bytes());
        let client_id = params.text("CLIENT_ID").unwrap_or_default();
        let state = params.text("STATE").unwrap_or_default();
        match portal.act(1, |tx| redirect(tx, &client_id, &state)) {
            Some(address) => Response::builder()
                .status(StatusCode::FOUND)
                .header(LOCATION, address)
                .finish(),
            None => Response::builder()
                .status(StatusCode::NOT_FOUND)
                .body("Application not found"),
        }
    })
}

fn redirect(tx: &mut Transaction<'_>, client_id: &str, state: &str) -> Option<String> {
    let app = tx
        .world
        .apps
        .get(client_id)
        .filter(|app| app.installed)?
        .clone();
    let now = tx.world.clock.unix();
    let code = tx.world.tokens.issue_code(client_id, tx.user, now);
    let joint = if app.handler.contains('?') { '&' } else { '?' };
    let query = form::encode(&json!({
        "code": code,
        "state": state,
        "domain": tx.world.domain,
        "member_id": tx.world.member_id,
        "scope": app.scope,
        "server_domain": tx.world.domain,
    }));
    Some(format!("{}{joint}{query}", app.handler))
}
