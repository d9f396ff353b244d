//! `events --follow`: prints events as they arrive, from the counts that the running program
//! stores.

use std::collections::HashMap;
use std::io::{Write, stdout};
use std::time::Duration;

use serde_json::json;

use super::Events;
use crate::cli::Done;
use crate::serve;
use crate::store::Arrived;

/// Pause between two reads of the store. The running program updates its counts once a second.
const READ_EVERY: Duration = Duration::from_millis(250);

/// Prints what arrives until it is asked to stop.
pub(super) async fn follow(events: &Events) -> Done {
    let store = events.config.store.attend()?;
    let mut before = counts(store.arrived(Vec::new()).await?);
    let stop = serve::stop_signal();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = tokio::time::sleep(READ_EVERY) => {}
            () = &mut stop => return Ok(()),
        }
        let mut arrived = store.arrived(Vec::new()).await?;
        arrived.sort_by_key(|arrived| arrived.last);
        for Arrived { name, count, last } in &arrived {
            let more = count.saturating_sub(before.get(name).copied().unwrap_or(0));
            if more == 0 || !events.wants(name) {
                continue;
            }
            let line = if events.json {
                json!({ "event": name, "more": more, "count": count, "last": last.to_string() })
                    .to_string()
            } else {
                format!("{last}  {name}  {more}× ({count} in all)")
            };
            if writeln!(stdout().lock(), "{line}").is_err() {
                return Ok(()); // the reader has gone, such as `head`
            }
        }
        before = counts(arrived);
    }
}

fn counts(arrived: Vec<Arrived>) -> HashMap<String, u64> {
    let count = |arrived: Arrived| (arrived.name, arrived.count);
    arrived.into_iter().map(count).collect()
}
