//! The portal and its people: they write as long as the bots keep up, and everything they see is
//! stored.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::emulator::{Emulator, NewApp, Options};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::check::{Chat, Findings, check};
use super::process::{POLL_INTERVAL, START_LIMIT};
use super::program::{Settings, Variant};
use super::random::Random;
use super::relay::{self, ForwardResult, Results, chat_of};

/// The person who writes.
const ANN: u64 = 1;

/// Number of groups of each bot.
pub(crate) const GROUPS: usize = 12;

/// Maximum number of messages of a chat without a reply.
const UNANSWERED_MAX: usize = 3;

/// Pause between two rounds of messages.
const PAUSE: Duration = Duration::from_millis(3);

/// A portal, its people, and the relay in front of the program.
pub(crate) struct Stage {
    pub(crate) portal: Arc<Emulator>,
    pub(crate) settings: Settings,
    /// The dialogs, and the code of the bot in each.
    groups: Mutex<Vec<(String, &'static str)>>,
    results: Results,
    seen: Seen,
}

/// The bots' replies by message id, for each chat.
type Seen = Arc<Mutex<HashMap<String, BTreeMap<u64, String>>>>;

impl Stage {
    pub(crate) async fn set_up(folder: &Path, variant: Variant) -> Self {
        let portal = start_portal().await;
        let address = free_address().await;
        let results = Results::default();
        let relay = relay::start(std::slice::from_ref(&address), &results).await;
        let credentials = portal.register_app(NewApp::new("bots", &format!("http://{relay}/")));
        let settings = Settings {
            address,
            relay,
            portal: portal.address().to_string(),
            id: credentials.client_id.clone(),
            secret: credentials.client_secret.clone(),
            store: folder.join("store.db"),
            shared: None,
            variant,
        };
        Self::new(portal, settings, results)
    }

    /// A stage on this portal, for a program that runs with these settings behind a relay.
    pub(crate) fn new(portal: Emulator, settings: Settings, results: Results) -> Self {
        Self {
            portal: Arc::new(portal),
            settings,
            groups: Mutex::default(),
            results,
            seen: Seen::default(),
        }
    }

    /// Returns the name that the relay knows a dialog by.
    fn chat(&self, dialog: &str) -> String {
        chat_of(&self.portal.address().to_string(), dialog)
    }

