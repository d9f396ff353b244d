//! The portals that the application is installed on, and the bots of this program there.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use dashmap::DashMap;
use dashmap::mapref::one::Ref;
use foldhash::quality::{FixedState, RandomState};
use secrecy::SecretString;
use tokio::sync::{MutexGuard, watch};

use crate::event::{BotId, BotRef, MemberId};
use crate::portal::Portal;

/// Number of locks for changes of installations.
const CHANGES: usize = 16;

/// A portal that the application is installed on.
#[derive(Clone)]
pub(super) struct Installed {
    /// The token that the portal's events carry.
    pub(super) application_token: SecretString,
    /// When the portal announced the installation, in Unix seconds on its own clock.
    pub(super) installed_at: Option<u64>,
    /// The number of the installation among those that this process has proven; 0 if an earlier
    /// process did.
    pub(super) number: u64,
    /// Whether the portal is reached by an inbound webhook.
    pub(super) is_webhook: bool,
    pub(super) portal: Portal,
}

/// The known portals and their bots, in memory: each event is verified against them.
pub(super) struct Registry {
    /// What the store has about installations, and the portal's client.
    portals: DashMap<MemberId, Installed, RandomState>,
    /// The ids of the portals that are reached by inbound webhooks: few, since each is configured.
    webhooks: RwLock<Vec<MemberId>>,
    /// The bots that a reconciliation found or registered. A session's event names no bot, so it is
    /// passed to these.
    bots: DashMap<MemberId, Vec<BotRef>, RandomState>,
    /// The default language of each portal, as it calls it, for what is not an answer to an event.
    languages: DashMap<MemberId, String, RandomState>,
    /// The clients of portals that the application was removed from, for the hooks of that event.
    removed: DashMap<MemberId, Portal, RandomState>,
    /// Locked while the installation of a portal is replaced or removed, so that neither undoes the
    /// other. Portals share the locks by their hash.
    changes: [tokio::sync::Mutex<()>; CHANGES],
    /// How many installations have been set up; a channel, so that a caller can wait for the next.
    setups: watch::Sender<usize>,
}

impl Registry {
    pub(super) fn new() -> Self {
        Registry {
            portals: DashMap::default(),
            webhooks: RwLock::default(),
            bots: DashMap::default(),
            languages: DashMap::default(),
            removed: DashMap::default(),
            changes: Default::default(),
            setups: watch::Sender::new(0),
        }
    }

    /// Adds a portal, or replaces it.
    pub(super) fn insert(&self, id: MemberId, installed: Installed) {
        let webhooks = self.webhooks.write();
        let mut webhooks = webhooks.unwrap_or_else(PoisonError::into_inner);
        webhooks.retain(|other| *other != id);
        if installed.is_webhook {
            webhooks.push(id.clone());
        }
        self.removed.remove(&id);
        self.portals.insert(id, installed);
    }

