//! What is kept of a conversation in one row, so that one commit writes it: the bot's state, and in a line's chat who has
//! the floor.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::handover::Handover;
use crate::store::StoredState;

/// How a row begins that holds more than the bot's state.
const MARK: &[u8] = b"{\"imbot_floor\":";

/// A row as it is to be used.
#[derive(Debug, Default)]
pub(in crate::handler) struct StoredRow {
    pub(in crate::handler) handover: Handover,
    /// The bot's own state, if there is one.
    pub(in crate::handler) state: Option<StoredState>,
}

/// A row as it is written.
#[derive(Serialize, Deserialize)]
struct Row<'r> {
    imbot_floor: Handover,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    state: Option<&'r RawValue>,
}

impl StoredRow {
    /// Reads a row; one that holds a bot's state and nothing else is that.
    pub(in crate::handler) fn read(row: Option<&StoredState>) -> StoredRow {
        let Some(row) = row else {
            return StoredRow::default();
        };
        if is_on_line(row)
            && let Ok(Row { imbot_floor, state }) = serde_json::from_slice(&row.bytes)
        {
            let state = state.map(|state| StoredState {
                version: row.version,
                bytes: row.bytes.slice_ref(state.get().as_bytes()),
            });
            return StoredRow {
                handover: imbot_floor,
                state,
            };
        }
        StoredRow {
            handover: Handover::default(),
            state: Some(row.clone()),
        }
    }

    /// The row to be written; nothing if there is nothing to remember. `version` is that of a state which is not there.
    ///
    /// # Errors
    /// The state is not JSON.
    pub(in crate::handler) fn row(self, version: u32) -> serde_json::Result<Option<StoredState>> {
        let StoredRow { handover, state } = self;
        if handover == Handover::default() {
            return Ok(state);
        }
        let raw = state
            .as_ref()
            .map(|state| serde_json::from_slice(&state.bytes));
        let row = Row {
            imbot_floor: handover,
            state: raw.transpose()?,
        };
        Ok(Some(StoredState {
            version: state.as_ref().map_or(version, |state| state.version),
            bytes: Bytes::from(serde_json::to_vec(&row)?.into_boxed_slice()),
        }))
    }
}

/// Whether a conversation is known to be the chat of an open channel, by its row.
pub(crate) fn is_on_line(row: &StoredState) -> bool {
    row.bytes.starts_with(MARK)
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
        handover.give_away();
        handover
    }

    #[test]
    fn the_state_and_the_floor_come_back_as_they_were() {
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
            assert!(is_on_line(&row));
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
    fn a_state_alone_is_its_row_and_no_row_is_nothing() {
        let alone = state("{\"a\":1}");
        let kept = StoredRow::read(Some(&alone));
        assert_eq!(kept.state.as_ref(), Some(&alone));
        assert!(!is_on_line(&alone));
        assert_eq!(kept.row(3).unwrap(), Some(alone));
        assert!(StoredRow::read(None).row(3).unwrap().is_none());
    }
}
