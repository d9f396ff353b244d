//! The state of the portal: plain data, and rules that need nothing else.
//!
//! One lock holds all of it, since an emulated portal has one user and a few bots. `actions`
//! changes the world and notifies others; code that only reads it is here.

pub(crate) mod access;
pub(crate) mod answers;
pub(crate) mod bot;
pub(crate) mod chat;
pub(crate) mod color;
pub(crate) mod dialog;
pub(crate) mod file;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod message;
pub(crate) mod offline;
pub(crate) mod operating;
pub(crate) mod task;
pub(crate) mod tokens;
pub(crate) mod user;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use self::access::{App, Owner, Subscription, Webhook};
use self::chat::Chat;
use self::file::Files;
use self::line::Lines;
use self::log::EventLog;
use self::message::Message;
use self::offline::Offline;
use self::operating::Operating;
use self::task::Task;
use self::tokens::Tokens;
use self::user::User;
use super::clock::Clock;
use answers::Answers;
use bot::{Command, Use};
use message::Templates;

/// The first id of users created later, including bots.
const FIRST_NEW_USER: u64 = 101;

/// The first id of a message, as on a portal in use for years.
const FIRST_MESSAGE: u64 = 84_331;

/// Maximum number of bots of an application, from the page of `imbot.register`; the pages of v2
/// allow a hundred.
pub(crate) const BOTS_MAX: usize = 5;

/// The state of the portal.
pub(crate) struct World {
    pub(crate) name: String,
    /// Such as `127.0.0.1:8071`; a real portal has `demo.bitrix24.com`.
    pub(crate) domain: String,
    /// Whether its URLs begin with `https`.
    pub(crate) is_secure: bool,
    /// The host of the authorization server, if it is not the portal's own.
    pub(crate) oauth_host: Option<String>,
    /// Its domains before it was renamed.
    pub(crate) former_domains: BTreeSet<String>,
    pub(crate) member_id: String,
    pub(crate) language: String,
    pub(crate) clock: Clock,
    pub(crate) users: BTreeMap<u64, User>,
    pub(crate) chats: BTreeMap<u64, Chat>,
    /// The private chat of each pair of users, the smaller id first.
    pub(crate) private: BTreeMap<(u64, u64), u64>,
    pub(crate) messages: BTreeMap<u64, Message>,
    pub(crate) templates: Templates,
    pub(crate) commands: BTreeMap<u64, Command>,
    /// Commands that may still be answered, oldest first.
    pub(crate) uses: Vec<Use>,
    /// Events stored until they are fetched.
    pub(crate) log: EventLog,
    /// People whose events are logged: `im.v2.Event.subscribe`.
    pub(crate) subscribers: BTreeSet<u64>,
    pub(crate) files: Files,
    /// Open channels.
    pub(crate) lines: Lines,
    pub(crate) tasks: BTreeMap<u64, Task>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) subscriptions: BTreeMap<u64, Subscription>,
    /// Events that applications fetch: `event.offline.*`.
    pub(crate) offline: Offline,
    pub(crate) tokens: Tokens,
    pub(crate) webhook: Webhook,
    pub(crate) operating: Operating,
    /// Maximum number of bots of one application.
    pub(crate) bots_max: usize,
    /// Whether an application with subscriptions of both v1 and v2 gets both formats for every bot.
    pub(crate) both_formats: bool,
    /// The methods that a test answers.
    pub(crate) answers: Answers,
    next: Sequences,
}

/// The next id of each kind.
struct Sequences {
    user: u64,
    chat: u64,
    message: u64,
    command: u64,
    subscription: u64,
    app: u64,
}

impl World {
    /// Returns a portal with its people and nothing else.
    pub(crate) fn new(name: String, domain: String, language: String) -> Self {
        World {
            name,
            domain,
            is_secure: false,
            oauth_host: None,
            former_domains: BTreeSet::new(),
            member_id: secret(),
            language,
            clock: Clock::start(),
            users: user::people(),
            chats: BTreeMap::new(),
            private: BTreeMap::new(),
            messages: BTreeMap::new(),
            templates: Templates::default(),
            commands: BTreeMap::new(),
            uses: Vec::new(),
            log: EventLog::default(),
            subscribers: BTreeSet::new(),
            files: Files::default(),
            lines: Lines::default(),
            tasks: BTreeMap::new(),
            apps: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            offline: Offline::default(),
            tokens: Tokens::default(),
            webhook: Webhook {
                user: 1,
                secret: secret(),
            },
            operating: Operating::default(),
            bots_max: BOTS_MAX,
            both_formats: false,
            answers: Answers::default(),
            next: Sequences {
                user: FIRST_NEW_USER,
                chat: 1,
                message: FIRST_MESSAGE,
                command: 1,
                subscription: 1,
                app: 1,
            },
        }
    }

    /// Gives the portal another domain and remembers the old one.
    pub(crate) fn rename(&mut self, domain: &str) {
        let old = std::mem::replace(&mut self.domain, domain.to_owned());
        self.former_domains.insert(old);
        self.former_domains.remove(domain);
    }

    /// Returns the portal's URL, without a slash at the end.
    pub(crate) fn address(&self) -> String {
        format!("{}://{}", self.scheme(), self.domain)
    }

    /// Returns the authorization server's URL, without a slash at the end.
    pub(crate) fn oauth_address(&self) -> String {
        let host = self.oauth_host.as_ref().unwrap_or(&self.domain);
        format!("{}://{host}", self.scheme())
    }

    /// Returns the URL of the REST interface, `client_endpoint` in every `auth`.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/rest/", self.address())
    }

    /// Returns `server_endpoint` of every `auth`.
    pub(crate) fn server_endpoint(&self) -> String {
        format!("{}/rest/", self.oauth_address())
    }

    /// Returns `http` or `https`.
    fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// Returns the URL of the inbound webhook in the form used in settings.
    pub(crate) fn webhook_url(&self) -> String {
        format!(
            "{}{}/{}/",
            self.endpoint(),
            self.webhook.user,
            self.webhook.secret
        )
    }

    pub(crate) fn new_user_id(&mut self) -> u64 {
        take(&mut self.next.user)
    }

    pub(crate) fn new_chat_id(&mut self) -> u64 {
        take(&mut self.next.chat)
    }

    pub(crate) fn new_message_id(&mut self) -> u64 {
        take(&mut self.next.message)
    }

    pub(crate) fn new_command_id(&mut self) -> u64 {
        take(&mut self.next.command)
    }

    pub(crate) fn new_subscription_id(&mut self) -> u64 {
        take(&mut self.next.subscription)
    }

    pub(crate) fn new_app_id(&mut self) -> u64 {
        take(&mut self.next.app)
    }

    /// Returns the bots of an owner, lowest id first.
    pub(crate) fn bots_of(&self, owner: &Owner) -> impl Iterator<Item = &User> {
        self.users
            .values()
            .filter(move |user| user.bot.as_ref().is_some_and(|bot| bot.owner == *owner))
    }

    /// Whether a user is a client outside.
    pub(crate) fn is_guest(&self, id: u64) -> bool {
        self.users.get(&id).is_some_and(|user| user.guest.is_some())
    }

    pub(crate) fn is_bot(&self, id: u64) -> bool {
        self.users.get(&id).is_some_and(|user| user.bot.is_some())
    }
}

fn take(next: &mut u64) -> u64 {
    let id = *next;
    *next += 1;
    id
}

/// Returns a random secret: thirty-two hexadecimal characters, like the portal's.
pub(crate) fn secret() -> String {
    Uuid::new_v4().simple().to_string()
}
