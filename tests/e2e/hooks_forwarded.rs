//! Forwarded events: signed, in order, retried, and without delaying anything else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use imbot::portal::Signer;
use imbot::prelude::*;
use imbot::store::Clock;
use poem::http::{HeaderMap, StatusCode};
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{Echo, Setup, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The program that receives forwarded events.
#[derive(Clone, Default)]
struct Receiver {
    /// Number of further requests that are answered with an error.
    refusals: Arc<AtomicUsize>,
    /// All requests: whether it was accepted, the id, and the event.
    sent: Arc<Mutex<Vec<(bool, String, Value)>>>,
}

impl Receiver {
    /// A receiver that first answers this often with an error, and its address.
    async fn after(refusals: usize) -> (Self, String) {
        let receiver = Self::default();
        receiver.refusals.store(refusals, Ordering::Relaxed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/deals?key=hidden", listener.local_addr().unwrap());
        let routes = Route::new().at("/deals", post(take)).data(receiver.clone());
        let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        (receiver, address)
    }

    /// The ids of the deals that it accepted.
    fn taken(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let taken = sent.iter().filter(|(is_taken, ..)| *is_taken);
        let id = |event: &Value| event["data"]["FIELDS"]["ID"].as_str().unwrap().to_owned();
        taken.map(|(_, _, event)| id(event)).collect()
    }
}

/// Accepts an event if its signature is valid.
#[handler]
fn take(headers: &HeaderMap, body: Vec<u8>, Data(receiver): Data<&Receiver>) -> StatusCode {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let signer = Signer::new(&SECRET.into()).unwrap();
    let (id, signature) = (header("webhook-id"), header("webhook-signature"));
    let now = Clock::default().now();
    if signer
        .verify(id, header("webhook-timestamp"), signature, &body, now)
        .is_err()
    {
        return StatusCode::UNAUTHORIZED;
    }
    let is_taken = receiver
        .refusals
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        })
        .is_err();
    let event = serde_json::from_slice(&Bytes::from(body)).unwrap();
    receiver
        .sent
        .lock()
        .unwrap()
        .push((is_taken, id.to_owned(), event));
    if is_taken {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn setup(app: App) -> Setup {
    Setup::with_settings(app, |config, _| config.forward_secret = Some(SECRET.into())).await
}

async fn add_deal(setup: &Setup, id: u64) {
    let body =
        json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": id } }, "ts": 1_766_047_124 });
    assert_eq!(setup.post_as_portal(body).await, 200);
}

#[tokio::test]
async fn a_receiver_that_was_down_gets_all_events_signed_and_in_order() {
    let (receiver, address) = Receiver::after(1).await;
    let setup = setup(App::new().bot(Echo).forward("ONCRM*", address)).await;
    for id in 1..=3 {
        add_deal(&setup, id).await;
    }
    until("the first attempt", || {
        !receiver.sent.lock().unwrap().is_empty()
    })
    .await;
    setup.write("echo", "meanwhile");
    setup.receives("echo", &["meanwhile"]).await;
    until("the deals", || receiver.taken() == ["1", "2", "3"]).await;
    let sent = receiver.sent.lock().unwrap();
    let ids: Vec<&str> = sent.iter().map(|(_, id, _)| id.as_str()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(
        ids[0], ids[1],
        "the second attempt at the first event has its id"
    );
    assert!(ids[1] != ids[2] && ids[2] != ids[3]);
    let (_, _, event) = &sent[0];
    let portal = setup.engine.portals()[0].to_string();
    let expected = json!({
        "event": "ONCRMDEALADD", "portal": portal, "ts": 1_766_047_124, "data": { "FIELDS": { "ID": "1" } },
    });
    assert_eq!(*event, expected, "and no tokens");
}

#[tokio::test]
async fn events_for_a_broken_receiver_become_dead_letters_and_delay_no_other_receiver() {
    let (broken, at_broken) = Receiver::after(usize::MAX).await;
    let (well, at_well) = Receiver::after(0).await;
    let app = App::new()
        .forward("ONCRM*", at_broken)
        .forward("ONCRM*", at_well)
        .forward("ONCRM*", "http://127.0.0.1:1/nobody");
    let setup = Setup::with_settings(app, |config, _| {
        config.forward_secret = Some(SECRET.into());
        config.attempts = 1;
    })
    .await;
    for id in 1..=3 {
        add_deal(&setup, id).await;
    }
    until("the receiver that works", || {
        well.taken() == ["1", "2", "3"]
    })
    .await;
    until("the dead letters", || setup.engine.counts().dead.get() == 6).await;
    assert_eq!(broken.taken(), [""; 0]);
    let dead = setup.engine.store().dead_letters(None, 10).await.unwrap();
    let errors: Vec<&str> = dead.iter().map(|letter| letter.error.as_str()).collect();
    assert!(
        errors
            .iter()
            .any(|error| error.contains("the receiver answered with status 503")),
        "{errors:?}"
    );
    assert!(
        errors.iter().all(|error| !error.contains("hidden")),
        "an address may hold a secret: {errors:?}"
    );

    // The receiver works again, and an operator retries the events.
    broken.refusals.store(0, Ordering::Relaxed);
    for letter in dead {
        assert!(setup.engine.store().revive(letter.id).await.unwrap());
    }
    until("the repaired receiver", || {
        broken.taken() == ["1", "2", "3"]
    })
    .await;
}
