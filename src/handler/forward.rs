//! A hook that forwards events to another program, as JSON.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::Result;
use super::hook::{Hook, HookEvent};
use crate::portal::{Http, Signer};
use crate::store::Clock;

/// A hook that POSTs [`HookEvent::to_json`] to an address, with the headers of Standard Webhooks.
///
/// `webhook-id` is the same on every attempt, `webhook-timestamp` is the time of the attempt, and
/// `webhook-signature` is present if there is a secret ([`Signer`]).
pub(crate) struct Forward {
    pub(crate) http: Http,
    pub(crate) address: String,
    pub(crate) signer: Option<Arc<Signer>>,
    pub(crate) clock: Clock,
}

impl Hook for Forward {
    fn event(&self, event: HookEvent) -> Pin<Box<dyn Future<Output = Result> + Send + '_>> {
        Box::pin(async move {
            let body = Bytes::from(event.to_json().to_string());
            let now = self.clock.now();
            let mut headers = vec![
                ("webhook-id", event.id().to_owned()),
                ("webhook-timestamp", (now.0 / 1000).to_string()),
            ];
            if let Some(signer) = &self.signer {
                headers.push(("webhook-signature", signer.sign(event.id(), now, &body)));
            }
            Ok(self.http.forward(&self.address, &headers, body).await?)
        })
    }
}
