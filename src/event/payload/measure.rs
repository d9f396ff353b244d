//! Payloads of units of measure, of CRM and of the product catalogue.
//!
//! Pages `api-reference/catalog/measure/events/*` of the documentation, and the outdated ones of
//! CRM, which show no example.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery};

/// A unit of measure that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Measure {
    /// Its id.
    pub id: u64,
}

impl Payload for Measure {
    const EVENTS: &'static [&'static str] = &["ONCRMMEASURE*", "CATALOG.MEASURE.ON.*"];

    fn read(event: &Delivery) -> Result<Measure, DecodeError> {
        let id = event.fields()?.required_number("ID")?;
        Ok(Measure { id })
    }
}
