//! The calendar: its events, and its sections and resources.
//!
//! Pages `api-reference/calendar/**/on-calendar-*.md` of the documentation. Keys are in lower case here.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery};

/// An event of a calendar that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub id: u64,
}

/// A section or resource that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Section {
    /// Its number.
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
