//! A thousand portals and a slow one: the time of the others' answers with it and without it.
//!
//! The portals are one bare server with delayed answers, so the client is measured.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imbot::event::MemberId;
use imbot::portal::{Http, Plan, Portal};
use imbot::store::{Access, Installation, Memory, Tokens};
use poem::web::Path;
use poem::{Route, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until};

use super::{median, row};

const PORTALS: usize = 1_000;
/// Calls of each portal in a round.
const CALLS: usize = 3;
/// Length of a round; its calls are spread evenly.
const ROUND: Duration = Duration::from_secs(6);
const ROUNDS: usize = 5;
/// Number of calls that wait for the slow portal meanwhile.
const SLOW_CALLS: usize = 2_000;

/// A quick portal answers after the time a real one needs for a message.
#[handler]
async fn answer(Path((portal, _)): Path<(String, String)>) -> &'static str {
    let takes = match portal.as_str() {
        "slow" => Duration::from_secs(30),
        _ => Duration::from_millis(50),
    };
    sleep(takes).await;
    r#"{"result":1}"#
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rounds = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let routes = Route::new().at("/:portal/rest/:method", post(answer));
        let acceptor = imbot::serve::Acceptor::new(listener).unwrap();
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        let http = Http::new([host.clone()]).unwrap();
        let portal = |name: String| portal(&http, &host, &name);
        let quick: Vec<Portal> = (0..PORTALS).map(|n| portal(format!("p{n}"))).collect();
        p99(&quick).await; // connections are made
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let alone = p99(&quick).await;
            let slow = portal("slow".to_owned());
            let calls: Vec<_> = (0..SLOW_CALLS)
                .map(|_| {
                    let slow = slow.clone();
                    tokio::spawn(async move { slow.call::<Value>("m", &json!({"a": 1})).await })
                })
                .collect();
            rounds.push((alone, p99(&quick).await));
            calls.into_iter().for_each(|call| call.abort());
        }
        rounds
    });
    let of = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
    let (alone, beside) = (of(|round| round.0), of(|round| round.1));
    let measured = format!("{:.1} ms, without it {:.1} ms", beside * 1e3, alone * 1e3);
    row(
        "p99 of a call on a thousand portals, with a slow portal to without",
        &measured,
        of(|(alone, beside)| beside / alone),
        "at most 1.1",
    );
}

fn portal(http: &Http, host: &str, name: &str) -> Portal {
    let installation = Installation::new(
        MemberId::new(name),
        format!("http://{host}/{name}/rest/"),
        String::new().into(),
        Access::Tokens(Tokens {
            access: String::new().into(),
            refresh: String::new().into(),
        }),
    );
    let store = Arc::new(Memory::new());
    Portal::new(http.clone(), None, store, installation, Plan::Standard)
}

/// Returns the 99th percentile of a call in seconds, at an even rate.
async fn p99(portals: &[Portal]) -> f64 {
    let total = portals.len() * CALLS;
    let took = Arc::new(Mutex::new(Vec::with_capacity(total)));
    let begin = Instant::now();
    let calls = portals.iter().cycle().take(total).enumerate();
    let calls: Vec<_> = calls
        .map(|(n, portal)| {
            let (portal, took) = (portal.clone(), Arc::clone(&took));
            tokio::spawn(async move {
                sleep_until(begin + ROUND.mul_f64(n as f64 / total as f64)).await;
                let begin = Instant::now();
                portal.call::<Value>("m", &json!({"a": 1})).await.unwrap();
                let took = took.lock();
                took.unwrap_or_else(PoisonError::into_inner)
                    .push(begin.elapsed().as_secs_f64());
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let mut took = took.lock().unwrap_or_else(PoisonError::into_inner).clone();
    took.sort_by(f64::total_cmp);
    took[took.len() * 99 / 100]
}
