//! `ONAPPPAYMENT`: the one event that carries no token
//! (`b24restdocs: api-reference/common/events/on-app-payment.md`).
//!
//! The authorization server, called with our tokens, reports the same status, and the portal
//! whether the paid time has ended. If both agree with the event, it is accepted, wherever it came
//! from.
//!
//! Anybody can post such an event, so the answer is the same for every portal and is sent before
//! anything is looked up. The portal is asked in the background, at most once in
//! [`PAYMENT_INTERVAL`]. The event is a hint: it is lost if the program ends before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::install::causes;
use crate::engine::{AcceptError, Engine, lock};
use crate::event::{AppEvent, Delivery, Event, MemberId};
use crate::portal::methods::app::AppInfo;
use crate::portal::{Error, Portal};

/// The name of the event.
pub(super) const NAME: &str = "ONAPPPAYMENT";

/// Minimum time between two questions to a portal about payments. Events that arrive meanwhile wait
/// for the next one, or are compared with the last answer.
pub const PAYMENT_INTERVAL: Duration = Duration::from_secs(60);

/// How long the portal and the authorization server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a portal that does not answer is asked again, until its events are dropped: for about
/// an hour.
const ATTEMPTS_MAX: u32 = 60;

/// What an event claims, and what the portal reports: the status, and whether the paid time has
/// ended. A status is one letter (protocol/auth.md 5.1), so a portal has few claims.
type Claim = (u8, Option<bool>);

/// The portals that are being asked about payments: each has a task as long as it is in the map.
#[derive(Debug, Default)]
pub(in crate::engine) struct Payments(Mutex<HashMap<MemberId, Asked>>);

/// What waits for the answer of a portal, and its last answer.
#[derive(Debug, Default)]
struct Asked {
    /// The newest event of each claim that waits.
    pending: HashMap<Claim, Delivery>,
    /// What the portal reported last, and whether an event that agrees with it was accepted.
    reported: Option<(Claim, bool)>,
    /// How often the portal was asked without an answer.
    failures: u32,
}

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Ask the portal now.
    Ask,
    /// Wait: the portal will be asked. Or nothing, if an event that agrees with its last answer was
    /// accepted already.
    Nothing,
    /// Accept it: it agrees with the last answer.
    Accept,
}

/// Whether a portal reports what an event claims.
fn agrees(claim: Claim, reported: Claim) -> bool {
    claim.1 == reported.1 && (claim.0 == reported.0 || reported.0 == ANY)
}

impl Payments {
    /// Stores an event for the next question, and returns what to do about it.
    fn add(&self, portal: &MemberId, claim: Claim, delivery: &Delivery) -> Due {
        let mut all = lock(&self.0);
        let is_new = !all.contains_key(portal);
        let asked = all.entry(portal.clone()).or_default();
        match &mut asked.reported {
            Some((reported, is_accepted)) if agrees(claim, *reported) => {
                let was_accepted = std::mem::replace(is_accepted, true);
                return if was_accepted {
                    Due::Nothing
                } else {
                    Due::Accept
                };
            }
            _ => {}
        }
        asked.pending.insert(claim, delivery.clone());
        if is_new { Due::Ask } else { Due::Nothing }
    }

    /// Returns true if events wait for a portal's answer. Otherwise the portal is forgotten.
    fn has_pending(&self, portal: &MemberId) -> bool {
        let mut all = lock(&self.0);
        let has_pending = all.get(portal).is_some_and(|it| !it.pending.is_empty());
        if !has_pending {
            all.remove(portal);
        }
        has_pending
    }

    /// Stores the answer of a portal, and returns the event that agrees with it, if one waited.
    fn answered(&self, portal: &MemberId, reported: Claim) -> Option<Delivery> {
        let mut all = lock(&self.0);
        let asked = all.get_mut(portal)?;
        asked.failures = 0;
        let mut pending = std::mem::take(&mut asked.pending);
        let claim = pending.keys().copied().find(|it| agrees(*it, reported));
        asked.reported = Some((reported, claim.is_some()));
        pending.remove(&claim?)
    }

    /// Counts a question without an answer. After the last attempt the events are dropped, and it
    /// returns true.
    fn failed(&self, portal: &MemberId) -> bool {
        let mut all = lock(&self.0);
        let Some(asked) = all.get_mut(portal) else {
            return true;
        };
        asked.failures += 1;
        asked.reported = None;
        let is_last = asked.failures >= ATTEMPTS_MAX;
        if is_last {
            asked.pending.clear();
        }
        is_last
    }
}

impl Engine {
    /// Notes a payment, to be compared with what the portal reports.
    ///
    /// # Errors
    /// [`AcceptError::Malformed`] or [`AcceptError::Unproven`] if it is no payment, whatever portal
    /// it names.
    pub(super) fn note_payment(self: &Arc<Self>, delivery: Delivery) -> Result<(), AcceptError> {
        let events = delivery.events()?;
        let [
            Event::App(AppEvent::Payment {
                status, expired, ..
            }),
        ] = &*events
        else {
            return Err(AcceptError::Unproven);
        };
        let &[letter @ b'A'..=b'Z'] = status.as_bytes() else {
            return Err(AcceptError::Unproven);
        };
        let (engine, claim) = (Arc::clone(self), (letter, *expired));
        // Also for an unknown portal, so that the answer takes the same time.
        self.tasks.spawn(async move {
            let (member_id, _) = delivery.proof();
            let claimed = engine.registry.claimed(&member_id, &delivery.domain());
            let portal = claimed.map(|claimed| claimed.portal.in_bulk());
            let Some(portal) = portal else { return };
            match engine.payments.add(portal.id(), claim, &delivery) {
                Due::Ask => engine.ask_about_payments(&portal).await,
                Due::Accept => engine.accept_payment(&portal, &delivery).await,
                Due::Nothing => {}
            }
        });
        Ok(())
    }