    /// Waits for the right to replace or remove the installation of a portal. It ends when the
    /// guard is dropped.
    pub(super) async fn change(&self, id: &MemberId) -> MutexGuard<'_, ()> {
        let hash = FixedState::default().hash_one(id);
        self.changes[hash as usize % CHANGES].lock().await
    }

    /// Returns the client of a portal whose installation is newer than another one: by the portal's
    /// own times, otherwise by the order in which they were proven.
    pub(super) fn newer(
        &self,
        id: &MemberId,
        installed_at: Option<u64>,
        number: u64,
    ) -> Option<Portal> {
        let known = self.portals.get(id)?;
        let is_newer = match (known.installed_at, installed_at) {
            (Some(known), Some(other)) if known != other => known > other,
            _ => known.number > number,
        };
        is_newer.then(|| known.portal.clone())
    }

    /// Removes a portal: its events are not accepted any more.
    pub(super) fn remove(&self, id: &MemberId) {
        let webhooks = self.webhooks.write();
        let mut webhooks = webhooks.unwrap_or_else(PoisonError::into_inner);
        webhooks.retain(|other| other != id);
        if let Some((id, removed)) = self.portals.remove(id) {
            self.removed.insert(id, removed.portal);
        }
    }

    /// Returns the client of a portal that the application was removed from while this process ran.
    pub(super) fn removed(&self, id: &MemberId) -> Option<Portal> {
        self.removed.get(id).map(|portal| portal.clone())
    }

    /// Returns the clients of the portals that are reached by inbound webhooks.
    pub(super) fn webhooks(&self) -> Vec<Portal> {
        let webhooks = self.webhooks.read();
        let webhooks = webhooks.unwrap_or_else(PoisonError::into_inner).clone();
        webhooks.iter().filter_map(|id| self.portal(id)).collect()
    }

    /// Returns the token that the events of a portal carry.
    pub(super) fn application_token(&self, id: &MemberId) -> Option<SecretString> {
        let entry = self.portals.get(id)?;
        Some(entry.application_token.clone())
    }

    /// Returns what identifies the installation of a portal: when the portal announced it, in Unix
    /// seconds on its own clock, and its number in this process.
    pub(super) fn installation(&self, id: &MemberId) -> Option<(Option<u64>, u64)> {
        let known = self.portals.get(id)?;
        Some((known.installed_at, known.number))
    }

    /// Returns the ids of all portals.
    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.portals
            .iter()
            .map(|entry| entry.key().clone())
            .collect()
    }

    /// Returns the clients of all portals.
    pub(super) fn portals(&self) -> Vec<Portal> {
        self.portals
            .iter()
            .map(|entry| entry.portal.clone())
            .collect()
    }

    /// Returns the client of a portal.
    pub(super) fn portal(&self, id: &MemberId) -> Option<Portal> {
        self.portals.get(id).map(|entry| entry.portal.clone())
    }

    /// Returns the portal that an event claims to be from, by its id or its host.
    ///
    /// A portal behind an inbound webhook is known by the host that it had first, others by the id
    /// that their installation proved.
    pub(super) fn claimed(
        &self,
        member_id: &str,
        host: &str,
    ) -> Option<Ref<'_, MemberId, Installed>> {
        let installed = self.portals.get(member_id);
        installed.or_else(|| self.portals.get(host))
    }

    /// Stores the id that a bot of this program has on a portal.
    pub(super) fn set_bot(&self, portal: &MemberId, bot: BotRef) {
        let mut bots = self.bots.entry(portal.clone()).or_default();
        bots.retain(|other| other.code != bot.code);
        bots.push(bot);
    }

    /// Returns the bots of this program on a portal; `None` before the portal was reconciled.
    pub(super) fn bots(&self, portal: &MemberId) -> Option<Vec<BotRef>> {
        self.bots.get(portal).map(|bots| bots.clone())
    }

    /// Returns the bot with this id on a portal.
    pub(super) fn bot(&self, portal: &MemberId, id: BotId) -> Option<BotRef> {
        let bots = self.bots.get(portal)?;
        bots.iter().find(|bot| bot.id == id).cloned()
    }

    /// Stores a portal's language, unless it is known.
    pub(super) fn set_language(&self, portal: &MemberId, language: &str) {
        if !self.languages.contains_key(portal) {
            self.languages.insert(portal.clone(), language.to_owned());
        }
    }

    /// Returns a portal's language, if it is known.
    pub(super) fn language(&self, portal: &MemberId) -> Option<String> {
        self.languages.get(portal).map(|language| language.clone())
    }

    /// Counts an installation that was set up.
    pub(super) fn count_set_up(&self) {
        self.setups.send_modify(|done| *done += 1);
    }

    /// Returns how many installations have been set up.
    pub(super) fn setups(&self) -> usize {
        *self.setups.borrow()
    }

    /// Waits until this many installations have been set up.
    pub(super) async fn until_set_up(&self, installations: usize) {
        let mut setups = self.setups.subscribe();
        let _ = setups.wait_for(|done| *done >= installations).await; // fails only without a sender
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::engine::registry::*;
    use crate::portal::{Http, Plan};
    use crate::store::{Access, Installation, Memory, Tokens};

    const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

    fn registry() -> Registry {
        let registry = Registry::new();
        let id = MemberId::new("m1");
        let installation = Installation::new(
            id.clone(),
            "https://example.bitrix24.com/rest/".into(),
            TOKEN.into(),
            Access::Tokens(Tokens {
                access: "a".into(),
                refresh: "r".into(),
            }),
        );
        let http = Http::new([]).unwrap();
        let store = Arc::new(Memory::new());
        let portal = Portal::new(http, None, store, installation, Plan::Standard);
        let application_token = TOKEN.into();
        registry.insert(
            id,
            Installed {
                application_token,
                installed_at: None,
                number: 0,
                is_webhook: false,
                portal,
            },
        );
        registry
    }

    fn bot(id: u64, code: &str) -> BotRef {
        BotRef {
            id: BotId(id),
            code: code.to_owned(),
        }
    }

    #[test]
    fn only_the_token_of_a_known_portal_verifies() {
        let registry = registry();
        let id = MemberId::new("m1");
        assert_eq!(registry.verified("m1", "", TOKEN), Some(id.clone()));
        assert_eq!(registry.verified("unknown", "m1", TOKEN), Some(id.clone()));
        for (member_id, token) in [
            ("m1", ""),
            ("m1", "another"),
            ("m2", TOKEN),
            ("m2", "00000000000000000000000000000000"),
        ] {
            assert_eq!(
                registry.verified(member_id, "", token),
                None,
                "{member_id} {token}"
            );
        }
        registry.remove(&id);
        assert_eq!(registry.verified("m1", "", TOKEN), None);
        assert!(registry.portal(&id).is_none() && registry.ids().is_empty());
    }

    #[test]
    fn a_bot_that_is_registered_again_has_its_new_id() {
        let registry = Registry::new();
        let id = MemberId::new("m1");
        assert_eq!(registry.bots(&id), None);
        registry.set_bot(&id, bot(7, "echo"));
        registry.set_bot(&id, bot(8, "poll"));
        registry.set_bot(&id, bot(9, "echo"));
        assert_eq!(
            registry.bots(&id),
            Some(vec![bot(8, "poll"), bot(9, "echo")])
        );
        assert_eq!(registry.bot(&id, BotId(7)), None);
        assert_eq!(registry.bot(&id, BotId(9)), Some(bot(9, "echo")));
    }

    #[tokio::test]
    async fn a_caller_waits_until_installations_are_set_up() {
        let registry = Registry::new();
        registry.until_set_up(0).await;
        let wait = registry.until_set_up(1);
        let count = async { registry.count_set_up() };
        tokio::join!(wait, count);
        assert_eq!(registry.setups(), 1);
    }
}
