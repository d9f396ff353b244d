//! The portal's people (`user.*`). Pages `api-reference/user`. Scope `user`, or one of its lesser ones.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Success;
use crate::event::UserId;
use crate::portal::http::answer::number_or_text;

/// A person of the portal. Which fields come depends on the scope; what is not named here is in `more`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct User {
    /// Its number; the portal writes it as a text.
    #[serde(deserialize_with = "number_or_text")]
    pub id: UserId,
    /// Whether it may log in.
    #[serde(default)]
    pub active: Option<bool>,
    /// Its first name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// Its address.
    #[serde(default)]
    pub email: Option<String>,
    /// What it works as.
    #[serde(default)]
    pub work_position: Option<String>,
    /// Everything else, such as `UF_DEPARTMENT`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

methods! {
    /// Tells who calls.
    Current "user.current" () [] -> User;

    /// Finds people by their fields, fifty at a time ([`Portal::pages`](crate::portal::Portal::pages) for all).
    Get "user.get" ()
        [filter: Value = "FILTER", sort: String = "sort", order: String = "order", select: Vec<String> = "select",
         admin_mode: bool = "ADMIN_MODE", image_resize: String = "IMAGE_RESIZE", start: u64 = "start"] -> Vec<User>;

    /// Finds people by words in their names, positions and departments, fifty at a time.
    Search "user.search" ()
        [filter: Value = "FILTER", sort: String = "sort", order: String = "order", select: Vec<String> = "select",
         admin_mode: bool = "ADMIN_MODE", start: u64 = "start"] -> Vec<User>;

    /// Tells the fields of people, with their titles.
    Fields "user.fields" () [] -> Map<String, Value>;

    /// Invites somebody; its other fields can be changed by [`Update`].
    ///
    /// Errors: `ERROR_ARGUMENT`, `ERROR_CORE`, `ERROR_NO_GROUP`.
    Add "user.add" (email: String = "EMAIL")
        [name: String = "NAME", last_name: String = "LAST_NAME", work_position: String = "WORK_POSITION",
         departments: Vec<u64> = "UF_DEPARTMENT"] -> UserId;

    /// Changes a person.
    ///
    /// Errors: `ERROR_CORE`.
    Update "user.update" (id: UserId = "ID")
        [active: bool = "ACTIVE", email: String = "EMAIL", name: String = "NAME", last_name: String = "LAST_NAME",
         work_position: String = "WORK_POSITION", work_phone: String = "WORK_PHONE",
         personal_mobile: String = "PERSONAL_MOBILE", departments: Vec<u64> = "UF_DEPARTMENT"] -> Success;
}
