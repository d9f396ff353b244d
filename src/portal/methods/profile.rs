//! The calling user (`profile`). Needs no scope, so it is the best test of credentials. Page
//! `settings/how-to-call-rest-api`.

use serde::Deserialize;

use crate::event::UserId;
use crate::portal::http::answer::number_or_text;

/// The user as whom the application or webhook acts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct Profile {
    /// The user's id; the portal writes it as text.
    #[serde(deserialize_with = "number_or_text")]
    pub id: UserId,
    /// Whether the user is an administrator.
    #[serde(default)]
    pub admin: bool,
    /// The first name.
    #[serde(default)]
    pub name: Option<String>,
    /// The last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// `M`, `F` or empty.
    #[serde(default)]
    pub personal_gender: Option<String>,
    /// The time zone, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: Option<String>,
}

methods! {
    /// Returns the calling user.
    Get "profile" () [] -> Profile;
}
