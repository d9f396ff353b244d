//! The stored row of a conversation: the bot's state and, in an open channel, the [`Handover`]. One
//! row, so that one commit writes both.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::handover::Handover;
use crate::store::StoredState;

/// First bytes of a row with a handover. Other rows hold the bot's state only.
const HANDOVER_PREFIX: &[u8] = b"{\"imbot_floor\":";

/// The contents of a row.
#[derive(Debug, Default)]
pub(in crate::handler) struct StoredRow {
    pub(in crate::handler) handover: Handover,
    /// The bot's state. `None` for the default.
    pub(in crate::handler) state: Option<StoredState>,
}

/// A row with a handover, as JSON.
#[derive(Serialize, Deserialize)]
struct Row<'r> {
    #[serde(rename = "imbot_floor")]
    handover: Handover,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    state: Option<&'r RawValue>,
}

impl StoredRow {
    /// Reads a row.
    pub(in crate::handler) fn read(row: Option<&StoredState>) -> Self {
        let Some(row) = row else {
            return Self::default();
        };
        if is_open_channel(row)
            && let Ok(Row { handover, state }) = serde_json::from_slice(&row.bytes)
        {
            let state = state.map(|state| StoredState {
                version: row.version,
                bytes: row.bytes.slice_ref(state.get().as_bytes()),
            });
            return Self { handover, state };
        }
        Self {
            handover: Handover::default(),
            state: Some(row.clone()),
        }
    }

    /// Returns the row to be written, or `None` if there is nothing to store. `version` is the
    /// state version of a row without a state.
    ///
    /// # Errors
    /// The state is not JSON.
    pub(in crate::handler) fn row(self, version: u32) -> serde_json::Result<Option<StoredState>> {
        let Self { handover, state } = self;
        if handover == Handover::default() {
            return Ok(state);
        }
        let raw = state
            .as_ref()
            .map(|state| serde_json::from_slice(&state.bytes));
        let row = Row {
            handover,
            state: raw.transpose()?,
        };
        Ok(Some(StoredState {
            version: state.as_ref().map_or(version, |state| state.version),
            bytes: Bytes::from(serde_json::to_vec(&row)?.into_boxed_slice()),
        }))
    }
}

/// Whether a row belongs to a chat of an open channel.
pub(crate) fn is_open_channel(row: &StoredState) -> bool {
    row.bytes.starts_with(HANDOVER_PREFIX)
}

/// Whether a row says that an operator has the chat of an open channel.
pub(crate) fn is_with_operator(row: &StoredState) -> bool {
    StoredRow::read(Some(row)).handover.is_with_operator()
}

#[cfg(test)]
mod tests {
    use crate::handler::turn::stored_row::*;

    fn state(text: &str) -> StoredState {
        let bytes = Bytes::from(text.to_owned());
        StoredState { version: 3, bytes }
    }

    fn handover() -> Handover {
        let mut handover = Handover::default();
        handover.give_to_operator();
        handover
    }

    #[test]
    fn the_state_and_the_handover_are_read_as_written() {
        for text in [Some("[1,2]"), Some("\"{\\\"imbot_floor\\\":\""), None] {
            let state = text.map(state);
            let kept = StoredRow {
                handover: handover(),
                state: state.clone(),
            };
            let row = kept.row(3).unwrap().unwrap();
            let kept = StoredRow::read(Some(&row));
            assert_eq!((kept.handover, kept.state), (handover(), state));
            assert_eq!(row.version, 3);
            assert!(is_open_channel(&row));
        }
    }

    /// As version 0.1 wrote it; the file in `tests/fixtures/store` has the same row.
    #[test]
    fn an_old_row_still_says_that_an_operator_has_the_chat() {
        let row = state(
            r#"{"imbot_floor":{"session":1,"client":31,"has_begun":true,"with_people":true},"state":1}"#,
        );
        let read = StoredRow::read(Some(&row));
        assert!(read.handover.is_with_operator());
        assert_eq!(read.state, Some(state("1")));
        assert_eq!(read.row(3).unwrap(), Some(row));
    }

    #[test]
    fn a_state_without_a_handover_is_stored_as_it_is() {
        let alone = state("{\"a\":1}");
        let kept = StoredRow::read(Some(&alone));
        assert_eq!(kept.state.as_ref(), Some(&alone));
        assert!(!is_open_channel(&alone));
        assert_eq!(kept.row(3).unwrap(), Some(alone));
        assert!(StoredRow::read(None).row(3).unwrap().is_none());
    }
}
