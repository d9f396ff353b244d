//! The REST interface: from an HTTP request to the documented envelope.
//!
//! Checks are in the portal's order (protocol/server-behaviour.md 5.2): the rate limit, whether the
//! method exists, who calls, whether they may, then the method itself.

mod attach;
pub(crate) mod auth;
mod batch;
mod bots;
mod button;
mod call;
mod chats;
mod commands;
mod connectors;
mod damaged;
mod dialogs;
mod download;
mod envelope;
mod events;
mod filter;
mod handlers;
mod im;
mod messages;
mod multipart;
mod new_chat;
mod offline;
mod openlines;
pub(crate) mod params;
mod reference;
pub(crate) mod request;
mod rich;
mod run;
mod system;
mod table;
mod tasks;
mod users;
mod v2;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use poem::{Endpoint, Request, Response};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use self::auth::Caller;
use self::call::Answer;
use self::params::Params;
use self::request::{Incoming, read};
use super::planned::Damage;
use super::portal::Portal;
use super::refusal::Refusal;
use super::traffic_log::AnsweredCall;
use super::world::access::Owner;

/// Handles everything below `/rest/`.
pub(crate) fn endpoint(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    poem::endpoint::make(move |request: Request| {
        let portal = Arc::clone(&portal);
        async move { handle(&portal, request).await }
    })
}

async fn handle(portal: &Portal, request: Request) -> Response {
    if let Some(moved) = damaged::check(portal, &request) {
        return moved;
    }
    let begun = Instant::now();
    let started = portal.read(|world| world.clock.now());
    let path = request.uri().path().to_owned();
    let incoming = match read(request).await {
        Ok(incoming) => incoming,
        Err(refusal) => return unread(portal, &path, &refusal),
    };
    let planned = portal.planned().take_refusal();
    let caller = portal.read(|world| auth::caller(world, &incoming));
    let known = caller.as_ref().ok().map(Caller::key);
    let limited = portal.limits().admit(begun, planned, known, &incoming.name);
    if let ("download", Ok(())) = (incoming.name.as_str(), &limited) {
        return download::serve(portal, &incoming, begun);
    }
    let answer = limited.and_then(|()| answer(portal, &incoming, caller.clone()));
    let (status, body) = match &answer {
        Ok(reply) => (
            200,
            envelope::success(reply, started, portal.read(|world| world.clock.now())),
        ),
        Err(refusal) => (refusal.http_status(), envelope::failure(refusal)),
    };
    let shown = caller.ok();
    portal.traffic.call(&AnsweredCall {
        kind: "rest",
        name: &incoming.name,
        app: shown.and_then(|caller| title(portal, &caller, &incoming.params)),
        request: &incoming.params.to_value(),
        body: &incoming.body,
        status,
        answer: &body,
        took: begun.elapsed(),
    });
    let damage = answer.is_ok().then(|| portal.planned().take_damage());
    match damage.flatten() {
        None if incoming.wants_xml => envelope::send_xml(status, &body),
        None => envelope::send(status, &body),
        Some(Damage::Page(status)) => damaged::page(status),
        Some(Damage::Cut) => damaged::cut(&body),
        Some(Damage::Late(late)) => {
            sleep(late).await;
            envelope::send(status, &body)
        }
    }
}

/// Refuses a request that is not a call.
fn unread(portal: &Portal, path: &str, refusal: &Refusal) -> Response {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).skip(1);
    let answer = match parts.next() {
        Some("api") => envelope::not_found_in_version_3(parts.last().unwrap_or_default()),
        _ => envelope::failure(refusal),
    };
    portal.traffic.call(&AnsweredCall {
        kind: "rest",
        name: path,
        app: None,
        request: &Value::Null,
        body: "",
        status: refusal.http_status(),
        answer: &answer,
        took: Duration::ZERO,
    });
    envelope::send(refusal.http_status(), &answer)
}

/// Checks and runs a call. A parameter named `token` makes any call a signed link, and the check of
/// that fails.
fn answer(portal: &Portal, incoming: &Incoming, caller: Result<Caller, Refusal>) -> Answer {
    if !portal.read(|world| world.answers.of(&incoming.name).is_some()) {
        table::find(&incoming.name)?;
    }
    let caller = caller?;
    if incoming.params.get("TOKEN").is_some() {
        return Err(Refusal::new("ACCESS_DENIED", "Link check failed").status(403));
    }
    portal.transact(caller.user, caller.hops, |tx| {
        run::run(tx, &caller, &incoming.name, incoming.params.clone())
    })
}

/// Returns the name of the calling application in the traffic log.
fn title(portal: &Portal, caller: &Caller, params: &Params) -> Option<String> {
    let owner = match &caller.app {
        Some(client_id) => Owner::App(client_id.clone()),
        None => {
            v2::webhook_owner(params).or_else(|| params.text("CLIENT_ID").map(Owner::Webhook))?
        }
    };
    portal.act(caller.user, |tx| tx.app_title(&owner))
}
