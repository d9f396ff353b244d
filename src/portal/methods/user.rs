//! The portal's users (`user.*`). Pages `api-reference/user`. Scope `user`, or a narrower one.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Success;
use crate::event::UserId;
use crate::portal::http::answer::number_or_text;

/// A user of the portal. The scope decides which fields are present; fields not listed here are in
/// `more`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct User {
    /// The user's id; the portal writes it as text.
    #[serde(deserialize_with = "number_or_text")]
    pub id: UserId,
    /// Whether the user may log in.
    #[serde(default)]
    pub active: Option<bool>,
    /// The first name.
    #[serde(default)]
    pub name: Option<String>,
    /// The last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The position in the company.
    #[serde(default)]
    pub work_position: Option<String>,
    /// All other fields, such as `UF_DEPARTMENT`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

methods! {
    /// Returns true if the calling user may manage applications: an administrator. Needs no scope.
    Admin "user.admin" () [] -> bool;

    /// Returns the calling user.
    Current "user.current" () [] -> User;

    /// Finds users by their fields, fifty at a time
    /// ([`Portal::pages`](crate::portal::Portal::pages) for all).
    Get "user.get" ()
        [filter: Value = "FILTER", sort: String = "sort", order: String = "order", select: Vec<String> = "select",
         admin_mode: bool = "ADMIN_MODE", image_resize: String = "IMAGE_RESIZE", start: u64 = "start"] -> Vec<User>;

    /// Finds users by words in their names, positions and departments, fifty at a time.
    Search "user.search" ()
        [filter: Value = "FILTER", sort: String = "sort", order: String = "order", select: Vec<String> = "select",
         admin_mode: bool = "ADMIN_MODE", start: u64 = "start"] -> Vec<User>;

    /// Returns the fields of users, with their titles.
    Fields "user.fields" () [] -> Map<String, Value>;

    /// Invites a user; other fields can be set with [`Update`].
    ///
    /// Errors: `ERROR_ARGUMENT`, `ERROR_CORE`, `ERROR_NO_GROUP`.
    Add "user.add" (email: String = "EMAIL")
        [name: String = "NAME", last_name: String = "LAST_NAME", work_position: String = "WORK_POSITION",
         departments: Vec<u64> = "UF_DEPARTMENT"] -> UserId;

    /// Changes a user.
    ///
    /// Errors: `ERROR_CORE`.
    Update "user.update" (id: UserId = "ID")
        [active: bool = "ACTIVE", email: String = "EMAIL", name: String = "NAME", last_name: String = "LAST_NAME",
         work_position: String = "WORK_POSITION", work_phone: String = "WORK_PHONE",
         personal_mobile: String = "PERSONAL_MOBILE", departments: Vec<u64> = "UF_DEPARTMENT"] -> Success;
}
