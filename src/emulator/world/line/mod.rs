//! Open channels: lines, the connectors of messengers, and sessions.
//!
//! protocol/open-channels.md 1: a line (its settings) has connectors, each of them brings clients
//! from outside, and each client has one chat of type `L`, in which one session follows another.

pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod session;

use std::collections::BTreeMap;

use self::config::Line;
use self::connector::{Connector, LIVECHAT, Link};
use self::session::Session;

/// The first id of a session, as on a portal in use for years.
const FIRST_SESSION: u64 = 321;

/// The first id of a lead.
const FIRST_LEAD: u64 = 1205;

/// Maximum number of sessions; beyond it the oldest closed one is dropped.
const SESSIONS_MAX: usize = 10_000;

/// Everything about open channels.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) configs: BTreeMap<u64, Line>,
    /// By id, including the portal's own `livechat`.
    pub(crate) connectors: BTreeMap<String, Connector>,
    /// The state of connectors on lines.
    pub(crate) links: BTreeMap<(String, u64), Link>,
    pub(crate) sessions: BTreeMap<u64, Session>,
    last_line: u64,
    next_session: u64,
    next_lead: u64,
}

impl Default for Lines {
    fn default() -> Self {
        let own = Connector::of_portal(LIVECHAT, "Live chat");
        Lines {
            configs: BTreeMap::new(),
            connectors: BTreeMap::from([(own.id.clone(), own)]),
            links: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_line: 0,
            next_session: FIRST_SESSION,
            next_lead: FIRST_LEAD,
        }
    }
}

impl Lines {
    /// Creates a line with default settings.
    pub(crate) fn add(&mut self, language: &str) -> u64 {
        self.last_line += 1;
        let id = self.last_line;
        self.configs.insert(id, Line::new(id, language));
        id
    }

    /// Returns the state of a connector on a line; off if it was never connected.
    pub(crate) fn link(&self, connector: &str, line: u64) -> Link {
        let key = (connector.to_owned(), line);
        self.links.get(&key).cloned().unwrap_or_default()
    }

    /// Changes the state of a connector on a line.
    pub(crate) fn change_link(
        &mut self,
        connector: &str,
        line: u64,
        change: impl FnOnce(&mut Link),
    ) {
        change(self.links.entry((connector.to_owned(), line)).or_default());
    }

    /// Whether messages go through: the line and the connector on it are active, without an error.
    pub(crate) fn is_open(&self, connector: &str, line: u64) -> bool {
        let link = self.link(connector, line);
        self.configs.get(&line).is_some_and(Line::is_active) && link.active && !link.error
    }

    /// Returns the open session of a chat.
    pub(crate) fn open_session(&self, chat: u64) -> Option<&Session> {
        self.last_session(chat)
            .filter(|session| session.closed.is_none())
    }

    /// Returns the newest session of a chat, open or closed.
    pub(crate) fn last_session(&self, chat: u64) -> Option<&Session> {
        let mut sessions = self.sessions.values().rev();
        sessions.find(|session| session.chat == chat)
    }

    /// Stores a new session and gives it an id.
    pub(crate) fn keep(&mut self, session: Session) -> Session {
        let session = Session {
            id: self.next_session,
            ..session
        };
        self.next_session += 1;
        self.sessions.insert(session.id, session.clone());
        if self.sessions.len() > SESSIONS_MAX {
            let mut closed = self.sessions.values().filter(|old| old.closed.is_some());
            if let Some(oldest) = closed.next().map(|old| old.id) {
                self.sessions.remove(&oldest);
            }
        }
        session
    }

    /// Returns the id for a new lead.
    pub(crate) fn new_lead(&mut self) -> u64 {
        self.next_lead += 1;
        self.next_lead - 1
    }

    /// Returns when the next welcome bot's time is over, in Unix milliseconds.
    pub(crate) fn next_alarm(&self) -> Option<i64> {
        let open = self.sessions.values().filter(|one| one.closed.is_none());
        open.filter_map(|session| session.bot_until).min()
    }

    /// Returns the sessions whose welcome bot's time is over.
    pub(crate) fn due(&self, now: i64) -> Vec<u64> {
        let open = self.sessions.values().filter(|one| one.closed.is_none());
        open.filter(|session| session.bot_until.is_some_and(|until| until <= now))
            .map(|session| session.id)
            .collect()
    }
}
