//! `ONAPPPAYMENT`: the one event that carries no token
//! (`b24restdocs: api-reference/common/events/on-app-payment.md`).
//!
//! The authorization server, called with our tokens, reports the same status, and the portal
//! whether the paid time has ended. If both agree with the event, it is accepted, wherever it came
//! from.

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
    /// Accepts a payment if the authorization server and the portal report the same. The call to
    /// the portal waits behind all others to it.
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
        let reported = timeout(PATIENCE, async {
            let has_expired = match portal.run(AppInfo::new()).await {
                Ok(info) => info.payment_expired,
                Err(error) if error.is_portal_closed() => true,
                Err(error) => return Err(error),
            };
            match portal.trusted_status().await {
                // Without payment the server answers nothing else.
                Err(error) if has_expired && error.is_portal_closed() => {
                    Ok((status.clone(), Some(true)))
                }
                trusted => Ok((trusted?, Some(has_expired))),
            }
        });
        let reported = match reported.await {
            Ok(Ok(reported)) => reported,
            Ok(Err(error)) => {
                tracing::warn!(portal = %portal.id(), %error, "a payment cannot be verified now");
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
