//! The application and the portal it is on (`app.info`, `scope`, `server.time`, …). Pages `api-reference/common/system`.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::portal::http::answer::number_or_text;

/// The application on this portal. A `STATUS` is `F` free, `D` demo, `T` trial, `P` paid, `L` local, `S` subscription.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub struct Info {
    /// Its number.
    #[serde(deserialize_with = "number_or_text")]
    pub id: u64,
    /// Its code.
    pub code: String,
    /// Which version of it is installed.
    #[serde(default)]
    pub version: Option<u64>,
    /// How it is paid for, as a letter.
    #[serde(default)]
    pub status: Option<String>,
    /// Whether its installation is finished.
    #[serde(default, deserialize_with = "yes")]
    pub installed: bool,
    /// Whether the paid or trial time is over.
    #[serde(default, deserialize_with = "yes")]
    pub payment_expired: bool,
    /// Days left of it; negative when it is over.
    #[serde(default, deserialize_with = "days")]
    pub days: Option<i64>,
    /// The portal's language, such as `en`.
    #[serde(default)]
    pub language_id: Option<String>,
    /// The portal's plan, such as `en_pro`.
    #[serde(default)]
    pub license: Option<String>,
}

/// Whether there is a method, and whether it may be called.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodInfo {
    /// Whether the portal has it.
    pub is_existing: bool,
    /// Whether the application has its scope.
    pub is_available: bool,
}

/// Whether the portal has a feature.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Feature {
    /// `Y` or `N`.
    pub value: String,
}

methods! {
    /// Tells what the application is on this portal.
    ///
    /// Errors: `ACCESS_DENIED` outside an application.
    AppInfo "app.info" () [] -> Info;

    /// Tells the scopes that the application has; with `full`, all that there are.
    Scope "scope" () [full: bool = "full"] -> Vec<String>;

    /// Tells whether a method is known and may be called; its name in small letters.
    MethodGet "method.get" (name: String = "name") [] -> MethodInfo;

    /// Tells whether the portal has a feature, such as `rest_offline_extended`.
    ///
    /// Errors: `CODE_EMPTY`.
    FeatureGet "feature.get" (code: String = "CODE") [] -> Feature;

    /// Tells the portal's time (ISO 8601).
    ServerTime "server.time" () [] -> String;

    /// Tells the names of access codes such as `U1` and `G2`.
    AccessName "access.name" (access: Vec<String> = "ACCESS") [] -> serde_json::Value;
}

/// A yes, as a boolean or as `Y`: `app.info` has both.
fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let told = Value::deserialize(deserializer)?;
    Ok(told == true || told == "Y")
}

/// A number, also one that is written as a text.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let told = Value::deserialize(deserializer)?;
    Ok(told.as_i64().or_else(|| told.as_str()?.parse().ok()))
}

impl Feature {
    /// Whether it has.
    pub fn is_there(&self) -> bool {
        self.value.eq_ignore_ascii_case("Y")
    }
}
