//! Decoding a message event of 2 KB into the typed event, against `serde_qs`: `cargo bench --bench
//! decode`.
//!
//! A program of its own with the system's allocator, the default for a library: mimalloc helps the
//! peer's many small allocations more than our few. The other benchmarks use the allocator of
//! `bots`.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

#[expect(dead_code, reason = "one event is enough here")]
mod event;
mod table;

use std::collections::HashMap;
use std::hint::black_box;

use imbot::event::{Delivery, Event};
use serde::Deserialize;
use tokio::time::Instant;

use event::Template;
use table::{head, median, row};

const ROUNDS: usize = 41;
const CALLS: u32 = 1_000;

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

fn main() {
    head();
    let body = bytes::Bytes::from(Template::short().body("27", 84_331));
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
    // Alternately, so that other load on the machine affects both.
    let rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| (seconds(ours), seconds(peer)))
        .collect();
    let micros = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect()) * 1e6;
    let ratio = median(rounds.iter().map(|(ours, peer)| peer / ours).collect());
    let measured = format!(
        "{:.1} µs, serde_qs {:.1} µs for {} bytes",
        micros(|r| r.0),
        micros(|r| r.1),
        body.len()
    );
    row(
        "decoding a message event, serde_qs to ours",
        &measured,
        ratio,
        "at least 5",
    );
}

/// Seconds that one call takes.
fn seconds(work: impl Fn()) -> f64 {
    let start = Instant::now();
    (0..CALLS).for_each(|_| work());
    start.elapsed().as_secs_f64() / f64::from(CALLS)
}
