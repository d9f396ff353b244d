//! The HTTP side of the web chat: `/chat/*` for people, `/emulator/*` for programs that bring their
//! own bot.
//!
//! Everything is JSON on one origin; a refusal is `{"error": "<sentence>"}`. `guard` keeps
//! other web sites out, since there is no password.

mod acts;
mod answer;
mod assets;
mod frame;
pub(crate) mod guard;
mod lines;
mod query;
mod reads;
mod setup;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, post};
use serde_json::Value;

use self::answer::{Answer, answer, json_body, refused};
use self::guard::Guard;
use super::portal::Portal;

/// Returns all routes of the page.
pub(crate) fn routes(portal: &Arc<Portal>, guard: Guard) -> impl Endpoint + use<> {
    let mut route = Route::new()
        .at("/", get(poem::endpoint::make_sync(|_| assets::index())))
        .at(
            "/online/",
            get(poem::endpoint::make_sync(|_| assets::index())),
        )
        .at(
            "/web/:name",
            get(poem::endpoint::make_sync(|request: Request| {
                assets::asset(&request)
            })),
        )
        .at(
            "/client",
            get(poem::endpoint::make_sync(|_| assets::client())),
        )
        .at("/chat/state", reading(portal, reads::state_of))
        .at("/chat/history", reading(portal, reads::history))
        .at("/chat/traffic", reading(portal, reads::traffic))
        .at("/chat/feed", reads::feed(portal))
        .at("/chat/lines", reading(portal, lines::all))
        .at("/chat/line/history", reading(portal, lines::history))
        .at(
            "/chat/client/history",
            reading(portal, lines::client_history),
        )
        .at("/chat/file", file(portal))
        .at(
            "/api/v1/",
            get(poem::endpoint::make_sync(|_| assets::bx24())),
        )
        .at("/emulator/authority.pem", authority(portal))
        .at("/emulator/samples", reading(portal, setup::samples))
        .at("/emulator/frame", frame::page(portal))
        .at("/emulator/connector/settings", settings(portal))
        .at(
            "/emulator/frame.js",
            get(poem::endpoint::make_sync(|_| frame::script())),
        );
    for (path, act) in acts::ACTS.iter().chain(setup::ACTS).chain(lines::ACTS) {
        route = route.at(*path, acting(portal, *act));
    }
    route.around(move |endpoint, request| {
        let refused = guard.check(&request);
        async move {
            match refused {
                Some(refused) => Ok(refused),
                None => endpoint
                    .call(request)
                    .await
                    .map(IntoResponse::into_response),
            }
        }
    })
}

/// Answers a `GET` from the query.
fn reading(portal: &Arc<Portal>, read: fn(&Portal, &Request) -> Answer) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    get(poem::endpoint::make_sync(move |request| {
        answer(read(&portal, &request))
    }))
}

/// Serves the files of messages.
fn file(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    get(poem::endpoint::make_sync(move |request| {
        reads::file(&portal, &request)
    }))
}

/// Serves the certificate that clients have to trust, if TLS is on.
fn authority(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    get(poem::endpoint::make_sync(move |_| {
        match &portal.authority {
            Some(pem) => Response::builder()
                .content_type("application/x-pem-file")
                .body(pem.clone()),
            None => refused(404, "This portal was started without TLS"),
        }
    }))
}

/// Opens the settings page of a connector as a person's browser does.
fn settings(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    post(poem::endpoint::make(move |request: Request| {
        let portal = Arc::clone(&portal);
        async move {
            match json_body(request).await {
                Ok(body) => answer(lines::open_settings(&portal, &body).await),
                Err(refusal) => answer(Err(refusal)),
            }
        }
    }))
}

/// Runs an action from a JSON body.
fn acting(portal: &Arc<Portal>, act: fn(&Portal, &Value) -> Answer) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    post(poem::endpoint::make(move |request: Request| {
        let portal = Arc::clone(&portal);
        async move {
            answer(
                json_body(request)
                    .await
                    .and_then(|body| act(&portal, &body)),
            )
        }
    }))
}
