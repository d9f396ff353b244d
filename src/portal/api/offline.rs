//! Offline events: the portal keeps them until they are fetched and cleared (`event.offline.*`).
//!
//! The portal keeps one record, the latest, per event and subject (protocol/events.md 3), for 30
//! days. A batch that was fetched and not cleared stays under its `process_id`, and no other fetch
//! returns it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::event::{DecodeError, Delivery};
use crate::portal::{Error, Portal};

/// Maximum number of records that one call fetches.
pub const OFFLINE_MAX: usize = 50;
/// Maximum number of pages searched for batches that were not cleared.
const PAGES_MAX: usize = 20;

/// Records that were fetched together.
#[derive(Clone, Debug)]
pub struct OfflineBatch {
    /// The id to clear them with; `None` if the portal has already removed them, because its plan
    /// keeps no more.
    pub process_id: Option<String>,
    /// The events, oldest first; an error for each that could not be decoded.
    pub events: Vec<Result<Delivery, DecodeError>>,
}

#[derive(Deserialize)]
struct Fetched {
    #[serde(default)]
    process_id: Option<String>,
    events: Vec<Value>,
}

impl From<Fetched> for OfflineBatch {
    fn from(fetched: Fetched) -> OfflineBatch {
        let events = fetched.events.iter().map(Delivery::from_offline);
        OfflineBatch {
            events: events.collect(),
            process_id: fetched.process_id.filter(|id| !id.is_empty()),
        }
    }
}

impl Portal {
    /// Fetches offline events. They stay on the portal until they are
    /// [cleared](Portal::clear_offline) if its plan supports that (`rest_offline_extended`);
    /// otherwise this call removes them.
    ///
    /// # Errors
    /// `ACCESS_DENIED` unless the application was installed by an administrator; those of every
    /// [`call`](Portal::call).
    pub async fn fetch_offline(&self) -> Result<OfflineBatch, Error> {
        const METHOD: &str = "event.offline.get";
        let kept = json!({ "clear": 0, "limit": OFFLINE_MAX });
        let fetched: Fetched = match self.call(METHOD, &kept).await {
            Err(error) if error.is("WRONG_LICENSE") => {
                self.call(METHOD, &json!({ "limit": OFFLINE_MAX })).await?
            }
            fetched => fetched?,
        };
        Ok(fetched.into())
    }

    /// Returns the batches that were fetched and not cleared, for example by a process that died.
    ///
    /// # Errors
    /// Those of [`fetch_offline`](Portal::fetch_offline).
    pub async fn uncleared_offline(&self) -> Result<Vec<OfflineBatch>, Error> {
        let mut left: Vec<String> = Vec::new();
        for page in 0..PAGES_MAX {
            let params = json!({ "start": page * OFFLINE_MAX });
            let records: Vec<Value> = self.call("event.offline.list", &params).await?;
            let ids = records
                .iter()
                .filter_map(|record| record["PROCESS_ID"].as_str());
            for id in ids.filter(|id| !id.is_empty()) {
                if !left.iter().any(|known| known == id) {
                    left.push(id.to_owned());
                }
            }
            if records.len() < OFFLINE_MAX {
                break;
            }
        }
        let mut batches = Vec::with_capacity(left.len());
        for id in left {
            let params = json!({ "clear": 0, "process_id": id });
            let mut batch: OfflineBatch = self
                .call::<Fetched>("event.offline.get", &params)
                .await?
                .into();
            batch.process_id = Some(id);
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Clears a batch of offline events, once they are stored.
    ///
    /// # Errors
    /// Those of [`fetch_offline`](Portal::fetch_offline).
    pub async fn clear_offline(&self, process_id: &str) -> Result<(), Error> {
        let params = json!({ "process_id": process_id });
        self.call::<Value>("event.offline.clear", &params)
            .await
            .map(drop)
    }
}
