//! Users: somebody joined the portal.
//!
//! Page `api-reference/common/events/on-user-add.md` of the documentation.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, UserId};

/// Somebody joined the portal. Which fields come depends on the application's scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// Their number.
    pub id: UserId,
    /// Whether the account is in use.
    pub active: Option<bool>,
    /// Their address.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// `M` or `F`.
    pub gender: Option<String>,
    /// The day they were born, as the portal writes days.
    pub birthday: Option<String>,
    /// What they do.
    pub work_position: Option<String>,
    /// Their departments.
    pub departments: Vec<u64>,
    /// When they joined the portal, as the portal writes times.
    pub registered: Option<String>,
    /// When they joined the company, as the portal writes days.
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
