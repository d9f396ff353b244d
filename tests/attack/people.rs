//! A person who writes to a bot at a steady pace, and waits for each answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imbot::emulator::Emulator;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Maximum time for an answer of the bot.
const ANSWER_PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two messages. A portal takes two calls a second for long, and each message is
/// answered by one: a faster person would wait for the portal's limit, not for the program.
const PACE: Duration = Duration::from_millis(550);
/// Interval in which the person looks for the answer.
const GLANCE: Duration = Duration::from_millis(3);
/// The person, who is the portal's administrator.
const ANN: u64 = 1;

/// Where the person writes.
pub(crate) enum People {
    /// On a portal in this process.
    Here(Arc<Emulator>, Written),
    /// On a portal in the process of the program.
    There(SocketAddr, Client, Written),
}

/// The dialog with the bot, and the number of messages so far.
pub(crate) struct Written {
    dialog: String,
    messages: AtomicU64,
}

/// How the bot has answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) worst: Duration,
    pub(crate) unanswered: usize,
}

impl Written {
    fn to(bot: u64) -> Self {
        Self {
            dialog: bot.to_string(),
            messages: AtomicU64::new(0),
        }
    }
}

impl People {
    pub(crate) fn here(portal: Arc<Emulator>, bot: u64) -> Self {
        Self::Here(portal, Written::to(bot))
    }

    pub(crate) fn there(portal: SocketAddr, bot: u64) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client");
        Self::There(portal, client, Written::to(bot))
    }

    /// Writes until the attacks have ended, at least once.
    pub(crate) async fn write(&self, mut ended: watch::Receiver<()>) -> Answers {
        let mut answers = Answers::default();
        loop {
            self.exchange(&mut answers).await;
            tokio::select! {
                _ = ended.changed() => return answers,
                () = sleep(PACE) => {}
            }
        }
    }

    /// Writes a message, and waits for its answer.
    pub(crate) async fn exchange(&self, answers: &mut Answers) {
        let (Self::Here(_, written) | Self::There(_, _, written)) = self;
        let number = written.messages.fetch_add(1, Ordering::Relaxed);
        let text = format!("message {number} ends");
        let began = Instant::now();
        self.send(&written.dialog, &text).await;
        while !is_answered(&self.history(&written.dialog).await, &written.dialog, &text) {
            if began.elapsed() > ANSWER_PATIENCE {
                answers.unanswered += 1;
                return;
            }
            sleep(GLANCE).await;
        }
        answers.worst = answers.worst.max(began.elapsed());
    }

    async fn send(&self, dialog: &str, text: &str) {
        match self {
            Self::Here(portal, _) => drop(portal.send(ANN, dialog, text).expect("sent")),
            Self::There(portal, client, _) => {
                let message = json!({ "as": ANN, "dialog": dialog, "text": text });
                let sent = client
                    .post(format!("http://{portal}/chat/send"))
                    .json(&message);
                let sent = sent.send().await.expect("the portal answers");
                assert!(sent.status().is_success(), "{:?}", sent.text().await);
            }
        }
    }

    async fn history(&self, dialog: &str) -> Vec<Value> {
        match self {
            Self::Here(portal, _) => portal.history(ANN, dialog),
            Self::There(portal, client, _) => {
                let path = format!("http://{portal}/chat/history?as={ANN}&dialog={dialog}");
                let answer = client.get(path).send().await.expect("the portal answers");
                let history: Value = answer.json().await.expect("JSON");
                history["messages"].as_array().cloned().unwrap_or_default()
            }
        }
    }
}

fn is_answered(history: &[Value], bot: &str, text: &str) -> bool {
    let bot = bot.parse().ok();
    history.iter().any(|message| {
        message["author"].as_u64() == bot
            && message["text"].as_str().is_some_and(|it| it.contains(text))
    })
}