    /// Waits until the bots are registered.
    pub(crate) async fn until_registered(&self) {
        let end = Instant::now() + START_LIMIT;
        while self.portal.bot("once").is_none() || self.portal.bot("resend").is_none() {
            assert!(Instant::now() < end, "the bots are not registered");
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Creates the groups. The bots must be registered.
    pub(crate) fn create_groups(&self) {
        let mut groups = self.groups.lock().expect("no panic");
        for code in ["once", "resend"] {
            let bot = self.portal.bot(code).expect("the bot is registered");
            for number in 0..GROUPS {
                let title = format!("{code} {number}");
                let dialog = self
                    .portal
                    .group(ANN, &title, &[ANN, bot])
                    .expect("a group");
                groups.push((dialog, code));
            }
        }
    }

    /// Starts a task that writes messages until it is aborted.
    pub(crate) fn send_messages(&self, seed: u64) -> JoinHandle<()> {
        let groups = self.groups.lock().expect("no panic").clone();
        let (portal, results, seen) = (
            Arc::clone(&self.portal),
            Arc::clone(&self.results),
            Arc::clone(&self.seen),
        );
        let mut random = Random::new(!seed);
        let address = portal.address().to_string();
        tokio::spawn(async move {
            let mut sent: HashMap<String, usize> = HashMap::new();
            loop {
                collect_replies(&portal, &groups, &seen);
                for (dialog, code) in &groups {
                    let sent = sent.entry(dialog.clone()).or_default();
                    if *sent < finished(&results, &seen, &address, dialog) + UNANSWERED_MAX
                        && random.chance(50)
                    {
                        *sent += 1;
                        let bot = portal.bot(code).expect("the bot");
                        let text = format!("[USER={bot}]{code}[/USER] {sent}");
                        portal.send(ANN, dialog, &text).expect("sent");
                    }
                }
                sleep(PAUSE).await;
            }
        })
    }

    /// Compares what people have seen so far with what was acknowledged.
    pub(crate) fn check(&self) -> Findings {
        let groups = self.groups.lock().expect("no panic").clone();
        collect_replies(&self.portal, &groups, &self.seen);
        let (results, seen) = (
            self.results.lock().expect("no panic"),
            self.seen.lock().expect("no panic"),
        );
        let chats = groups.iter().map(|(dialog, code)| Chat {
            is_deduplicated: *code == "once",
            sent: results
                .get(&self.chat(dialog))
                .map_or(&[][..], Vec::as_slice),
            replies: seen
                .get(dialog)
                .into_iter()
                .flatten()
                .map(|(_, text)| text.as_str())
                .collect(),
        });
        check(chats)
    }

    /// Returns the number of acknowledged messages without a reply.
    pub(crate) fn unanswered(&self) -> usize {
        self.check().lost
    }

    /// Returns the number of replies in all chats.
    pub(crate) fn replies(&self) -> usize {
        self.replies_of_chats().into_values().sum()
    }

    /// Returns the number of replies in each chat.
    pub(crate) fn replies_of_chats(&self) -> HashMap<String, usize> {
        let groups = self.groups.lock().expect("no panic").clone();
        collect_replies(&self.portal, &groups, &self.seen);
        let seen = self.seen.lock().expect("no panic");
        let of_chat =
            |(dialog, replies): (&String, &BTreeMap<_, _>)| (dialog.clone(), replies.len());
        seen.iter().map(of_chat).collect()
    }

    /// Returns the number of chats with an acknowledged message that waits for its reply.
    pub(crate) fn waiting(&self) -> usize {
        let replies = self.replies_of_chats();
        let results = self.results.lock().expect("no panic");
        let waits = |(dialog, replies): &(&String, &usize)| {
            let sent = results.get(&self.chat(dialog));
            let is_acknowledged =
                |(_, result): &&(String, ForwardResult)| *result == ForwardResult::Acknowledged;
            let acknowledged = sent.into_iter().flatten().filter(is_acknowledged).count();
            acknowledged > **replies
        };
        replies.iter().filter(waits).count()
    }

    /// Returns the number of the portal's last log entry.
    pub(crate) fn last_entry(&self) -> u64 {
        let last = self.portal.traffic_log().pop();
        last.and_then(|entry| entry["id"].as_u64())
            .unwrap_or_default()
    }

    /// Returns the number of redirected calls after a log entry, as far as the log goes back.
    pub(crate) fn redirects_after(&self, entry: u64) -> usize {
        let traffic = self.portal.traffic_log();
        let is_later = |it: &&serde_json::Value| it["id"].as_u64() > Some(entry);
        let later = traffic.iter().filter(is_later);
        later.filter(|it| it["status"] == 302).count()
    }
}

/// Starts a portal.
pub(crate) async fn start_portal() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        delivery_delay: Duration::ZERO,
        ..Options::default()
    };
    Emulator::start(options).await.expect("a portal")
}

/// Returns an address that nobody listens on.
pub(crate) async fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    free.local_addr().expect("an address").to_string()
}

/// Returns the number of messages of a chat that are answered, or that may never have been
/// accepted.
fn finished(results: &Results, seen: &Seen, portal: &str, dialog: &str) -> usize {
    let results = results.lock().expect("no panic");
    let chat = chat_of(portal, dialog);
    let unknown = results.get(&chat).into_iter().flatten();
    let unknown = unknown
        .filter(|(_, result)| *result == ForwardResult::Unknown)
        .count();
    let replies = seen
        .lock()
        .expect("no panic")
        .get(dialog)
        .map_or(0, BTreeMap::len);
    replies + unknown
}

/// Stores the new replies in the chats.
fn collect_replies(portal: &Emulator, groups: &[(String, &'static str)], seen: &Seen) {
    for (dialog, code) in groups {
        let bot = portal.bot(code);
        let mut seen = seen.lock().expect("no panic");
        let replies = seen.entry(dialog.clone()).or_default();
        for message in portal.history(ANN, dialog) {
            if message["author"].as_u64() == bot
                && let (Some(id), Some(text)) = (message["id"].as_u64(), message["text"].as_str())
            {
                replies.insert(id, text.to_owned());
            }
        }
    }
}
