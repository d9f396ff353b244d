//! Payload of users: a user joined the portal.
//!
//! Page `b24restdocs: api-reference/common/events/on-user-add.md`.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, UserId};

/// A user joined the portal. The application's scope decides which fields are present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Whether the account is active.
    pub active: Option<bool>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// `M` or `F`.
    pub gender: Option<String>,
    /// The birthday, in the portal's format.
    pub birthday: Option<String>,
    /// The position in the company.
    pub work_position: Option<String>,
    /// Their departments.
    pub departments: Vec<u64>,
    /// When they joined the portal, in the portal's format.
    pub registered: Option<String>,
    /// When they joined the company, in the portal's format.
    pub employed: Option<String>,
}

impl Payload for User {
    const EVENTS: &'static [&'static str] = &["ONUSERADD"];

    fn read(event: &Delivery) -> Result<User, DecodeError> {
        let data = event.required_data()?;
        let departments = data.get("UF_DEPARTMENT");
        Ok(User {
            id: data.required_number("ID")?,
            active: data.flag_at("ACTIVE"),
            email: data.string_at("EMAIL"),
            first_name: data.string_at("NAME"),
            last_name: data.string_at("LAST_NAME"),
            gender: data.string_at("PERSONAL_GENDER"),
            birthday: data.string_at("PERSONAL_BIRTHDAY"),
            work_position: data.string_at("WORK_POSITION"),
            departments: departments.map_or(Ok(Vec::new()), |list| list.numbers())?,
            registered: data.string_at("DATE_REGISTER"),
            employed: data.string_at("UF_EMPLOYMENT_DATE"),
        })
    }
}
