//! Typed payloads of events that are not a bot's, one file per subject.
//!
//! Most events only say that an object changed, and its id; its new state has to be requested from
//! the portal. So most payloads are little more than ids. Keys without a field can be read from
//! [`Delivery::data`], and so can events without a type. A bot's events are decoded by
//! [`Delivery::events`].
//!
//! ```
//! use imbot::event::{Delivery, payload::connector};
//!
//! let body = "event=ONIMCONNECTORSTATUSDELETE&data[connector]=myconnector&data[line]=107";
//! let status: connector::Status = Delivery::from_form(body)?.read()?;
//! assert_eq!((status.connector.as_str(), status.line.0), ("myconnector", 107));
//! # Ok::<(), imbot::event::DecodeError>(())
//! ```
//!
//! A value that the portal leaves out or sends empty is `None`. So is the word `undefined` in place
//! of a value, in tasks.

pub mod calendar;
pub mod connector;
pub mod crm;
mod measure;
pub mod openline;
mod part;
mod session;
pub mod task;
pub mod telephony;
pub mod timeline;
mod user;

pub use measure::Measure;
pub use session::{Dialogs, Session, Sessions};
pub use user::User;

use super::{AppEvent, DecodeError, Delivery, Node};

/// The payload of events with certain names. Can be implemented for your own types.
pub trait Payload: Sized {
    /// The names of these events in upper case; a star at the end stands for any ending.
    const EVENTS: &'static [&'static str];

    /// Reads it from an event of one of these names.
    ///
    /// # Errors
    /// - [`DecodeError::Missing`]: a key that it needs is missing.
    /// - [`DecodeError::Unexpected`]: a value is not of the documented type.
    fn read(event: &Delivery) -> Result<Self, DecodeError>;
}

impl Payload for AppEvent {
    const EVENTS: &'static [&'static str] = &[
        "ONAPPINSTALL",
        "ONAPPUPDATE",
        "ONAPPUNINSTALL",
        "ONAPPPAYMENT",
        "ONAPPMETHODCONFIRM",
        "ONAPPTEST",
        "ONAPPSETTINGS*",
        "ONOFFLINEEVENT",
    ];

    fn read(event: &Delivery) -> Result<AppEvent, DecodeError> {
        AppEvent::decode(&event.name, event.root())?.ok_or_else(|| event.other_event::<AppEvent>())
    }
}

/// Whether events of this name have the payload.
pub fn carries<P: Payload>(name: &str) -> bool {
    P::EVENTS.iter().any(|own| match own.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *own,
    })
}

impl Delivery {
    /// Reads the event's payload.
    ///
    /// # Errors
    /// - [`DecodeError::OtherEvent`]: events of this name have another payload.
    /// - Those of [`Payload::read`].
    pub fn read<P: Payload>(&self) -> Result<P, DecodeError> {
        if carries::<P>(&self.name) {
            P::read(self)
        } else {
            Err(self.other_event::<P>())
        }
    }

    fn other_event<P: Payload>(&self) -> DecodeError {
        DecodeError::OtherEvent {
            event: self.name.to_string(),
            carriers: P::EVENTS.join(", "),
        }
    }

    /// The event's data, or an error if they are missing.
    pub(super) fn required_data(&self) -> Result<Node<'_>, DecodeError> {
        self.data().ok_or_else(|| self.root().missing("data"))
    }

    /// The fields of the changed object, which some events nest under `FIELDS`.
    fn fields(&self) -> Result<Node<'_>, DecodeError> {
        self.required_data()?.required_map("FIELDS")
    }
}
