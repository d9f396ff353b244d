//! Events that are handed on to another program: signed, in order, once more where it was away, and in nobody's way.

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

/// The program that events are handed on to.
#[derive(Clone, Default)]
struct Receiver {
    /// How often it still answers with an error.
    refusals: Arc<AtomicUsize>,
    /// All that it was sent: whether it took it, the id, and the event.
    sent: Arc<Mutex<Vec<(bool, String, Value)>>>,
}

impl Receiver {
    /// A receiver that answers so often with an error before it works, and its address.
    async fn after(refusals: usize) -> (Receiver, String) {
        let receiver = Receiver::default();
        receiver.refusals.store(refusals, Ordering::Relaxed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/deals?key=hidden", listener.local_addr().unwrap());
        let routes = Route::new().at("/deals", post(take)).data(receiver.clone());
        let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        (receiver, address)
    }

    /// The numbers of the deals that it took.
    fn taken(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let taken = sent.iter().filter(|(is_taken, ..)| *is_taken);
        let id = |event: &Value| event["data"]["FIELDS"]["ID"].as_str().unwrap().to_owned();
        taken.map(|(_, _, event)| id(event)).collect()
    }
}

/// Takes an event if its signature is right.
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

async fn road(app: App) -> Setup {
    Setup::with_settings(app, |config, _| config.forward_secret = Some(SECRET.into())).await
}

async fn add_deal(road: &Setup, id: u64) {
    let body =
        json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": id } }, "ts": 1_766_047_124 });
    assert_eq!(road.post_as_portal(body).await, 200);
}

#[tokio::test]
async fn a_receiver_that_is_down_for_a_while_gets_everything_signed_and_in_order() {
    let (receiver, address) = Receiver::after(1).await;
    let road = road(App::new().bot(Echo).forward("ONCRM*", address)).await;
    for id in 1..=3 {
        add_deal(&road, id).await;
    }
    until("the first attempt", || {
        !receiver.sent.lock().unwrap().is_empty()
    })
    .await;
    road.tell("echo", "meanwhile");
    road.hears("echo", &["meanwhile"]).await;
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
    let portal = road.engine.portals()[0].to_string();
    let expected = json!({
        "event": "ONCRMDEALADD", "portal": portal, "ts": 1_766_047_124, "data": { "FIELDS": { "ID": "1" } },
    });
    assert_eq!(*event, expected, "and no tokens");
}

#[tokio::test]
async fn a_receiver_that_stays_broken_ends_in_dead_letters_and_delays_no_other() {
    let (broken, at_broken) = Receiver::after(usize::MAX).await;
    let (well, at_well) = Receiver::after(0).await;
    let app = App::new()
        .forward("ONCRM*", at_broken)
        .forward("ONCRM*", at_well)
        .forward("ONCRM*", "http://127.0.0.1:1/nobody");
    let road = Setup::with_settings(app, |config, _| {
        config.forward_secret = Some(SECRET.into());
        config.attempts = 1;
    })
    .await;
    for id in 1..=3 {
        add_deal(&road, id).await;
    }
    until("the receiver that works", || {
        well.taken() == ["1", "2", "3"]
    })
    .await;
    until("the dead letters", || road.engine.counts().dead.get() == 6).await;
    assert_eq!(broken.taken(), [""; 0]);
    let dead = road.engine.store().dead(None, 10).await.unwrap();
    let errors: Vec<&str> = dead.iter().map(|letter| letter.error.as_str()).collect();
    assert!(
        errors
            .iter()
            .any(|error| error.contains("the receiver answers with a status of 503")),
        "{errors:?}"
    );
    assert!(
        errors.iter().all(|error| !error.contains("hidden")),
        "an address may hold a secret: {errors:?}"
    );

    broken.refusals.store(0, Ordering::Relaxed); // it is mended, and an operator has them tried again
    for letter in dead {
        assert!(road.engine.store().revive(letter.id).await.unwrap());
    }
    until("the receiver that is mended", || {
        broken.taken() == ["1", "2", "3"]
    })
    .await;
}