    /// Asks a portal about the payments that wait, and again after a pause while more arrive.
    async fn ask_about_payments(self: &Arc<Self>, portal: &Portal) {
        while self.payments.has_pending(portal.id()) {
            let asked = self
                .stopped
                .run_until_cancelled(self.compare_payments(portal));
            if asked.await.is_none() {
                return;
            }
            let pause = self.stopped.run_until_cancelled(sleep(PAYMENT_INTERVAL));
            if pause.await.is_none() {
                return;
            }
        }
    }

    /// Asks a portal once, and accepts the event that agrees with its answer.
    async fn compare_payments(self: &Arc<Self>, portal: &Portal) {
        let Some(_permit) = self.proof_limits.payment().await else {
            return; // the program stops
        };
        let why = match timeout(PATIENCE, reported(portal)).await {
            Ok(Ok(reported)) => {
                let Some(delivery) = self.payments.answered(portal.id(), reported) else {
                    tracing::debug!(portal = %portal.id(), "a payment is dropped: the portal reports something else");
                    return;
                };
                return self.accept_payment(portal, &delivery).await;
            }
            Ok(Err(error)) => causes(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.payments.failed(portal.id()) {
            tracing::error!(portal = %portal.id(), error = why, "a payment could not be verified, and is dropped");
        } else {
            tracing::warn!(portal = %portal.id(), error = why, "a payment cannot be verified now; retrying");
        }
    }
}

impl Engine {
    /// Accepts a payment that is proven.
    async fn accept_payment(self: &Arc<Self>, portal: &Portal, delivery: &Delivery) {
        if let Err(error) = self.admit(portal.id().clone(), delivery).await {
            tracing::error!(portal = %portal.id(), %error, "a payment cannot be stored");
        }
    }
}

/// Returns what the authorization server and the portal report. The calls wait behind all others.
async fn reported(portal: &Portal) -> Result<Claim, Error> {
    let has_expired = match portal.run(AppInfo::new()).await {
        Ok(info) => info.payment_expired,
        Err(error) if error.is_portal_closed() => true,
        Err(error) => return Err(error),
    };
    let status = match portal.trusted_status().await {
        // Without payment the server answers nothing else.
        Err(error) if has_expired && error.is_portal_closed() => None,
        trusted => Some(trusted?),
    };
    let letter = status.as_deref().and_then(|status| status.bytes().next());
    Ok((letter.unwrap_or(ANY), Some(has_expired)))
}

/// A status that the authorization server does not report, because the application is not paid for.
const ANY: u8 = b'*';

#[cfg(test)]
mod tests {
    use crate::engine::accept::payment::*;

    fn event(days: i64) -> Delivery {
        let body = format!("event=ONAPPPAYMENT&data[STATUS]=P&data[DAYS]={days}");
        Delivery::from_form(body).unwrap()
    }

    #[test]
    fn forged_payments_cause_one_question_and_do_not_displace_a_genuine_one() {
        let (payments, portal) = (Payments::default(), MemberId::new("1"));
        assert_eq!(payments.add(&portal, (b'T', None), &event(1)), Due::Ask);
        for letter in b'A'..=b'Z' {
            let added = payments.add(&portal, (letter, Some(false)), &event(2));
            assert_eq!(added, Due::Nothing);
        }
        let accepted = payments.answered(&portal, (b'P', Some(false))).unwrap();
        assert_eq!(accepted.body(), event(2).body());
        let (paid, other) = ((b'P', Some(false)), (b'S', Some(false)));
        assert_eq!(payments.add(&portal, paid, &event(3)), Due::Nothing);
        assert!(!payments.has_pending(&portal), "it was accepted already");
        assert_eq!(payments.add(&portal, other, &event(3)), Due::Ask);
    }

    #[test]
    fn a_payment_that_agrees_with_the_last_answer_is_accepted_once() {
        let (payments, portal) = (Payments::default(), MemberId::new("1"));
        payments.add(&portal, (b'T', Some(false)), &event(1));
        assert!(payments.answered(&portal, (b'P', Some(false))).is_none());
        let add = || payments.add(&portal, (b'P', Some(false)), &event(1));
        assert_eq!((add(), add()), (Due::Accept, Due::Nothing));
    }

    #[test]
    fn payments_wait_while_the_portal_does_not_answer_and_not_for_ever() {
        let (payments, portal) = (Payments::default(), MemberId::new("1"));
        payments.add(&portal, (b'P', Some(true)), &event(1));
        assert_eq!((1..ATTEMPTS_MAX).find(|_| payments.failed(&portal)), None);
        assert!(payments.has_pending(&portal));
        assert!(payments.failed(&portal) && !payments.has_pending(&portal));
    }

    #[test]
    fn without_payment_the_time_alone_is_compared() {
        let (payments, portal) = (Payments::default(), MemberId::new("1"));
        payments.add(&portal, (b'S', Some(true)), &event(1));
        assert!(payments.answered(&portal, (ANY, Some(true))).is_some());
    }
}
