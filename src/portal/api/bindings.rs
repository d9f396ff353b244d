//! Binds events to our address, or to the portal's offline queue (`event.*`).

use serde_json::{Value, json};

use crate::portal::schedule::queue::BATCH_MAX;
use crate::portal::{Binding, Error, Portal};

impl Portal {
    /// Returns the names of all events that the application may bind.
    ///
    /// # Errors
    /// Those of every [`call`](Portal::call).
    pub async fn event_names(&self) -> Result<Vec<String>, Error> {
        self.call("events", &json!({})).await
    }

    /// Returns the bindings, with event names in upper case. A user who is not an administrator
    /// sees only their own bindings.
    ///
    /// # Errors
    /// Those of every [`call`](Portal::call).
    pub async fn bindings(&self) -> Result<Vec<Binding>, Error> {
        let mut bound: Vec<Binding> = self.call("event.get", &json!({})).await?;
        for binding in &mut bound {
            binding.event.make_ascii_uppercase();
        }
        Ok(bound)
    }

    /// Binds events, many in one request. Returns the bindings that the portal refused, each with
    /// its error.
    ///
    /// # Errors
    /// A request as a whole failed; earlier bindings stay.
    pub async fn bind(&self, bindings: &[Binding]) -> Result<Vec<(Binding, String)>, Error> {
        self.for_each("event.bind", bindings).await
    }

    /// Removes bindings, many in one request. Returns those that the portal refused to remove, each
    /// with its error.
    ///
    /// # Errors
    /// A request as a whole failed.
    pub async fn unbind(&self, bindings: &[Binding]) -> Result<Vec<(Binding, String)>, Error> {
        self.for_each("event.unbind", bindings).await
    }

    async fn for_each(
        &self,
        method: &str,
        bindings: &[Binding],
    ) -> Result<Vec<(Binding, String)>, Error> {
        let mut refused = Vec::new();
        for bindings in bindings.chunks(BATCH_MAX) {
            let mut batch = self.in_bulk().batch();
            let add = |binding| {
                (
                    binding,
                    batch.add::<Value>(method, Binding::params(binding)),
                )
            };
            let commands: Vec<_> = bindings.iter().map(add).collect();
            let mut answers = batch.send().await?;
            for (binding, command) in commands {
                if let Err(error) = answers.take(command) {
                    refused.push((binding.clone(), error.to_string()));
                }
            }
        }
        Ok(refused)
    }
}
