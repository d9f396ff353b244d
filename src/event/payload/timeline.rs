//! Payloads of the CRM timeline: its comments.
//!
//! Pages `api-reference/crm/timeline/comments/events/*` of the documentation.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery};

/// A comment that was written, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comment {
    /// Its id; `crm.timeline.comment.get` returns the rest.
    pub id: u64,
}

impl Payload for Comment {
    const EVENTS: &'static [&'static str] = &["ONCRMTIMELINECOMMENT*"];

    fn read(event: &Delivery) -> Result<Comment, DecodeError> {
        let id = event.required_data()?.required_number("ID")?;
        Ok(Comment { id })
    }
}
