//! Payloads of the calendar: its events, sections and resources.
//!
//! Pages `b24restdocs: api-reference/calendar/**/on-calendar-*.md`. Keys are in lower case here.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery};

/// A calendar event that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its id.
    pub id: u64,
}

/// A section or resource that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Section {
    /// Its id.
    pub id: u64,
}

impl Payload for Entry {
    const EVENTS: &'static [&'static str] = &["ONCALENDARENTRY*"];

    fn read(event: &Delivery) -> Result<Entry, DecodeError> {
        let id = event.required_data()?.required_number("id")?;
        Ok(Entry { id })
    }
}

impl Payload for Section {
    const EVENTS: &'static [&'static str] = &["ONCALENDARSECTION*"];

    fn read(event: &Delivery) -> Result<Section, DecodeError> {
        let id = event.required_data()?.required_number("id")?;
        Ok(Section { id })
    }
}
