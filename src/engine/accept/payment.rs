//! `ONAPPPAYMENT`: the one event that shows no token for itself (`common/events/on-app-payment.md`).
//!
//! What it says the portal tells, too, when it is asked with our tokens: if both agree, it is true, whoever posted it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::engine::{Engine, Refused};
use crate::event::{AppEvent, Delivery, Event};
use crate::portal::methods::app::AppInfo;

/// The name of the event.
pub(in crate::engine) const NAME: &str = "ONAPPPAYMENT";

/// How many of these events are compared with what their portals tell at once: anybody can post them.
pub(in crate::engine) const COMPARED_MAX: usize = 1;

/// How long a portal may take to tell.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Takes in what was paid, if the portal tells the same. It is asked behind everything else that it is called for.
    pub(in crate::engine) async fn accept_payment(
        self: &Arc<Self>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        let (member_id, _) = delivery.proof();
        let claimed = self.claimed(&member_id, &delivery.domain());
        let portal = claimed.map(|known| known.portal.in_bulk());
        let portal = portal.ok_or(Refused::Unproven)?;
        let _one = self.payments.try_acquire().map_err(|_| Refused::Full)?;
        let events = delivery.events()?;
        let [
            Event::App(AppEvent::Payment {
                status, expired, ..
            }),
        ] = &*events
        else {
            return Err(Refused::Unproven);
        };
        let told = match timeout(PATIENCE, portal.run(AppInfo::new())).await {
            Ok(Ok(info)) => (info.status.unwrap_or_default(), Some(info.payment_expired)),
            Ok(Err(error)) if error.is_portal_closed() => (status.clone(), Some(true)),
            Ok(Err(error)) => {
                tracing::warn!(portal = %portal.id(), %error, "the portal does not tell whether a payment is true");
                return Err(Refused::Unreachable);
            }
            Err(_) => return Err(Refused::Unreachable),
        };
        if told != (status.clone(), *expired) {
            return Err(Refused::Unproven);
        }
        self.admit(portal.id().clone(), &delivery).await
    }
}
