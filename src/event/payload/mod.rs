//! What events carry that are not a bot's, typed: a file for each subject.
//!
//! An event says that something changed and which thing it was; what the thing is now one asks the portal. So most of these
//! are little more than ids. Keys that no field is for stay reachable in [`Delivery::data`], and so does every event that no
//! type is for. What a bot's events say is in [`Delivery::events`].
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
//! What the portal leaves out or sends empty is all the same: nothing. So is the word `undefined` where it belongs, in tasks.

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

/// What events of some names carry. A type of your own may be one, too.
pub trait Payload: Sized {
    /// The events that carry it: their names in upper case, or the beginnings of names with a star at the end.
    const EVENTS: &'static [&'static str];

    /// Reads it from an event of one of these names.
    ///
    /// # Errors
    /// A key is missing without which the event has no meaning, or holds something else than the portal documents.
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
        "ONOFFLINEEVENT",
    ];

    fn read(event: &Delivery) -> Result<AppEvent, DecodeError> {
        AppEvent::decode(&event.name, event.root())?.ok_or_else(|| event.other_event::<AppEvent>())
    }
}

/// Whether events of this name carry a payload.
pub fn carries<P: Payload>(name: &str) -> bool {
    P::EVENTS.iter().any(|own| match own.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *own,
    })
}

impl Delivery {
    /// Reads what the event carries.
    ///
    /// # Errors
    /// Events of this name do not carry it, or as of [`Payload::read`].
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

    /// The event's own part, where the event has no meaning without one.
    pub(super) fn required_data(&self) -> Result<Node<'_>, DecodeError> {
        self.data().ok_or_else(|| self.root().missing("data"))
    }

    /// The fields of what changed, where the portal puts them into a map of their own.
    fn fields(&self) -> Result<Node<'_>, DecodeError> {
        self.required_data()?.required_map("FIELDS")
    }
}
