//! What was set up on a portal, noted in the store: a process that takes over a portal sets it up
//! only if something differs.
//!
//! Without the note, each process that starts or stops would make several calls to every portal
//! that changes its owner. The note also has the number of the deployment that set the portal up.
//! During a rolling restart, portals move between old and new processes: an old one does not undo
//! what a new one has set up.

use std::hash::Hasher;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::engine::Engine;
use crate::event::{BotId, BotRef, MemberId};
use crate::handler::EventMode;
use crate::portal::Portal;
use crate::store::Time;

/// The name of the note.
const NOTE: &str = "set up";

/// How long a portal is not set up again because its owner changes. Somebody may have changed it
/// meanwhile.
const VALID_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What was set up on a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Completed {
    /// The deployment that did it.
    deployment: u64,
    /// The hash of what was to be set up.
    plan: u64,
    /// When it was done.
    at: Time,
    /// The ids of the bots on the portal, by code.
    bots: Vec<(String, BotId)>,
}

impl Completed {
    /// Returns true if a process with this deployment and plan need not set up the portal.
    fn suffices(&self, deployment: u64, plan: u64, now: Time) -> bool {
        let is_same = self.plan == plan && now.since(self.at) < VALID_FOR && self.at <= now;
        self.deployment > deployment || (self.deployment == deployment && is_same)
    }
}

impl Engine {
    /// Returns true if the portal was set up as this process would do it, or by a newer deployment.
    /// Then the bots are known, and polling and fetching begin.
    pub(super) async fn is_set_up(self: &std::sync::Arc<Self>, portal: &Portal) -> bool {
        // Which lines they are joined to is only known on the portal.
        if !self.connectors.is_empty() {
            return false;
        }
        let Some(completed) = self.completed(portal.id()).await else {
            return false;
        };
        let now = self.options.clock.now();
        if !completed.suffices(self.options.deployment, self.plan(), now) {
            return false;
        }
        if completed.deployment > self.options.deployment {
            tracing::info!(portal = %portal.id(), deployment = completed.deployment, "a newer deployment has set up the portal; it is left as it is");
        }
        for (code, id) in completed.bots {
            let bot = BotRef { id, code };
            self.registry.set_bot(portal.id(), bot.clone());
            let own = self.bot(&bot.code);
            if own.is_some_and(|own| self.event_mode(own.as_ref()) == Some(EventMode::Fetch)) {
                self.start_polling(portal, bot);
            }
        }
        if self.hooks.iter().any(|(_, hook)| hook.is_offline) {
            self.start_offline_fetch(portal);
        }
        true
    }

    /// Notes that the portal is set up.
    pub(super) async fn note_set_up(&self, portal: &MemberId) {
        let bots = self.registry.bots(portal).unwrap_or_default();
        let completed = Completed {
            deployment: self.options.deployment,
            plan: self.plan(),
            at: self.options.clock.now(),
            bots: bots.into_iter().map(|bot| (bot.code, bot.id)).collect(),
        };
        let note = serde_json::json!(completed).to_string();
        if let Err(error) = self.options.store.set_note(portal, NOTE, note).await {
            tracing::warn!(%portal, %error, "it cannot be noted that the portal is set up; the next process does it again");
        }
    }

    async fn completed(&self, portal: &MemberId) -> Option<Completed> {
        let note = self.options.store.note(portal, NOTE).await.ok()?;
        serde_json::from_str(&note?).ok() // a note of another version is replaced
    }

    /// Returns the hash of what is set up on every portal.
    fn plan(&self) -> u64 {
        let mut plan = SipHasher13::new();
        let mut add = |part: String| {
            plan.write(part.as_bytes());
            plan.write_u8(0xff);
        };
        add(format!("{:?}", self.options.handler_url));
        for bot in &self.bots {
            add(format!("{:?} {:?}", bot.profile(), bot.commands()));
        }
        for (name, hook) in &self.hooks {
            add(format!("{name} {}", hook.user));
        }
        plan.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::reconcile::completed::*;

    #[test]
    fn a_portal_is_set_up_again_if_the_plan_differs_or_a_day_has_passed_but_never_by_an_older_deployment()
     {
        let at = Time(1_795_000_000_000);
        let completed = Completed {
            deployment: 3,
            plan: 7,
            at,
            bots: Vec::new(),
        };
        let suffices = |deployment, plan, now| completed.suffices(deployment, plan, now);
        assert!(suffices(3, 7, at + VALID_FOR / 2));
        assert!(!suffices(3, 8, at), "another plan");
        assert!(!suffices(3, 7, at + VALID_FOR));
        assert!(
            !suffices(3, 7, at.before(VALID_FOR)),
            "the clock was set back"
        );
        assert!(!suffices(4, 7, at), "a newer deployment sets it up");
        assert!(suffices(2, 8, at + VALID_FOR), "an older one never does");
    }
}
