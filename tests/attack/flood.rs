//! Floods of complete requests: forged events, forged installations, and visitors of the widget.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attack::{Outcome, next_address};

/// Number of clients that send at the same time.
const CLIENTS: usize = 32;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    ForgedEvents,
    ForgedInstalls,
    /// So many visitors, each with a message.
    Visitors(usize),
}

/// A flood from one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    name: &'static str,
    input: Input,
    duration: Duration,
}

impl Flood {
    pub(crate) fn new(name: &'static str, input: Input, duration: Duration) -> Self {
        Self {
            name,
            input,
            duration,
        }
    }

    pub(crate) async fn run(self, target: SocketAddr) -> Vec<Outcome> {
        let client = Client::builder()
            .local_address(std::net::IpAddr::V4(next_address()))
            .no_proxy();
        let client = client.build().expect("a client");
        let next = Arc::new(AtomicUsize::new(0));
        let end = Instant::now() + self.duration;
        let mut tasks = JoinSet::new();
        for _ in 0..CLIENTS {
            tasks.spawn(self.send(client.clone(), target, Arc::clone(&next), end));
        }
        let mut outcome = Outcome::new(self.name);
        while let Some(answers) = tasks.join_next().await {
            for answer in answers.expect("no panic") {
                outcome.add(answer);
            }
        }
        vec![outcome]
    }

    async fn send(
        self,
        client: Client,
        target: SocketAddr,
        next: Arc<AtomicUsize>,
        end: Instant,
    ) -> Vec<String> {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let is_done = match self.input {
                Input::Visitors(visitors) => number >= visitors,
                _ => Instant::now() >= end,
            };
            if is_done {
                return answers;
            }
            let request = match self.input {
                Input::Visitors(_) => client
                    .post(format!("http://{target}/widget/say"))
                    .header("authorization", format!("Bearer {number:064x}"))
                    .header("content-type", "application/json")
                    .body(format!("{{\"id\":\"x{number}\",\"text\":\"hello\"}}")),
                Input::ForgedEvents => client.post(format!("http://{target}/")).form(&[
                    ("event", "ONIMBOTMESSAGEADD"),
                    ("auth[member_id]", "bac1cd5c8940947a75e0d71b1a84e348"),
                    ("auth[application_token]", &format!("{number:032x}")),
                ]),
                Input::ForgedInstalls => client.post(format!("http://{target}/")).form(&[
                    ("event", "ONAPPINSTALL"),
                    ("data[VERSION]", "1"),
                    ("auth[member_id]", &format!("{number:032x}")),
                    ("auth[application_token]", "x"),
                    ("auth[refresh_token]", &format!("{number:070x}")),
                ]),
            };
            answers.push(match request.send().await {
                Ok(answer) => answer.status().as_u16().to_string(),
                Err(_) => "closed".to_owned(),
            });
        }
    }
}
