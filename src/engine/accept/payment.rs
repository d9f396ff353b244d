//! `ONAPPPAYMENT`: the one event that carries no token
//! (`b24restdocs: api-reference/common/events/on-app-payment.md`).
//!
//! The portal, called with our tokens, reports the same data. If both agree, the event is accepted,
//! wherever it came from.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::engine::{AcceptError, Engine};
use crate::event::{AppEvent, Delivery, Event};
use crate::portal::methods::app::AppInfo;

/// The name of the event.
pub(super) const NAME: &str = "ONAPPPAYMENT";

/// How long the portal may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Accepts a payment if the portal reports the same. That call waits behind all others to this
    /// portal.
    pub(super) async fn accept_payment(
        self: &Arc<Self>,
        delivery: Delivery,
    ) -> Result<(), AcceptError> {
        let (member_id, _) = delivery.proof();
        let claimed = self.registry.claimed(&member_id, &delivery.domain());
        let portal = claimed.map(|claimed| claimed.portal.in_bulk());
        let portal = portal.ok_or(AcceptError::Unproven)?;
        let _permit = self.proof_limits.payment()?;
        let events = delivery.events()?;
        let [
            Event::App(AppEvent::Payment {
                status, expired, ..
            }),
        ] = &*events
        else {
            return Err(AcceptError::Unproven);
        };
        let reported = match timeout(PATIENCE, portal.run(AppInfo::new())).await {
            Ok(Ok(info)) => (info.status.unwrap_or_default(), Some(info.payment_expired)),
            Ok(Err(error)) if error.is_portal_closed() => (status.clone(), Some(true)),
            Ok(Err(error)) => {
                tracing::warn!(portal = %portal.id(), %error, "a payment cannot be verified: the portal does not answer");
                return Err(AcceptError::Unreachable);
            }
            Err(_) => return Err(AcceptError::Unreachable),
        };
        if reported != (status.clone(), *expired) {
            return Err(AcceptError::Unproven);
        }
        self.admit(portal.id().clone(), &delivery).await
    }
}
