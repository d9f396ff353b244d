//! What applications are told of open channels: sections 3 and 4 of open-channels.md, 6.1 of server-behaviour.md.
//!
//! Events of connectors go to the application of the connector, those of lines and sessions to whoever has bound them.

mod connectors;
mod outgoing;
mod sessions;

use serde_json::{Value, json};

use crate::emulator::world::line::place::Place;

/// Where a client is, as events say it.
fn connector(place: &Place) -> Value {
    json!({
        "connector_id": place.connector,
        "line_id": place.line,
        "chat_id": place.chat,
        "user_id": place.user,
    })
}
