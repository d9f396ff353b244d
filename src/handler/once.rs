//! Results that a turn keeps before its commit, so that a retry does not pay for them again.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::turn::parts::Parts;
use super::{Context, Error, Result};
use crate::store::EventId;

/// Name of the part that holds the results of the event that is being handled.
const ONCE: &str = "once";

/// The results of an event.
#[derive(Default, Serialize, Deserialize)]
struct Results {
    event: Option<EventId>,
    by_name: BTreeMap<String, Value>,
}

impl<S> Context<S> {
    /// Runs a call that should not be made again when the turn is retried, such as one that costs
    /// money, and keeps its result under a name until the turn is committed.
    ///
    /// A later attempt at the same event returns the kept result and does not run the call. If the
    /// process dies after the call and before its result is stored, the call is made again: give
    /// the other service a key of its own if it takes one. An error is not kept.
    ///
    /// ```no_run
    /// # use imbot::prelude::*;
    /// # async fn pay(order: u64) -> Result<String> { Ok(order.to_string()) }
    /// # async fn example(cx: &mut Context) -> Result {
    /// let receipt: String = cx.once("pay", pay(7)).await?;
    /// cx.say(format!("Paid, receipt {receipt}."));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// That of the call; or the result cannot be written as JSON or read as this type, or the store
    /// fails.
    pub fn once<T, E>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Serialize + DeserializeOwned + Send,
        E: Into<Error> + Send,
    {
        let (parts, name) = (self.parts(), name.to_owned());
        async move { parts.once(name, call).await }
    }
}

impl Parts {
    async fn once<T, E>(
        &self,
        name: String,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
        E: Into<Error>,
    {
        let event = self.event();
        let kept: Results = self.stored(ONCE).await?.unwrap_or_default();
        let mut kept = if kept.event == Some(event) {
            kept
        } else {
            Results::default()
        };
        self.remove(ONCE); // the commit ends what was kept
        if let Some(result) = kept.by_name.get(&name) {
            return Ok(T::deserialize(result)?);
        }
        let result = call.await.map_err(E::into)?;
        kept.event = Some(event);
        kept.by_name.insert(name, serde_json::to_value(&result)?);
        self.put(ONCE, &kept).await?;
        Ok(result)
    }
}
