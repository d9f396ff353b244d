//! Decoding a message event of 2 KB into the typed event, against `serde_qs`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use imbot::event::{Delivery, Event};
use serde::Deserialize;
use tokio::time::Instant;

/// What a bot needs of a message event, as one would write it for `serde_qs`.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "decoded, never read")]
struct Peer {
    event: String,
    event_handler_id: Option<u64>,
    ts: Option<u64>,
    data: PeerData,
    auth: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "decoded, never read")]
struct PeerData {
    bot: HashMap<String, PeerBot>,
    params: PeerParams,
    user: Option<PeerUser>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "decoded, never read")]
struct PeerBot {
    bot_id: u64,
    bot_code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "decoded, never read")]
struct PeerParams {
    message: String,
    message_id: u64,
    template_id: Option<String>,
    message_type: Option<String>,
    chat_type: Option<String>,
    from_user_id: Option<u64>,
    author_id: Option<u64>,
    to_user_id: Option<u64>,
    to_chat_id: Option<u64>,
    dialog_id: String,
    system: Option<String>,
    platform_context: Option<String>,
    chat_user_count: Option<u32>,
    language: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "decoded, never read")]
struct PeerUser {
    id: u64,
    name: String,
    first_name: Option<String>,
    last_name: Option<String>,
    work_position: Option<String>,
    gender: Option<String>,
    is_bot: Option<String>,
}

pub(crate) fn run() {
    let body = body();
    let config = serde_qs::Config::new()
        .max_depth(32)
        .use_form_encoding(true);
    let ours = || {
        let delivery = Delivery::from_form(body.clone()).unwrap();
        let events = delivery.events().unwrap();
        assert!(matches!(&events[0], Event::Chat(_)));
        black_box((delivery, events));
    };
    let peer = || {
        let event: Peer = config.deserialize_bytes(&body).unwrap();
        black_box(event);
    };
    let (ours, peer) = (fastest(ours), fastest(peer));
    println!(
        "decode, {} bytes: {ours:?}, serde_qs {peer:?}: {:.1} times",
        body.len(),
        peer.as_secs_f64() / ours.as_secs_f64()
    );
}

/// The message event of the fixtures without the second copy of the bot's tokens: 2 KB.
fn body() -> bytes::Bytes {
    let body = include_str!("../fixtures/events/v1-message-add-private.form");
    let pairs: Vec<&str> = body
        .split('&')
        .filter(|pair| !pair.contains("AUTH%5D"))
        .collect();
    pairs.join("&").into()
}

/// The median of many rounds.
fn fastest(mut work: impl FnMut()) -> Duration {
    const ROUNDS: usize = 31;
    const CALLS: u32 = 2_000;
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| work());
            start.elapsed() / CALLS
        })
        .collect();
    rounds.sort();
    rounds[ROUNDS / 2]
}
