//! The portal and its people: they write as long as the bots keep up, and everything that they see is written down.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::emulator::{Credentials, Emulator, NewApp, Options};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::check::{Chat, Findings, check};
use super::program::Settings;
use super::random::Random;
use super::relay::{self, Fate, Fates};

/// Who writes.
const ANN: u64 = 1;
/// How many groups each bot has.
const GROUPS: usize = 12;
/// How many messages of a chat may be without a reply.
const BEHIND_MAX: usize = 3;
const GLANCE: Duration = Duration::from_millis(3);

/// A portal, its people, and the relay in front of the program.
pub(crate) struct Stage {
    pub(crate) portal: Arc<Emulator>,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Settings,
    /// The dialogs, and the code of the bot in each.
    groups: Mutex<Vec<(String, &'static str)>>,
    fates: Fates,
    seen: Seen,
}

/// The bots' replies by their number, chat by chat.
type Seen = Arc<Mutex<HashMap<String, BTreeMap<u64, String>>>>;

impl Stage {
    pub(crate) async fn set_up(folder: &Path, torn: bool) -> Stage {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            rate: None,
            delivery_delay: Duration::ZERO,
            ..Options::default()
        };
        let portal = Emulator::start(options).await.expect("a portal");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let fates = Fates::default();
        let relay = relay::start(&address, &fates).await;
        let credentials = portal.register_app(NewApp::new("bots", &format!("http://{relay}/")));
        let settings = Settings {
            address,
            relay,
            portal: portal.address().to_string(),
            id: credentials.client_id.clone(),
            secret: credentials.client_secret.clone(),
            store: folder.join("store.db"),
            torn,
        };
        Stage {
            portal: Arc::new(portal),
            credentials,
            settings,
            groups: Mutex::default(),
            fates,
            seen: Seen::default(),
        }
    }

    /// Makes the groups, once the bots are there.
    pub(crate) fn found_groups(&self) {
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

    /// Lets people write until it is stopped.
    pub(crate) fn talk(&self, seed: u64) -> JoinHandle<()> {
        let groups = self.groups.lock().expect("no panic").clone();
        let (portal, fates, seen) = (
            Arc::clone(&self.portal),
            Arc::clone(&self.fates),
            Arc::clone(&self.seen),
        );
        let mut random = Random::new(!seed);
        tokio::spawn(async move {
            let mut sent: HashMap<String, usize> = HashMap::new();
            loop {
                note(&portal, &groups, &seen);
                for (dialog, code) in &groups {
                    let sent = sent.entry(dialog.clone()).or_default();
                    if *sent < ended(&fates, &seen, dialog) + BEHIND_MAX && random.chance(50) {
                        *sent += 1;
                        let bot = portal.bot(code).expect("the bot");
                        let text = format!("[USER={bot}]{code}[/USER] {sent}");
                        portal.send(ANN, dialog, &text).expect("sent");
                    }
                }
                tokio::time::sleep(GLANCE).await;
            }
        })
    }

    /// What people have seen so far, against what was acknowledged.
    pub(crate) fn look(&self) -> Findings {
        let groups = self.groups.lock().expect("no panic").clone();
        note(&self.portal, &groups, &self.seen);
        let (fates, seen) = (
            self.fates.lock().expect("no panic"),
            self.seen.lock().expect("no panic"),
        );
        let chats = groups.iter().map(|(dialog, code)| Chat {
            is_once: *code == "once",
            sent: fates.get(dialog).map_or(&[][..], Vec::as_slice),
            replies: seen
                .get(dialog)
                .into_iter()
                .flatten()
                .map(|(_, text)| text.as_str())
                .collect(),
        });
        check(chats)
    }

    /// How many acknowledged messages have no reply yet.
    pub(crate) fn unanswered(&self) -> usize {
        self.look().lost
    }
}

/// How many messages of a chat have come to an end: answered, or perhaps never taken in.
fn ended(fates: &Fates, seen: &Seen, dialog: &str) -> usize {
    let fates = fates.lock().expect("no panic");
    let unknown = fates.get(dialog).into_iter().flatten();
    let unknown = unknown.filter(|(_, fate)| *fate == Fate::Unknown).count();
    let replies = seen
        .lock()
        .expect("no panic")
        .get(dialog)
        .map_or(0, BTreeMap::len);
    replies + unknown
}

/// Writes down what is new in the chats.
fn note(portal: &Emulator, groups: &[(String, &'static str)], seen: &Seen) {
    for (dialog, code) in groups {
        let bot = portal.bot(code);
        let mut seen = seen.lock().expect("no panic");
        let replies = seen.entry(dialog.clone()).or_default();
        for line in portal.history(ANN, dialog) {
            if line["author"].as_u64() == bot
                && let (Some(id), Some(text)) = (line["id"].as_u64(), line["text"].as_str())
            {
                replies.insert(id, text.to_owned());
            }
        }
    }
}
