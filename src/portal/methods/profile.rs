//! Who calls (`profile`): the best test of an access, since it needs no scope. Page `settings/how-to-call-rest-api`.

use serde::Deserialize;

use crate::event::UserId;
use crate::portal::http::answer::number_or_text;

/// The person as whom the application or webhook acts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct Profile {
    /// Its number; the portal writes it as a text.
    #[serde(deserialize_with = "number_or_text")]
    pub id: UserId,
    /// Whether it is an administrator.
    #[serde(default)]
    pub admin: bool,
    /// Its first name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// `M`, `F` or empty.
    #[serde(default)]
    pub personal_gender: Option<String>,
    /// Its time zone, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: Option<String>,
}

methods! {
    /// Tells who calls.
    Get "profile" () [] -> Profile;
}
